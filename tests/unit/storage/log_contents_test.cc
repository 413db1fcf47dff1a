#include "storage/log_contents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace topod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogContentsTest : public testing::Test {
 protected:
  tl::expected<void, std::string> apply(LogRecordKind kind, int64_t zxid, uint64_t number = 0,
                                        bool repeated = false) {
    return contents_.apply({kind, Zxid(zxid), number, "payload"}, {{1, 4'096}, index_++}, repeated);
  }
  // Returns the index of its record.
  uint32_t transaction(int64_t zxid) {
    const auto predecessor = static_cast<uint64_t>(contents_.last_zxid().value());
    EXPECT_TRUE(apply(LogRecordKind::kTransaction, zxid, predecessor).has_value());
    return index_ - 1;
  }
  bool survives(int64_t zxid, uint32_t index) const {
    return contents_.survives(Zxid(zxid), {{1, 4'096}, index});
  }

  // As who reads the log from the segment that begins here.
  void repeat_head_into(LogContents& reader) const {
    RecordBatch head;
    contents_.repeat_into(head);
    reader.start(contents_.last_zxid());
    RecordCursor cursor(head.bytes());
    uint32_t index = 0;
    while (const auto record = cursor.next()) {
      ASSERT_TRUE(reader.apply(*record, {{2, 0}, index++}, true).has_value());
    }
  }

  LogContents contents_;
  uint32_t index_ = 0;
};

TEST_F(LogContentsTest, ATransactionMustNameTheOneBefore) {
  contents_.start(Zxid(5));
  EXPECT_FALSE(apply(LogRecordKind::kTransaction, 7, 6).has_value());
  EXPECT_FALSE(apply(LogRecordKind::kTransaction, 5, 5).has_value());
  EXPECT_TRUE(apply(LogRecordKind::kTransaction, 7, 5).has_value());
  EXPECT_EQ(contents_.last_zxid(), Zxid(7));
}

TEST_F(LogContentsTest, TheLargestEpochAndWatermarkHold) {
  ASSERT_TRUE(apply(LogRecordKind::kAcceptedEpoch, 0, 5).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kAcceptedEpoch, 0, 3).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCommitted, 9).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCommitted, 8).has_value());
  EXPECT_EQ(contents_.accepted_epoch(), Epoch(5));
  EXPECT_EQ(contents_.committed(), Zxid(9));
  EXPECT_FALSE(apply(LogRecordKind::kAcceptedEpoch, 0, uint64_t{kEpochMax} + 1).has_value());
}

TEST_F(LogContentsTest, OfSeveralTruncationsTheLowestLaterOneDecides) {
  const uint32_t first = transaction(1);
  const uint32_t second = transaction(2);
  const uint32_t third = transaction(3);
  ASSERT_TRUE(apply(LogRecordKind::kTruncate, 2).has_value());
  const uint32_t fourth = transaction(4);
  ASSERT_TRUE(apply(LogRecordKind::kTruncate, 1).has_value());
  const uint32_t fifth = transaction(5);
  ASSERT_TRUE(apply(LogRecordKind::kTruncate, 5).has_value());
  EXPECT_TRUE(survives(1, first));
  EXPECT_FALSE(survives(2, second));
  EXPECT_FALSE(survives(3, third));
  EXPECT_FALSE(survives(4, fourth));
  EXPECT_TRUE(survives(5, fifth));
}

TEST_F(LogContentsTest, ASnapshotIsPendingUntilAnEpochThatIsNoRepetition) {
  const uint32_t before = transaction(1);
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 20, 2).has_value());
  const uint32_t after = transaction(21);
  ASSERT_TRUE(apply(LogRecordKind::kCurrentEpoch, 0, 1, true).has_value());
  EXPECT_FALSE(contents_.snapshot().has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCurrentEpoch, 0, 1).has_value());
  ASSERT_TRUE(contents_.snapshot().has_value());
  EXPECT_EQ(contents_.snapshot()->generation, 2U);
  EXPECT_FALSE(contents_.pending_snapshot().has_value());
  EXPECT_FALSE(survives(1, before));
  EXPECT_TRUE(survives(21, after));
}

TEST_F(LogContentsTest, ASnapshotThatIsPendingWhereASegmentBeginsTakesEffectForItsReaderToo) {
  transaction(1);
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 20, 2).has_value());
  transaction(21);
  RecordBatch head;
  contents_.repeat_into(head);
  LogContents behind;
  behind.start(contents_.last_zxid());
  RecordCursor cursor(head.bytes());
  while (const auto record = cursor.next()) {
    ASSERT_TRUE(behind.apply(*record, {{2, 0}, 0}, true).has_value());
    ASSERT_TRUE(contents_.apply(*record, {{2, 0}, 0}, true).has_value());
  }
  for (LogContents* contents : {&contents_, &behind}) {
    EXPECT_FALSE(contents->snapshot().has_value());
    ASSERT_TRUE(contents->apply({LogRecordKind::kCurrentEpoch, {}, 1, {}}, {{2, 4'096}, 0}, false));
    ASSERT_TRUE(contents->snapshot().has_value());
    EXPECT_EQ(contents->snapshot()->generation, 2U);
    EXPECT_EQ(contents->last_zxid(), Zxid(21));
    EXPECT_EQ(contents->epoch_ends().size(), 1U);
  }
}

TEST_F(LogContentsTest, AGivenUpSnapshotLeavesTheLogAsItWasBefore) {
  const uint32_t before = transaction(5);
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 2, 2).has_value());
  const uint32_t between = transaction(3);
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 4, 3).has_value());  // a second attempt
  const uint32_t after = transaction(5);
  EXPECT_EQ(contents_.last_zxid_before_pending(), Zxid(5));
  contents_.give_up_pending_snapshot();
  EXPECT_FALSE(contents_.snapshot().has_value());
  EXPECT_EQ(contents_.last_zxid(), Zxid(5));
  EXPECT_TRUE(survives(5, before));
  EXPECT_FALSE(survives(3, between));
  EXPECT_FALSE(survives(5, after));
}

Zxid zxid_of(uint32_t epoch, int64_t counter) { return make_zxid(Epoch(epoch), counter); }

TEST_F(LogContentsTest, TheLastTransactionOfEachEpochIsKnownThroughTruncations) {
  contents_.start(zxid_of(1, 7));
  transaction(zxid_of(1, 8).value());
  transaction(zxid_of(2, 1).value());
  transaction(zxid_of(2, 2).value());
  transaction(zxid_of(4, 1).value());
  EXPECT_THAT(contents_.epoch_ends(), ElementsAre(zxid_of(1, 8), zxid_of(2, 2), zxid_of(4, 1)));
  ASSERT_TRUE(apply(LogRecordKind::kTruncate, zxid_of(2, 1).value()).has_value());
  EXPECT_THAT(contents_.epoch_ends(), ElementsAre(zxid_of(1, 8), zxid_of(2, 1)));
  transaction(zxid_of(5, 1).value());
  EXPECT_THAT(contents_.epoch_ends(), ElementsAre(zxid_of(1, 8), zxid_of(2, 1), zxid_of(5, 1)));
  ASSERT_TRUE(apply(LogRecordKind::kTruncate, 0).has_value());
  EXPECT_THAT(contents_.epoch_ends(), IsEmpty());
}

TEST_F(LogContentsTest, EpochsBeginAnewWithASnapshotUnlessItIsGivenUp) {
  transaction(zxid_of(1, 1).value());
  transaction(zxid_of(2, 1).value());
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, zxid_of(3, 9).value(), 2).has_value());
  transaction(zxid_of(4, 1).value());
  EXPECT_THAT(contents_.epoch_ends(), ElementsAre(zxid_of(3, 9), zxid_of(4, 1)));
  contents_.give_up_pending_snapshot();
  EXPECT_THAT(contents_.epoch_ends(), ElementsAre(zxid_of(1, 1), zxid_of(2, 1)));
}

// A checkpoint may stand in a segment that begins while a snapshot is pending, and the snapshot
// be given up: a restart reads from there.
TEST_F(LogContentsTest, WhoReadsFromAPendingSnapshotKnowsTheEpochsBeforeIt) {
  transaction(zxid_of(1, 1).value());
  transaction(zxid_of(2, 1).value());
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, zxid_of(3, 9).value(), 2).has_value());
  transaction(zxid_of(4, 1).value());
  LogContents behind;
  repeat_head_into(behind);
  EXPECT_EQ(behind.last_zxid_before_pending(), zxid_of(2, 1));
  const LogRecordView given_up{LogRecordKind::kTruncate, zxid_of(2, 1), 0, {}};
  ASSERT_TRUE(behind.apply(given_up, {{2, 4'096}, 0}, false).has_value());
  EXPECT_EQ(behind.last_zxid(), zxid_of(2, 1));
  EXPECT_THAT(behind.epoch_ends(), ElementsAre(zxid_of(1, 1), zxid_of(2, 1)));
}

TEST_F(LogContentsTest, OfVeryManyEpochsTheLatestAreRemembered) {
  for (uint32_t epoch = 1; epoch <= 3'000; ++epoch) transaction(zxid_of(epoch, 5).value());
  ASSERT_LT(contents_.epoch_ends().size(), 3'000U);
  EXPECT_EQ(contents_.epoch_ends().back(), zxid_of(3'000, 5));
  RecordBatch head;
  contents_.repeat_into(head);
  EXPECT_LT(head.bytes().size(), 16'384U) << "with a pending snapshot twice that; it must fit "
                                          << "into every segment";
}

TEST_F(LogContentsTest, EndsOfEpochsThatDoNotFitTheLogAreRefused) {
  transaction(zxid_of(1, 5).value());
  const auto refused = [&](std::initializer_list<Zxid> ends, bool repeated,
                           LogRecordKind kind = LogRecordKind::kEpochEnds) {
    std::string bytes;
    for (const Zxid end : ends) {
      const int64_t value = end.value();
      bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    LogContents contents = contents_;
    return !contents.apply({kind, Zxid(), 0, bytes}, {}, repeated).has_value();
  };
  EXPECT_FALSE(refused({zxid_of(0, 9), zxid_of(1, 5)}, true));
  EXPECT_TRUE(refused({zxid_of(0, 9), zxid_of(1, 5)}, false));
  EXPECT_TRUE(refused({zxid_of(0, 9), zxid_of(1, 6)}, true));
  EXPECT_TRUE(refused({zxid_of(2, 9), zxid_of(1, 5)}, true));
  EXPECT_TRUE(refused({}, true));
  EXPECT_TRUE(refused({zxid_of(1, 5)}, true, LogRecordKind::kEpochEndsBefore)) << "before what?";
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, zxid_of(3, 9).value(), 2).has_value());
  EXPECT_FALSE(refused({zxid_of(1, 5)}, true, LogRecordKind::kEpochEndsBefore));
  EXPECT_FALSE(refused({}, true, LogRecordKind::kEpochEndsBefore));
  EXPECT_TRUE(refused({zxid_of(1, 5)}, false, LogRecordKind::kEpochEndsBefore));
}

TEST_F(LogContentsTest, AStateThatHasDivergedIsSoUntilASnapshotTakesEffect) {
  ASSERT_TRUE(apply(LogRecordKind::kDiverged, 7).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 20, 2).has_value());
  EXPECT_EQ(contents_.diverged(), Zxid(7));
  LogContents given_up = contents_;
  given_up.give_up_pending_snapshot();
  EXPECT_EQ(given_up.diverged(), Zxid(7));
  ASSERT_TRUE(apply(LogRecordKind::kCurrentEpoch, 0, 3).has_value());
  EXPECT_EQ(contents_.diverged(), std::nullopt);
  EXPECT_TRUE(contents_.snapshot()->replaces_diverged);
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 30, 3).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCurrentEpoch, 0, 4).has_value());
  EXPECT_FALSE(contents_.snapshot()->replaces_diverged);
}

TEST_F(LogContentsTest, WhatAHeadRepeatsSaysTheSame) {
  ASSERT_TRUE(apply(LogRecordKind::kFounding, 0).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kAcceptedEpoch, 0, 4).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 20, 2).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCurrentEpoch, 0, 3).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCommitted, 20).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kDiverged, 15).has_value());
  transaction(zxid_of(1, 3).value());
  LogContents again;
  repeat_head_into(again);
  EXPECT_EQ(again.accepted_epoch(), Epoch(4));
  EXPECT_EQ(again.current_epoch(), Epoch(3));
  EXPECT_EQ(again.committed(), Zxid(20));
  EXPECT_EQ(again.founding(), "payload");
  EXPECT_EQ(again.diverged(), Zxid(15));
  ASSERT_TRUE(again.snapshot().has_value());
  EXPECT_EQ(again.snapshot()->generation, 2U);
  EXPECT_EQ(again.snapshot()->digest, "payload");
  EXPECT_EQ(again.last_zxid(), zxid_of(1, 3));
  EXPECT_THAT(again.epoch_ends(), ElementsAre(Zxid(20), zxid_of(1, 3)));
}

}  // namespace
}  // namespace topod::storage
