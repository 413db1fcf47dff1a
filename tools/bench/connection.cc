#include "tools/bench/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "proto/check.h"

namespace topod::bench {

namespace {

// A list of a million children is a legal reply.
constexpr int32_t kMaxReplyBytes = 256 * 1024 * 1024;
constexpr size_t kPendingAtFirst = 16;

const Request& ping_request() {
  static const Request request = make_bare(OpCode::kPing);
  return request;
}

void put_xid(char* frame, int32_t xid) {
  const uint32_t raw = jute_detail::big_endian(static_cast<uint32_t>(xid));
  std::memcpy(frame + kXidOffset, &raw, sizeof raw);
}

}  // namespace

Connection::Connection(EventLoop& loop, ConnectionHandler& handler, size_t index,
                       const Settings& settings)
    : loop_(loop),
      handler_(handler),
      index_(index),
      settings_(settings),
      reader_(kMaxReplyBytes),
      pending_(kPendingAtFirst) {}

Connection::~Connection() { close(); }

void Connection::open() {
  CHECK(state_ == State::kClosed);
  if (!reader_.pending().empty()) reader_ = FrameReader(kMaxReplyBytes);
  unsent_.clear();
  unsent_begin_ = 0;
  pending_begin_ = pending_end_ = 0;
  last_xid_ = 0;
  ping_sent_ = 0;
  waits_for_room_ = false;
  ++generation_;
  state_ = State::kConnecting;

  const auto* address = reinterpret_cast<const sockaddr*>(&settings_.server.storage);
  socket_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return lose_by_error("socket");
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, address, settings_.server.length) != 0 && errno != EINPROGRESS) {
    return lose_by_error("connect");
  }
  if (!loop_.add(socket_, *this, EPOLLIN)) return lose_by_error("epoll_ctl");
  // A send on a socket that still connects asks to wait for room, which comes when it has
  // connected, or reports why it could not.
  queue_connect_request();
  want_flush();
}

void Connection::queue_connect_request() {
  const size_t place = begin_frame(unsent_);
  JuteWriter out(unsent_);
  ConnectRequest request;
  request.timeout_ms = settings_.session_timeout_ms;
  request.password = std::string_view();
  request.has_read_only = true;
  request.write(out);
  end_frame(unsent_, place);
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  if (state_ != State::kClosed) ++generation_;
  state_ = State::kClosed;
}

void Connection::lose(std::string_view why) {
  close();
  loop_.do_not_sleep();
  handler_.on_lost(*this, why);
}

void Connection::lose_by_error(const char* call) {
  lose(std::string(call) + ": " + std::strerror(errno));
}

char* Connection::send(const Request& request, uint32_t tag, Nanoseconds intended) {
  CHECK(is_ready());
  last_xid_ = last_xid_ == std::numeric_limits<int32_t>::max() ? 1 : last_xid_ + 1;
  push_pending({last_xid_, tag, intended});
  const size_t place = unsent_.size();
  unsent_.append(request.frame);
  put_xid(unsent_.data() + place, last_xid_);
  want_flush();
  return unsent_.data() + place;
}

bool Connection::ping(Nanoseconds intended) {
  if (!is_ready() || is_pinging()) return false;
  const size_t place = unsent_.size();
  unsent_.append(ping_request().frame);
  put_xid(unsent_.data() + place, kXidPing);
  ping_sent_ = intended;
  want_flush();
  return true;
}

void Connection::push_pending(const Pending& pending) {
  if (outstanding() == pending_.size()) {
    std::vector<Pending> larger(pending_.size() * 2);
    for (size_t i = pending_begin_; i != pending_end_; ++i) {
      larger[i & (larger.size() - 1)] = pending_at(i);
    }
    pending_.swap(larger);
  }
  pending_at(pending_end_++) = pending;
}

void Connection::want_flush() {
  if (flush_requested_) return;
  flush_requested_ = true;
  loop_.flush_later(*this);
}

void Connection::flush() {
  flush_requested_ = false;
  if (socket_ < 0 || waits_for_room_ || unsent_begin_ == unsent_.size()) return;
  last_sent_ = monotonic_now();
  const ssize_t sent =
      ::send(socket_, unsent_.data() + unsent_begin_, unsent_.size() - unsent_begin_, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return lose_by_error("send");
  if (sent > 0) unsent_begin_ += static_cast<size_t>(sent);
  if (unsent_begin_ == unsent_.size()) {
    unsent_.clear();
    unsent_begin_ = 0;
    return;
  }
  waits_for_room_ = true;
  loop_.modify(socket_, *this, EPOLLIN | EPOLLOUT);
}

void Connection::on_ready(uint32_t events) {
  if (socket_ < 0) return;
  if ((events & EPOLLOUT) != 0 && waits_for_room_) {
    waits_for_room_ = false;
    loop_.modify(socket_, *this, EPOLLIN);
    want_flush();
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_socket();
  // At once instead of at the turn's end: the server works while the next socket is read.
  if (flush_requested_) flush();
}

void Connection::read_socket() {
  const std::span<char> room = reader_.writable(settings_.read_chunk_bytes);
  const ssize_t received = ::recv(socket_, room.data(), room.size(), 0);
  if (received == 0) return lose("closed by the server");
  if (received < 0) {
    if (errno != EAGAIN && errno != EINTR) lose_by_error("recv");
    return;
  }
  reader_.filled(static_cast<size_t>(received));
  const Nanoseconds now = monotonic_now();
  const uint64_t generation = generation_;
  while (generation == generation_) {
    const FrameReader::Next next = reader_.next();
    if (next.verdict == FrameReader::Verdict::kNeedMore) return;
    if (next.verdict == FrameReader::Verdict::kBadLength) return lose("bad frame length");
    take_frame(next.frame, now);
  }
}

void Connection::take_frame(std::string_view frame, Nanoseconds now) {
  if (state_ == State::kConnecting) return take_connect_response(frame, now);
  JuteReader in(frame);
  ReplyHeader header;
  header.read(in);
  if (!in.ok()) return lose("short reply");
  if (header.xid == kXidPing) {
    const Nanoseconds sent = std::exchange(ping_sent_, 0);
    return handler_.on_pong(*this, sent, now);
  }
  if (header.xid == kXidNotification) {
    WatchEvent event;
    event.read(in);
    if (!in.ok()) return lose("short watch event");
    return handler_.on_event(*this, event, now);
  }
  take_reply(header, in.rest(), now);
}

void Connection::take_connect_response(std::string_view frame, Nanoseconds now) {
  JuteReader in(frame);
  ConnectResponse response;
  response.read(in);
  if (!in.ok()) return lose("short answer to connect");
  if (response.timeout_ms <= 0 || response.session == 0) return lose("session refused");
  negotiated_timeout_ms_ = response.timeout_ms;
  state_ = State::kReady;
  handler_.on_connected(*this, now);
}

void Connection::take_reply(const ReplyHeader& header, std::string_view body, Nanoseconds now) {
  if (outstanding() == 0) return lose("a reply that was not asked for");
  const Pending pending = pending_at(pending_begin_);
  if (pending.xid != header.xid) return lose("replies out of order");
  ++pending_begin_;
  handler_.on_reply(*this, {pending.tag, header.error, body, pending.intended, now});
}

}  // namespace topod::bench
