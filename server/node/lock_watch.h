// Who waits for and holds locks, seen from the server. Locks and elections of ZooKeeper's recipes
// are queues: directories of sequential ephemeral znodes, of which the oldest holds (or, of those
// that read, all that are older than the first that writes). So any sequential ephemeral znode is
// taken for a contender, whoever made it; members of a group that name themselves so are shown as
// waiting for ever.
//
// Watches what has changed in the state and changes nothing. Loop thread only. Times are
// monotonic, in microseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/histogram.h"
#include "proto/ids.h"
#include "server/node/bounded_labels.h"
#include "server/state/state.h"

namespace topod::node {

class LockWatch {
 public:
  struct Figures {
    Histogram wait_us;
    Histogram hold_us;
    uint64_t released = 0;  // by its holder
    uint64_t lost = 0;      // with the holder's session
    uint64_t given_up = 0;  // before it was held
    Figures& operator+=(const Figures& other);
  };
  // What there is now, and since when at longest.
  struct Present {
    uint64_t holders = 0;
    uint64_t waiters = 0;
    int64_t longest_wait_us = 0;
    int64_t longest_hold_us = 0;
  };
  static constexpr size_t kPrefixesMax = 100;
  // Contenders that are followed at once; those beyond are only counted.
  static constexpr size_t kContendersMax = 16'384;

  // `path_depth`: components of the queue's path by which it is told; at least 1.
  explicit LockWatch(int path_depth, size_t contenders_max = kContendersMax)
      : path_depth_(path_depth), contenders_max_(contenders_max), labels_(kPrefixesMax) {}

  // The state is another one: looks at all of it. What is there has begun at a time that nobody
  // knows and is not counted when it ends.
  void restart(const state::State& state, int64_t now_us);
  // These znodes have changed since the last call. `counts`: what ends is counted (by one server
  // of an ensemble, its leader).
  void changed(const state::State& state, std::span<const NodeId> nodes, bool counts,
               int64_t now_us);

  [[nodiscard]] const BoundedLabels<Figures>& labels() const { return labels_; }
  // By the places of `labels`.
  [[nodiscard]] std::vector<Present> present(int64_t now_us) const;
  [[nodiscard]] uint64_t not_followed() const { return not_followed_; }

 private:
  struct Contender {
    bool is_reader = false;
    bool holds = false;
    SessionId session;
    std::optional<int64_t> since_us;  // it waits or holds; none: since before this server looked
  };
  struct Queue {
    std::map<NodeId, Contender> contenders;  // ids ascend as sequence numbers do
    size_t label = 0;
  };

  enum class Since { kNow, kUnknown };

  void appeared(const state::State& state, state::NodeSlot slot, int64_t now_us, Since since,
                bool counts);
  void gone(const state::State& state, NodeId id, NodeId parent, bool counts, int64_t now_us);
  void grant(Queue& queue, std::map<NodeId, Contender>::iterator from,
             std::optional<int64_t> now_us, bool counts);

  int path_depth_;
  size_t contenders_max_;
  BoundedLabels<Figures> labels_;
  std::unordered_map<NodeId, NodeId> parents_;  // of the contenders
  std::unordered_map<NodeId, Queue> queues_;    // by directory
  uint64_t not_followed_ = 0;
};

}  // namespace topod::node
