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

}  // namespace

SyncPlan plan_sync(std::span<const EpochEnd> leader_ends, Zxid readable_after,
                   const FollowerLog& follower) {
  SyncPlan plan;
  plan.point = common_point(leader_ends, follower.ends);
  if (MUTANT(SyncPointByLastZxid) && !leader_ends.empty()) {
    const EpochEnd& end = leader_ends.back();
    plan.point = std::min(make_zxid(end.epoch, end.counter), follower.last);
  }
  if (plan.point < readable_after || plan.point < follower.applied) return plan;
  plan.kind = SyncPlan::Kind::kDifference;
  plan.truncate = follower.last > plan.point;
  return plan;
}

}  // namespace topod::zab
