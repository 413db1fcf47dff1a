#include "server/zab/sync_plan.h"

#include <algorithm>

#include "proto/mutants.h"

namespace topod::zab {

namespace {

// The largest zxid in both logs; 0 if there is none.
Zxid common_point(std::span<const EpochEnd> leader, std::span<const EpochEnd> follower) {
  auto mine = leader.rbegin();
  auto theirs = follower.rbegin();
  while (mine != leader.rend() && theirs != follower.rend()) {
    if (mine->epoch == theirs->epoch) {
      return make_zxid(mine->epoch, std::min(mine->counter, theirs->counter));
    }
    if (mine->epoch > theirs->epoch) {
      ++mine;
    } else {
      ++theirs;
    }
  }
  return Zxid(0);
}

// Whether a log with these ends is known not to hold this transaction. What was before the first
// of them is not known.
bool lacks(std::span<const EpochEnd> ends, Zxid zxid) {
  if (zxid == Zxid(0)) return false;
  if (ends.empty()) return true;
  const auto end = std::find_if(ends.begin(), ends.end(),
                                [&](const EpochEnd& one) { return one.epoch >= epoch_of(zxid); });
  if (end != ends.end() && end->epoch == epoch_of(zxid)) return end->counter < counter_of(zxid);
  return end != ends.begin();
}

}  // namespace

SyncPlan plan_sync(std::span<const EpochEnd> leader_ends, Zxid readable_after,
                   const FollowerLog& follower) {
  SyncPlan plan;
  plan.point = common_point(leader_ends, follower.ends);
  if (MUTANT(SyncPointByLastZxid) && !leader_ends.empty()) {
    const EpochEnd& end = leader_ends.back();
    plan.point = std::min(make_zxid(end.epoch, end.counter), follower.last);
  }
  plan.diverged = lacks(leader_ends, follower.applied);
  if (plan.point < readable_after || plan.point < follower.applied) return plan;
  plan.kind = SyncPlan::Kind::kDifference;
  plan.truncate = follower.last > plan.point;
  return plan;
}

}  // namespace topod::zab
