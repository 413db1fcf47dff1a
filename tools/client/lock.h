// Locks, shared locks and posts for programs that wait for them: the recipes of core/recipes.h
// behind a Client.
//
//   auto lock = Lock::acquire(client, {.path = "/global/keyspaces/commerce", .reason =
//   "Reparent"}); if (!lock) return complain(lock.error().text());
//   ... work while (*lock)->is_held(); give (*lock)->token() to what you write to ...
//   // released by destruction
//
// A lock survives the death of the server its client talks to. It is lost with the session, or when
// somebody removes its znode: `on_lost` says so at once, on the client's thread, and `is_held` is
// false from then on. The token grows from holder to holder; a resource that refuses smaller ones
// than it has seen is safe from holders that were paused.
//
// Any thread may call. A Lock must not outlive its Client.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tools/client/client.h"
#include "tools/client/core/recipes.h"
#include "tools/client/recipe_runner.h"

namespace topod::client {

struct LockOptions {
  std::string path;
  // Vitess's way: the queue is PATH/locks. Otherwise PATH itself is, as kazoo and Curator take it,
  // and `style` and `kind` name the places in it.
  bool is_queue = false;
  NameStyle style = NameStyle::kCurator;
  PlaceKind kind = PlaceKind::kMutex;
  std::string root = {};  // Vitess's way: empty directories below it go with the lock
  std::string reason = {};
  int32_t timeout_ms = 45'000;  // to wait for it; 0: only if it is free
  std::function<void(Contender::Reason)> on_lost = {};
  std::function<void(const Contender::Waits&)> on_wait = {};
  // Asked many times a second by the thread that waits: it waits no longer when this turns true.
  std::function<bool()> gives_up = {};
};

struct CandidateOptions {
  std::string queue;  // Vitess: ROOT/elections/NAME
  std::string id;     // how others know the leader
  NameStyle style = NameStyle::kVitess;
  int32_t timeout_ms = 45'000;
  std::function<void(Contender::Reason)> on_lost = {};
  std::function<void(const Contender::Waits&)> on_wait = {};
  std::function<bool()> gives_up = {};
};

[[nodiscard]] const char* name_of(Contender::Reason reason);
// This machine, as locks and candidates name it.
[[nodiscard]] std::string host_name();

class Lock {
 public:
  // Waits until it is held. Failure::kNotObtained tells in its detail why it is not, and who stands
  // before; nothing of this attempt is left. A second one of the same client in one queue is
  // kBadArgument. A server that does not answer is given the time of a call, whatever `timeout_ms`.
  [[nodiscard]] static Result<std::unique_ptr<Lock>> acquire(Client& client, LockOptions options);
  // The post of a leader is a lock with a name on it.
  [[nodiscard]] static Result<std::unique_ptr<Lock>> lead(Client& client, CandidateOptions options);
  // Releases, waiting for a second at most; for less if it was given up.
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  [[nodiscard]] bool is_held() const;
  // Why it is not held any more.
  [[nodiscard]] std::optional<Contender::Reason> lost() const;
  [[nodiscard]] const std::string& path() const;  // of the znode that stands for it
  [[nodiscard]] Zxid token() const;

  // Returns when the znode is gone. False: not in this time; it goes as soon as a server can be
  // reached, or with the session.
  bool release(std::chrono::milliseconds wait);

 private:
  struct Place;
  static Result<std::unique_ptr<Lock>> contend(Client& client, ContenderSettings settings,
                                               int32_t timeout_ms,
                                               const std::shared_ptr<Place>& place);
  Lock(Client& client, std::shared_ptr<Place> place);

  Client& client_;
  std::shared_ptr<Place> place_;
};

// Who leads now.
[[nodiscard]] Result<std::optional<Leader>> current_leader(Client& client, std::string_view queue);

// Calls `on_leader` with the current leader, then at every change, on the client's thread, until
// it is destroyed or the session ends (the last call then carries an error).
class LeaderFollower {
 public:
  LeaderFollower(Client& client, std::string queue, LeaderWatchRunner::OnLeader on_leader);
  ~LeaderFollower();
  LeaderFollower(const LeaderFollower&) = delete;
  LeaderFollower& operator=(const LeaderFollower&) = delete;

 private:
  struct Running;
  Client& client_;
  std::shared_ptr<Running> running_;
};

}  // namespace topod::client
