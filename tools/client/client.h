// A client for programs that ask one thing after another: each call waits for its answer, by its
// deadline at the latest, and returns it or says why there is none. Behind it a thread keeps the
// session alive, moves it from server to server and sets watches again.
//
//   auto client = Client::connect({.servers = "a:2181,b:2181"});
//   if (!client) return complain(client.error().text());
//   auto node = (*client)->get("/config");
//   if (!node && node.error().is(ErrorCode::kNoNode)) ...
//
// Any thread may call; calls of one thread are carried out in order. Callbacks run on the client's
// own thread, must not wait, and must not call the waiting functions of this client (`start_call`
// is for them). Times are milliseconds. Destruction closes the session, waiting a second at most.
//
// A write whose error has `outcome_is_unknown()` may have taken place: look before trying again.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/client/address.h"
#include "tools/client/connection.h"
#include "tools/client/core/request.h"
#include "tools/client/core/session.h"

namespace topod::client {

struct Options {
  std::string servers;  // "host:port,host:port"
  int32_t session_timeout_ms = 30'000;
  int32_t call_timeout_ms = 10'000;
  bool allows_read_only = false;  // content with a server that has no quorum
  std::vector<SessionSettings::Authentication> identities = {};
  // On the client's thread. Without `on_news`, events wait for `next_news`.
  std::function<void(const WatchNews&)> on_news = {};
  std::function<void(SessionState)> on_state = {};
};

class Client {
 public:
  // Returns when the session is there, within the timeout of a call.
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // ---- one znode -----------------------------------------------------------------------------
  Result<Created> create(std::string_view path, NullableBytes data,
                         const CreateOptions& options = {});
  Result<Node> get(std::string_view path, bool watch = false);
  // Nothing if it does not exist; the watch then tells when it does.
  Result<std::optional<Stat>> exists(std::string_view path, bool watch = false);
  Result<Stat> set(std::string_view path, NullableBytes data, int32_t version = kAnyVersion);
  Result<void> remove(std::string_view path, int32_t version = kAnyVersion);
  Result<Children> children(std::string_view path, bool watch = false);
  Result<AclsOf> acls(std::string_view path);
  // `version` is compared with the Stat's aversion.
  Result<Stat> set_acls(std::string_view path, const Acls& acls, int32_t version = kAnyVersion);

  // ---- more than one -------------------------------------------------------------------------
  // All or nothing. A refusal is the first operation's that was refused; `details`, if given,
  // tells the fate of each.
  Result<std::vector<MultiResult>> multi(const std::vector<Request>& operations,
                                         std::vector<MultiResult>* details = nullptr);
  // Creates it and every ancestor that is missing; those that exist are fine.
  Result<void> make_path(std::string_view path, const Acls& acls = open_acls());
  // Pipelined, up to `kPipelined` at a time; results stand in the order of the requests.
  std::vector<Result<Reply>> call_all(std::span<const Request> requests);
  static constexpr size_t kPipelined = 256;

  // ---- the rest ------------------------------------------------------------------------------
  // What is read afterwards is at least as new as anything acknowledged before.
  Result<void> sync(std::string_view path = "/");
  Result<std::vector<std::string>> ephemerals(std::string_view prefix = "/");
  Result<std::vector<Identity>> who_am_i();
  Result<void> authenticate(std::string_view scheme, std::string_view auth);
  // Stays until it is removed; `recursive` tells of everything below too, but not of
  // kNodeChildrenChanged.
  Result<void> add_watch(std::string_view path, bool recursive);
  Result<void> remove_watches(std::string_view path, WatcherType type = WatcherType::kAny);

  // Any request. The answer is waited for, or given to `handler` on the client's thread.
  Result<Reply> call(Request request);
  Result<Reply> call(Request request, int64_t deadline_ms);
  void start_call(Request request, int64_t deadline_ms, Connection::Handler handler);

  // The next event, waited for; nothing when the time is over or the session is.
  std::optional<WatchNews> next_news(std::chrono::milliseconds wait);

  // ---- session -------------------------------------------------------------------------------
  [[nodiscard]] SessionState state() const;
  // Waits until it is `wanted` or final, and returns what it is then.
  SessionState wait_for_state(SessionState wanted, std::chrono::milliseconds wait);
  // Why the last connection or attempt to connect ended; empty: none has.
  [[nodiscard]] std::string why_lost() const;
  [[nodiscard]] SessionId session() const;
  [[nodiscard]] int32_t session_timeout_ms() const;  // as granted
  [[nodiscard]] Zxid last_zxid() const;
  [[nodiscard]] Address server() const;  // to which the session is connected, or was last
  // Ends the session politely, waiting at most so long; every later call fails.
  void close(std::chrono::milliseconds wait = std::chrono::seconds(1));

  // ---- for recipes (see lock.h) --------------------------------------------------------------
  // Runs it on the client's thread.
  void post(std::function<void(Connection&)> task) const;
  // False: something of this client stands in that queue already.
  [[nodiscard]] bool take_queue(const std::string& queue);
  void give_queue(const std::string& queue);

  // The moment by which a call that begins now has to be answered.
  [[nodiscard]] int64_t deadline_ms() const;

 private:
  struct Shared;
  explicit Client(std::vector<Address> servers, Options options);

  std::unique_ptr<Shared> shared_;
};

// A random seed: clients that start together go to servers in different orders.
[[nodiscard]] uint64_t random_seed();

}  // namespace topod::client
