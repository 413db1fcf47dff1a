#include "tools/client/connection.h"

#include <chrono>
#include <utility>

#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>

#include "proto/frame.h"

namespace topod::client {

namespace {

// What a server answers is as long as what it shows; only nonsense is refused.
constexpr int32_t kAnswerMaxBytes = 1 << 30;
constexpr size_t kReadBytes = size_t{64} * 1024;

SessionSettings with_servers(SessionSettings settings, size_t count) {
  settings.servers = count;
  return settings;
}

}  // namespace

int64_t monotonic_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// One attempt to reach one server. Its handlers do nothing once it is no longer the current one.
struct Connection::Link {
  explicit Link(asio::io_context& io) : resolver(io), socket(io), frames(kAnswerMaxBytes) {}

  asio::ip::tcp::resolver resolver;
  asio::ip::tcp::socket socket;
  asio::ip::tcp::resolver::results_type endpoints;
  FrameReader frames;
  std::string unsent;
  std::string sending;
  bool is_open = false;
};

Connection::Connection(asio::io_context& io, std::vector<Address> servers, SessionSettings settings)
    : io_(io),
      servers_(std::move(servers)),
      session_(with_servers(std::move(settings), servers_.size())),
      timer_(io) {}

Connection::~Connection() = default;

CallId Connection::call(Request request, int64_t deadline_ms, Handler handler) {
  const CallId id = ++last_call_;
  handlers_.emplace(id, std::move(handler));
  step(Session::Call{id, std::move(request), deadline_ms});
  return id;
}

void Connection::step(Session::Event event) {
  const int64_t now_ms = monotonic_ms();
  Session::Output out = session_.step(std::move(event), now_ms);
  if (out.disconnect) {
    if (link_) {
      asio::error_code ignored;
      link_->socket.close(ignored);
      link_->resolver.cancel();
    }
    link_.reset();
  }
  if (out.connect) connect(servers_[*out.connect]);
  if (!out.bytes.empty() && link_) {
    link_->unsent += out.bytes;
    if (link_->sending.empty()) write(link_);
  }
  // Not from here: a handler may call again, and the session is not to be entered twice.
  for (Session::Notice& notice : out.notices) {
    asio::post(io_, [this, notice = std::move(notice)]() mutable { deliver(notice); });
  }
  wake_at(out.wake_ms);
}

// An alarm that comes too early does no harm; one for every step would cost more than the step.
void Connection::wake_at(int64_t moment_ms) {
  if (moment_ms >= alarm_ms_) return;
  alarm_ms_ = moment_ms;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::milliseconds(moment_ms)));
  timer_.async_wait([this](asio::error_code error) {
    if (error) return;
    alarm_ms_ = kNever;
    step(Session::Tick{});
  });
}

void Connection::deliver(Session::Notice& notice) {
  if (auto* answer = std::get_if<Session::Answer>(&notice)) {
    const auto found = handlers_.find(answer->id);
    if (found == handlers_.end()) return;
    const Handler handler = std::move(found->second);
    handlers_.erase(found);
    handler(std::move(answer->result));
  } else if (const auto* news = std::get_if<WatchNews>(&notice)) {
    tell_observers([news](const Observer& observer) { observer.on_news(*news); });
  } else {
    const SessionState state = std::get<SessionState>(notice);
    tell_observers([state](const Observer& observer) { observer.on_state(state); });
  }
}

Connection::ObserverId Connection::observe(Observer observer) {
  observers_.emplace(++last_observer_, std::move(observer));
  return last_observer_;
}

// They come and go while they are told.
void Connection::tell_observers(const std::function<void(const Observer&)>& tell) {
  const ObserverId last = last_observer_;
  for (auto next = observers_.begin(); next != observers_.end() && next->first <= last;) {
    const ObserverId id = next->first;
    const Observer observer = next->second;
    tell(observer);
    next = observers_.upper_bound(id);
  }
}

void Connection::connect(const Address& server) {
  auto link = std::make_shared<Link>(io_);
  link_ = link;
  // Resolved at every attempt: addresses change where servers are replaced.
  link->resolver.async_resolve(
      server.host, server.port,
      [this, link](asio::error_code error, asio::ip::tcp::resolver::results_type endpoints) {
        if (link != link_) return;
        if (error) return broken(link, "resolve: " + error.message());
        link->endpoints = std::move(endpoints);
        resolved(link);
      });
}

void Connection::resolved(const std::shared_ptr<Link>& link) {
  asio::async_connect(link->socket, link->endpoints,
                      [this, link](asio::error_code error, const asio::ip::tcp::endpoint&) {
                        if (link != link_) return;
                        if (error) return broken(link, "connect: " + error.message());
                        asio::error_code ignored;
                        link->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
                        link->is_open = true;
                        read(link);
                        step(Session::Opened{});
                      });
}

void Connection::read(const std::shared_ptr<Link>& link) {
  const std::span<char> room = link->frames.writable(kReadBytes);
  link->socket.async_read_some(asio::buffer(room.data(), room.size()),
                               [this, link](asio::error_code error, size_t bytes) {
                                 if (link != link_) return;
                                 link->frames.filled(bytes);
                                 if (bytes > 0) received(link);
                                 if (link != link_) return;
                                 if (error) return broken(link, error.message());
                                 read(link);
                               });
}

void Connection::received(const std::shared_ptr<Link>& link) {
  while (link == link_) {
    const FrameReader::Next next = link->frames.next();
    if (next.verdict == FrameReader::Verdict::kNeedMore) return;
    if (next.verdict == FrameReader::Verdict::kBadLength) {
      return broken(link, "a frame of an impossible length");
    }
    step(Session::Received{next.frame});
  }
}

void Connection::write(const std::shared_ptr<Link>& link) {
  if (!link->is_open) return;
  link->sending.swap(link->unsent);
  asio::async_write(link->socket, asio::buffer(link->sending),
                    [this, link](asio::error_code error, size_t) {
                      if (link != link_) return;
                      link->sending.clear();
                      if (error) return broken(link, error.message());
                      if (!link->unsent.empty()) write(link);
                    });
}

void Connection::broken(const std::shared_ptr<Link>& link, const std::string& why) {
  asio::error_code ignored;
  link->socket.close(ignored);
  link_.reset();
  step(Session::Closed{why});
}

}  // namespace topod::client
