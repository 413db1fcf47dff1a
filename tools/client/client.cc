#include "tools/client/client.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <future>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

namespace topod::client {

namespace {

// Events that wait for next_news; a program that does not ask loses the oldest.
constexpr size_t kNewsMax = 1'000'000;

template <class T, class Reader>
Result<T> read_answer(Result<Reply> reply, Reader read) {
  if (!reply) return tl::unexpected(std::move(reply.error()));
  return read(*reply);
}

Result<void> without_body(Result<Reply> reply) {
  if (!reply) return tl::unexpected(std::move(reply.error()));
  return {};
}

Error bad_argument(std::string detail) {
  Error error{.failure = Failure::kBadArgument};
  error.detail = std::move(detail);
  return error;
}

}  // namespace

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// What the client's thread and its callers share.
struct Client::Shared {
  Shared(std::vector<Address> servers, SessionSettings settings)
      : work(io.get_executor()), connection(io, std::move(servers), std::move(settings)) {}

  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  Connection connection;  // only on the thread
  Options options;

  mutable std::mutex mutex;
  std::condition_variable changed;
  SessionState state = SessionState::kConnecting;
  std::deque<WatchNews> news;
  std::set<std::string> queues;  // in which something of this client stands
  std::thread thread;

  void on_state(SessionState now);
  void on_news(const WatchNews& event);
};

void Client::Shared::on_state(SessionState now) {
  {
    const std::scoped_lock lock(mutex);
    state = now;
  }
  changed.notify_all();
  if (options.on_state) options.on_state(now);
}

void Client::Shared::on_news(const WatchNews& event) {
  if (options.on_news) return options.on_news(event);
  {
    const std::scoped_lock lock(mutex);
    if (news.size() == kNewsMax) news.pop_front();
    news.push_back(event);
  }
  changed.notify_all();
}

Client::Client(std::vector<Address> servers, Options options) {
  SessionSettings settings;
  settings.timeout_ms = options.session_timeout_ms;
  settings.allows_read_only = options.allows_read_only;
  settings.identities = options.identities;
  settings.patience_ms = options.call_timeout_ms / (static_cast<int64_t>(servers.size()) + 1);
  settings.seed = random_seed();
  shared_ = std::make_unique<Shared>(std::move(servers), std::move(settings));
  shared_->options = std::move(options);
  Shared& shared = *shared_;
  shared.connection.observe({[&shared](const WatchNews& news) { shared.on_news(news); },
                             [&shared](SessionState changed) { shared.on_state(changed); }});
  // Signals are the program's; a thread inherits what is blocked where it is started.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  shared.thread = std::thread([&shared] { shared.io.run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  post([](Connection& connection) { connection.start(); });
}

Result<std::unique_ptr<Client>> Client::connect(Options options) {
  auto servers = parse_addresses(options.servers);
  if (!servers) return tl::unexpected(bad_argument(servers.error()));
  const std::string named = options.servers;
  std::unique_ptr<Client> client(new Client(std::move(*servers), std::move(options)));
  const auto wait = std::chrono::milliseconds(client->shared_->options.call_timeout_ms);
  const SessionState state = client->wait_for_state(SessionState::kConnected, wait);
  if (state == SessionState::kConnected) return client;
  const bool refused = state == SessionState::kAuthenticationFailed;
  Error error{.failure = refused ? Failure::kAuthenticationFailed : Failure::kNotSent};
  const std::string why = client->why_lost();
  error.detail = named + " (" + (why.empty() ? "no answer in time" : why) + ")";
  return tl::unexpected(std::move(error));
}

Client::~Client() {
  close();
  shared_->work.reset();
  shared_->io.stop();
  shared_->thread.join();
}

void Client::post(std::function<void(Connection&)> task) const {
  asio::post(shared_->io,
             [&connection = shared_->connection, task = std::move(task)] { task(connection); });
}

// ---- calls -------------------------------------------------------------------------------------

int64_t Client::deadline_ms() const { return monotonic_ms() + shared_->options.call_timeout_ms; }

void Client::start_call(Request request, int64_t deadline_ms, Connection::Handler handler) {
  post([request = std::move(request), deadline_ms,
        handler = std::move(handler)](Connection& connection) mutable {
    connection.call(std::move(request), deadline_ms, std::move(handler));
  });
}

Result<Reply> Client::call(Request request) { return call(std::move(request), deadline_ms()); }

Result<Reply> Client::call(Request request, int64_t deadline_ms) {
  // Shared: std::function wants copies. The answer comes in any case, by the deadline.
  auto promise = std::make_shared<std::promise<Result<Reply>>>();
  auto answer = promise->get_future();
  start_call(std::move(request), deadline_ms,
             [promise](Result<Reply> reply) { promise->set_value(std::move(reply)); });
  return answer.get();
}

std::vector<Result<Reply>> Client::call_all(std::span<const Request> requests) {
  std::vector<Result<Reply>> replies;
  replies.reserve(requests.size());
  std::deque<std::future<Result<Reply>>> under_way;
  const auto take = [&] {
    replies.push_back(under_way.front().get());
    under_way.pop_front();
  };
  for (const Request& request : requests) {
    if (under_way.size() == kPipelined) take();
    auto promise = std::make_shared<std::promise<Result<Reply>>>();
    under_way.push_back(promise->get_future());
    start_call(request, deadline_ms(),
               [promise](Result<Reply> reply) { promise->set_value(std::move(reply)); });
  }
  while (!under_way.empty()) take();
  return replies;
}

Result<Created> Client::create(std::string_view path, NullableBytes data,
                               const CreateOptions& options) {
  return read_answer<Created>(call(create_request(path, data, options)), created);
}

Result<Node> Client::get(std::string_view path, bool watch) {
  return read_answer<Node>(call(get_request(path, watch)), node);
}

Result<std::optional<Stat>> Client::exists(std::string_view path, bool watch) {
  Result<Stat> stat = read_answer<Stat>(call(exists_request(path, watch)), stat_of);
  if (stat) return std::optional(*stat);
  if (stat.error().is(ErrorCode::kNoNode)) return std::optional<Stat>();
  return tl::unexpected(std::move(stat.error()));
}

Result<Stat> Client::set(std::string_view path, NullableBytes data, int32_t version) {
  return read_answer<Stat>(call(set_request(path, data, version)), stat_of);
}

Result<void> Client::remove(std::string_view path, int32_t version) {
  return without_body(call(remove_request(path, version)));
}

Result<Children> Client::children(std::string_view path, bool watch) {
  Result<Children> list =
      read_answer<Children>(call(children_request(path, watch)), client::children);
  if (list) std::sort(list->names.begin(), list->names.end());
  return list;
}

Result<AclsOf> Client::acls(std::string_view path) {
  return read_answer<AclsOf>(call(acls_request(path)), client::acls);
}

Result<Stat> Client::set_acls(std::string_view path, const Acls& acls, int32_t version) {
  return read_answer<Stat>(call(set_acls_request(path, acls, version)), stat_of);
}

Result<std::vector<MultiResult>> Client::multi(const std::vector<Request>& operations,
                                               std::vector<MultiResult>* details) {
  auto results =
      read_answer<std::vector<MultiResult>>(call(multi_request(operations)), multi_results);
  if (!results) return results;
  if (details != nullptr) *details = *results;
  for (size_t i = 0; i < results->size() && i < operations.size(); ++i) {
    const ErrorCode code = (*results)[i].error;
    if (code == ErrorCode::kOk) continue;
    return tl::unexpected(Error{.code = code, .op = operations[i].op, .path = operations[i].path});
  }
  return results;
}

Result<void> Client::make_path(std::string_view path, const Acls& acls) {
  auto made = create(path, std::string_view(), {.acls = acls});
  if (made || made.error().is(ErrorCode::kNodeExists)) return {};
  const size_t slash = path.rfind('/');
  if (!made.error().is(ErrorCode::kNoNode) || slash == 0 || slash == std::string_view::npos) {
    return tl::unexpected(std::move(made.error()));
  }
  if (auto parent = make_path(path.substr(0, slash), acls); !parent) return parent;
  made = create(path, std::string_view(), {.acls = acls});
  if (made || made.error().is(ErrorCode::kNodeExists)) return {};
  return tl::unexpected(std::move(made.error()));
}

Result<void> Client::sync(std::string_view path) { return without_body(call(sync_request(path))); }

Result<std::vector<std::string>> Client::ephemerals(std::string_view prefix) {
  return read_answer<std::vector<std::string>>(call(ephemerals_request(prefix)),
                                               client::ephemerals);
}

Result<std::vector<Identity>> Client::who_am_i() {
  return read_answer<std::vector<Identity>>(call(who_am_i_request()), client::who_am_i);
}

Result<void> Client::authenticate(std::string_view scheme, std::string_view auth) {
  return without_body(call(authenticate_request(scheme, auth)));
}

Result<void> Client::add_watch(std::string_view path, bool recursive) {
  return without_body(call(add_watch_request(path, recursive)));
}

Result<void> Client::remove_watches(std::string_view path, WatcherType type) {
  return without_body(call(remove_watches_request(path, type)));
}

// ---- events and session ------------------------------------------------------------------------

std::optional<WatchNews> Client::next_news(std::chrono::milliseconds wait) {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, wait,
                            [this] { return !shared_->news.empty() || is_final(shared_->state); });
  if (shared_->news.empty()) return std::nullopt;
  WatchNews news = std::move(shared_->news.front());
  shared_->news.pop_front();
  return news;
}

SessionState Client::state() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->state;
}

SessionState Client::wait_for_state(SessionState wanted, std::chrono::milliseconds wait) {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, wait,
                            [&] { return shared_->state == wanted || is_final(shared_->state); });
  return shared_->state;
}

namespace {

// Asks the client's thread.
template <class T, class Post>
T ask(const Post& post, std::function<T(const Connection&)> question) {
  auto promise = std::make_shared<std::promise<T>>();
  auto answer = promise->get_future();
  post([promise, question = std::move(question)](Connection& connection) {
    promise->set_value(question(connection));
  });
  return answer.get();
}

}  // namespace

std::string Client::why_lost() const {
  return ask<std::string>([this](auto task) { post(std::move(task)); },
                          [](const Connection& c) { return c.session().why_lost(); });
}

SessionId Client::session() const {
  return ask<SessionId>([this](auto task) { post(std::move(task)); },
                        [](const Connection& c) { return c.session().id(); });
}

int32_t Client::session_timeout_ms() const {
  return ask<int32_t>([this](auto task) { post(std::move(task)); },
                      [](const Connection& c) { return c.session().timeout_ms(); });
}

Zxid Client::last_zxid() const {
  return ask<Zxid>([this](auto task) { post(std::move(task)); },
                   [](const Connection& c) { return c.session().last_zxid(); });
}

Address Client::server() const {
  return ask<Address>([this](auto task) { post(std::move(task)); },
                      [](const Connection& c) { return c.server(); });
}

bool Client::take_queue(const std::string& queue) {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->queues.insert(queue).second;
}

void Client::give_queue(const std::string& queue) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->queues.erase(queue);
}

void Client::close(std::chrono::milliseconds wait) {
  post([by = monotonic_ms() + wait.count()](Connection& connection) { connection.close(by); });
  // The session ends itself at the deadline; a little longer for the thread to say so.
  wait_for_state(SessionState::kClosed, wait + std::chrono::seconds(1));
}

}  // namespace topod::client
