#include "server/zab/sync_plan.h"

#include <gtest/gtest.h>

#include <vector>

namespace topod::zab {
namespace {

Zxid zxid(uint32_t epoch, int64_t counter) { return make_zxid(Epoch(epoch), counter); }

struct Log {
  std::vector<EpochEnd> ends;
  Zxid applied;
};

SyncPlan plan(const std::vector<EpochEnd>& leader, Zxid readable_after, const Log& follower) {
  const Zxid last = follower.ends.empty()
                        ? Zxid(0)
                        : make_zxid(follower.ends.back().epoch, follower.ends.back().counter);
  return plan_sync(leader, readable_after, {follower.ends, last, follower.applied});
}

const std::vector<EpochEnd> kLeader = {{Epoch(1), 10}, {Epoch(3), 5}, {Epoch(6), 2}};

TEST(SyncPlan, WhoIsBehindGetsTheDifference) {
  const SyncPlan behind = plan(kLeader, Zxid(0), {{{Epoch(1), 10}, {Epoch(3), 2}}, zxid(3, 1)});
  EXPECT_EQ(behind.kind, SyncPlan::Kind::kDifference);
  EXPECT_EQ(behind.point, zxid(3, 2));
  EXPECT_FALSE(behind.truncate);
}

// ZOOKEEPER-3526: where to cut came from a window whose bounds did not belong together.
TEST(SyncPlan, AnUncommittedTailOfTheSameEpochIsCut) {
  const SyncPlan ahead = plan(kLeader, Zxid(0), {{{Epoch(1), 10}, {Epoch(3), 9}}, zxid(3, 4)});
  EXPECT_EQ(ahead.point, zxid(3, 5));
  EXPECT_TRUE(ahead.truncate);
}

// The largest zxid not above the follower's last would be (3,5), which it does not hold.
// ZOOKEEPER-2846: its history had diverged, and it was sent what follows all the same.
TEST(SyncPlan, AnEpochThatTheLeaderNeverHadIsCutToTheLastOneInBoth) {
  const SyncPlan diverged = plan(kLeader, Zxid(0), {{{Epoch(1), 12}, {Epoch(5), 1}}, zxid(1, 8)});
  EXPECT_EQ(diverged.kind, SyncPlan::Kind::kDifference);
  EXPECT_EQ(diverged.point, zxid(1, 10));
  EXPECT_TRUE(diverged.truncate);
}

TEST(SyncPlan, HistoryThatIsNoLongerReadableTakesASnapshot) {
  EXPECT_EQ(plan(kLeader, zxid(3, 3), {{{Epoch(1), 10}, {Epoch(3), 2}}, zxid(3, 1)}).kind,
            SyncPlan::Kind::kSnapshot);
  EXPECT_EQ(plan(kLeader, zxid(3, 2), {{{Epoch(1), 10}, {Epoch(3), 2}}, zxid(3, 1)}).kind,
            SyncPlan::Kind::kDifference);
}

// ZOOKEEPER-4352: a new server was sent only what followed the window.
TEST(SyncPlan, ABlankServerTakesTheWholeLogOrASnapshot) {
  EXPECT_EQ(plan(kLeader, Zxid(0), {{}, Zxid(0)}).kind, SyncPlan::Kind::kDifference);
  EXPECT_EQ(plan(kLeader, zxid(1, 1), {{}, Zxid(0)}).kind, SyncPlan::Kind::kSnapshot);
}

TEST(SyncPlan, WhatIsAppliedIsNeverCut) {
  const SyncPlan wrong = plan(kLeader, Zxid(0), {{{Epoch(1), 10}, {Epoch(3), 9}}, zxid(3, 8)});
  EXPECT_EQ(wrong.kind, SyncPlan::Kind::kSnapshot);
}

TEST(SyncPlan, WhoHasAppliedWhatTheLeaderDoesNotHaveHasDiverged) {
  const auto has_diverged = [](const std::vector<EpochEnd>& leader, Zxid applied) {
    return plan(leader, Zxid(0), {{{epoch_of(applied), counter_of(applied)}}, applied}).diverged;
  };
  EXPECT_TRUE(has_diverged(kLeader, zxid(3, 6)));
  EXPECT_FALSE(has_diverged(kLeader, zxid(3, 5)));
  EXPECT_TRUE(has_diverged(kLeader, zxid(2, 1))) << "an epoch that was another's alone";
  EXPECT_TRUE(has_diverged(kLeader, zxid(7, 1)));
  EXPECT_TRUE(has_diverged({}, zxid(1, 1)));
  EXPECT_FALSE(plan(kLeader, Zxid(0), {{}, Zxid(0)}).diverged);
  // A leader that was brought up by a snapshot does not know of earlier epochs.
  const std::vector<EpochEnd> since_a_snapshot = {{Epoch(3), 5}, {Epoch(6), 2}};
  EXPECT_FALSE(has_diverged(since_a_snapshot, zxid(1, 8)));
  EXPECT_FALSE(has_diverged(since_a_snapshot, zxid(3, 4)));
}

}  // namespace
}  // namespace topod::zab
