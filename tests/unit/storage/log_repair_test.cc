#include "storage/log_repair.h"

#include "tests/unit/storage/log_fixture.h"

namespace topod::storage {
namespace {

const std::string kAside = "/data/damaged-1";

class LogRepairTest : public LogFixture {
 protected:
  void write(int64_t last) {
    open();
    append(LogRecordKind::kAcceptedEpoch, Zxid(), 1);
    append(LogRecordKind::kCurrentEpoch, Zxid(), 1);
    append_transactions(1, last);
  }
  std::optional<LogPosition> repair(const LogDamage& damage,
                                    const std::optional<LogBase>& checkpoint = {}) {
    const auto from =
        set_aside_damaged(disk_, kTestDir, kAside, kTestIdentity, options_, damage, checkpoint);
    EXPECT_TRUE(from.has_value());
    return from ? *from : std::nullopt;
  }
};

TEST_F(LogRepairTest, WhatStandsBeforeTheDamageIsKeptAndTheRestIsPutAside) {
  write(30);
  const uint64_t last = log_->end().segment;
  ASSERT_GT(last, 4U);
  log_.reset();
  disk_.flip(path(2), 3 * 4'096 + 10, 1);
  const LogDamage found = damage();
  ASSERT_EQ(found.position, (LogPosition{2, 3 * 4'096}));
  const std::string damaged_bytes = disk_.contents(path(2));
  repair(found);
  EXPECT_EQ(disk_.contents(segment_path(kAside, 2)), damaged_bytes);
  for (uint64_t segment = 3; segment <= last; ++segment) {
    EXPECT_TRUE(disk_.exists(segment_path(kAside, segment)).value());
  }
  power_loss();
  EXPECT_EQ(zxids(), range(1, found.last_good_zxid.value()));
  append_transactions(found.last_good_zxid.value() + 1, 60);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 60));
}

TEST_F(LogRepairTest, PromisesBehindTheDamageAreMadeAgain) {
  write(5);
  append(LogRecordKind::kAcceptedEpoch, Zxid(), 9);
  append(LogRecordKind::kCurrentEpoch, Zxid(), 8);
  log_.reset();
  disk_.flip(path(1), 4 * 4'096 + 10, 1);
  repair(damage());
  power_loss();
  EXPECT_EQ(state().accepted_epoch, Epoch(9));
  EXPECT_EQ(state().current_epoch, Epoch(8));
}

TEST_F(LogRepairTest, ACheckpointAheadOfTheDamageIsWhereTheLogGoesOn) {
  write(30);
  const LogBase checkpoint{Zxid(30), 2, "digest", log_->end()};
  log_.reset();
  disk_.flip(path(2), 3 * 4'096 + 10, 1);
  const auto from = repair(damage(), checkpoint);
  ASSERT_TRUE(from.has_value());
  EXPECT_GT(*from, checkpoint.position);
  power_loss(from);
  EXPECT_EQ(zxids(from), range(1, 0));
  EXPECT_EQ(state(from).last_zxid, Zxid(30));
  EXPECT_EQ(state(from).generation, 2U);
  append_transactions(31, 50);
  power_loss(from);
  EXPECT_EQ(zxids(from), range(31, 50));
  power_loss();  // from the oldest segment, too
  EXPECT_EQ(zxids(), range(31, 50));
}

TEST_F(LogRepairTest, ALogThatIsGoneAltogetherBeginsAnewAtTheCheckpoint) {
  write(10);
  const LogBase checkpoint{Zxid(10), 1, "digest", log_->end()};
  log_.reset();
  const auto segments = list_segments(disk_, kTestDir);
  ASSERT_TRUE(segments.has_value());
  for (const uint64_t segment : *segments) {
    ASSERT_TRUE(disk_.remove(path(segment)).has_value());
  }
  const auto from = repair(damage(checkpoint.position), checkpoint);
  ASSERT_TRUE(from.has_value());
  EXPECT_GT(*from, checkpoint.position);
  power_loss(from);
  EXPECT_EQ(state(from).last_zxid, Zxid(10));
  append_transactions(11, 40);
  power_loss(from);
  EXPECT_EQ(zxids(from), range(11, 40));
}

TEST_F(LogRepairTest, WhatFollowsTheCheckpointAndPrecedesTheDamageIsStillReplayed) {
  write(4);
  const LogBase checkpoint{Zxid(4), 1, "digest", log_->end()};
  append_transactions(5, 30);
  log_.reset();
  disk_.flip(path(3), 3 * 4'096 + 10, 1);
  const LogDamage found = damage(checkpoint.position);
  const auto from = repair(found, checkpoint);
  EXPECT_EQ(from, checkpoint.position);
  power_loss(from);
  EXPECT_EQ(zxids(from), range(5, found.last_good_zxid.value()));
}

TEST_F(LogRepairTest, DamageAtTheBeginningOfTheCheckpointsSegmentGoesOnFromTheCheckpoint) {
  write(30);
  const LogBase checkpoint{Zxid(30), 1, "digest", log_->end()};
  log_.reset();
  disk_.flip(path(checkpoint.position.segment), 40, 1);
  const auto from = repair(damage(checkpoint.position), checkpoint);
  ASSERT_TRUE(from.has_value());
  power_loss(from);
  EXPECT_EQ(state(from).last_zxid, Zxid(30));
  append_transactions(31, 50);
  power_loss(from);
  EXPECT_EQ(zxids(from), range(31, 50));
}

TEST_F(LogRepairTest, ACheckpointOfAnEmptyTreeIsCoveredByTheNewLog) {
  open();
  append(LogRecordKind::kAcceptedEpoch, Zxid(), 1);
  const LogBase checkpoint{Zxid(), 1, "digest", log_->end()};
  append_transactions(1, 2);
  log_.reset();
  disk_.flip(path(1), 20, 1);
  const auto from = repair(damage(checkpoint.position), checkpoint);
  ASSERT_TRUE(from.has_value());
  power_loss(from);
  append_transactions(1, 20);
  power_loss(from);
  EXPECT_EQ(zxids(from), range(1, 20));
}

TEST_F(LogRepairTest, DamageAtTheVeryBeginningLeavesAnEmptyUsableLog) {
  write(10);
  log_.reset();
  disk_.flip(path(1), 20, 1);
  repair(damage());
  power_loss();
  EXPECT_EQ(zxids(), range(1, 0));
  append_transactions(1, 20);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 20));
}

// Before, in and after every call of the repair: afterwards it is done, or can be done again.
TEST_F(LogRepairTest, APowerLossInTheRepairLosesNothingThatWasReadable) {
  write(30);
  const LogBase checkpoint{Zxid(6), 1, "digest", {1, 6 * 4'096}};
  log_.reset();
  disk_.flip(path(2), 3 * 4'096 + 10, 1);
  const LogDamage found = damage(checkpoint.position);
  const auto original = disk_.clone(1);
  for (uint64_t call = 1;; ++call) {
    bool reached = false;
    for (const CallPhase phase : {CallPhase::kBefore, CallPhase::kDuring, CallPhase::kAfter}) {
      SCOPED_TRACE("call " + std::to_string(call));
      const auto disk = original->clone(call);
      disk->crash_at_call(call, phase);
      const auto done =
          set_aside_damaged(*disk, kTestDir, kAside, kTestIdentity, options_, found, checkpoint);
      reached = disk->crashed();
      EXPECT_NE(done.has_value(), reached);
      disk->restart();
      const auto scan = scan_log(*disk, kTestDir, kTestIdentity, checkpoint.position);
      ASSERT_TRUE(scan.has_value());
      EXPECT_GE(scan->contents.last_zxid(), found.last_good_zxid);
      if (!scan->damage) continue;
      const auto again = set_aside_damaged(*disk, kTestDir, "/data/damaged-2", kTestIdentity,
                                           options_, *scan->damage, checkpoint);
      ASSERT_TRUE(again.has_value());
      const auto repaired = scan_log(*disk, kTestDir, kTestIdentity, checkpoint.position);
      ASSERT_TRUE(repaired.has_value());
      EXPECT_FALSE(repaired->damage.has_value());
    }
    if (!reached) break;
    ASSERT_LT(call, 100U);
  }
}

}  // namespace
}  // namespace topod::storage
