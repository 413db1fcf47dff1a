// One who stands in a queue until it is first: a lock, a shared lock, or a candidate for a post.
// Pure: told what has happened, it says what to ask the servers and what its owner must know.
//
//   contender.step(event, now_ms) -> Output
//
// One thread; times as in Session. The driver gives it every answer to what it asked, the events
// and states of its one session, and Ticks. What it asks is to be asked in that order and without
// a deadline: it keeps its own.
//
// The recipe: an ephemeral sequential znode stands for it; it watches only the one before it, so
// that one release wakes one waiter. What is uncertain stays so for no longer than the connection
// is away: after a create without an answer it looks for its znode among the session's own, which
// a server knows after a sync, since requests of an earlier connection are decided before a session
// is re-attached. So nothing of it is left behind, unless the session's end takes care of that.
//
// A name is no proof: numbers begin anew with each queue of that name, and an empty queue is
// removed. Whatever may have gone meanwhile (after a removal without an answer, or when others may
// have removed it while the connection was away) is known by the zxid that created it, before it is
// held or removed.
//
// Whoever holds must stop when told Lost: at once, and before it could be somebody else's. The
// token grows from holder to holder: a resource that remembers the largest it has seen can refuse
// one that was paused and does not know yet.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tools/client/core/queue.h"
#include "tools/client/core/request.h"
#include "tools/client/core/session.h"

namespace topod::client {

struct ContenderSettings {
  std::string queue;   // the znode whose child it becomes
  std::string prefix;  // of its name, see name_prefix
  bool is_reader = false;
  std::string contents;
  // Vitess: a value cannot have children, and is deleted through its parent's rights.
  Acls acls = open_acls();
  // How the queue and what is above it are made where they are missing.
  CreateMode queue_mode = CreateMode::kPersistent;
  // Empty znodes from the queue upwards are removed afterwards, this one not; empty: none are.
  std::string prune_below = {};
  int64_t deadline_ms = 0;  // to be first
  // Until it has seen whom it would wait for, it goes on to this moment at least: a free lock is
  // had without any time to wait.
  int64_t look_by_ms = 0;
};

class Contender {
 public:
  // ---- what has happened ---------------------------------------------------------------------
  struct Start {};
  struct Tick {};
  struct Answer {
    uint64_t ticket = 0;
    Result<Reply> result;
  };
  struct Release {};  // or give up waiting
  using Event = std::variant<Start, Tick, Answer, WatchNews, SessionState, Release>;

  // ---- what its owner must know --------------------------------------------------------------
  struct Waits {
    size_t ahead = 0;      // contenders before it
    std::string behind;    // the path of the one it watches
    std::string contents;  // of that one
  };
  struct Holds {
    std::string path;
    Zxid token;
  };
  enum class Reason : uint8_t {
    kTimedOut,
    kRefused,         // `error` says why
    kSessionExpired,  // or closed
    kSessionOverdue,  // it may have expired
    kBroken,          // somebody has removed its znode
  };
  struct Lost {  // it was held
    Reason why;
  };
  struct Failed {  // it was not
    Reason why;
    Error error = {};
  };
  struct Left {};  // the last notice: no znode of it is there, or the session's end removes it
  using Notice = std::variant<Waits, Holds, Lost, Failed, Left>;

  struct Ask {
    uint64_t ticket = 0;
    Request request;
  };
  struct Output {
    std::vector<Ask> asks;
    std::vector<Notice> notices;
    int64_t wake_ms = 0;  // when to give the next Tick
  };

  explicit Contender(ContenderSettings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] Output step(Event event, int64_t now_ms);

  [[nodiscard]] bool is_holding() const { return phase_ == Phase::kHolding; }
  [[nodiscard]] bool is_over() const { return phase_ == Phase::kOver; }
  [[nodiscard]] const ContenderSettings& settings() const { return settings_; }

 private:
  enum class Phase : uint8_t {
    kIdle,
    kEntering,   // its znode is being created
    kMaking,     // the queue is
    kSearching,  // for a znode that may have been created
    kLearning,   // whether what has its name is its own
    kLooking,    // who is before it
    kWatching,
    kWaiting,
    kHolding,
    kLeaving,
    kPruning,
    kOver,
  };

  void on(const Start&);
  void on(const Tick&) {}
  void on(Answer& answer);
  void on(const WatchNews& news);
  void on(const SessionState& state);
  void on(const Release&);

  void enter();
  void entered(const Result<Reply>& result);
  void made(const Result<Reply>& result);
  void search();
  void searched(const Result<Reply>& result);
  void learn();
  void learned(const Result<Reply>& result);
  void found(const Stat& stat);
  void look();
  void looked(const Result<Reply>& result);
  void check();
  void checked(const Result<Reply>& result);
  void watched(const Result<Reply>& result);
  void hold();
  void broken();
  void leave();
  void leave_later();
  void removed(const Result<Reply>& result);
  void gone();
  void prune(std::string_view path);
  void pruned(const Result<Reply>& result);
  void over();
  void fail(Reason why, Error error = {});
  void keep_time();
  [[nodiscard]] bool is_contending() const;
  [[nodiscard]] bool is_in_queue() const;
  [[nodiscard]] int64_t give_up_ms() const;
  uint64_t ask(Request request);
  void await(Request request) { awaited_ = ask(std::move(request)); }

  const ContenderSettings settings_;
  Phase phase_ = Phase::kIdle;
  int64_t now_ms_ = 0;
  Output out_;

  uint64_t last_ticket_ = 0;
  uint64_t awaited_ = 0;  // answers to others come too late to matter
  uint64_t check_ = 0;    // but for this: of its own znode
  bool has_failed_ = false;
  bool has_looked_ = false;
  bool is_leaving_ = false;  // as soon as it is known what there is to leave
  std::string making_;
  int makings_ = 0;
  std::string own_;  // path of its znode, once it is known
  Zxid token_;       // 0: not known yet
  bool is_own_watched_ = false;
  bool is_sure_ = false;                  // that what has its name is its own
  std::set<std::string> not_contenders_;  // look like ones, but outlive their makers
  std::string watched_;
  size_t ahead_ = 0;
  std::optional<int64_t> remove_again_ms_;
  std::string pruning_;
};

}  // namespace topod::client
