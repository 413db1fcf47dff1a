// How a leader brings a follower's log to its own: by the difference, after a cut if need be, or
// by a whole snapshot. Pure function of what both logs hold.
//
// The synchronisation point is the largest zxid that is in both logs, which the ends of their
// epochs tell; never "the largest not above the follower's last" (ZOOKEEPER-1154, 2846).
#pragma once

#include <span>

#include "proto/ids.h"
#include "server/zab/history.h"

namespace topod::zab {

struct SyncPlan {
  enum class Kind { kDifference, kSnapshot };
  Kind kind = Kind::kSnapshot;
  Zxid point;             // in both logs; what follows is sent
  bool truncate = false;  // the follower holds more than that
  // The follower has applied what the leader does not have: it was promised to somebody who could
  // not promise it.
  bool diverged = false;
};

struct FollowerLog {
  std::span<const EpochEnd> ends;
  Zxid last;
  Zxid applied;  // cannot be cut
};

// `readable_after`: the leader can still send every transaction above this zxid.
[[nodiscard]] SyncPlan plan_sync(std::span<const EpochEnd> leader_ends, Zxid readable_after,
                                 const FollowerLog& follower);

}  // namespace topod::zab
