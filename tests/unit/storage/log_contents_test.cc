#include "storage/log_contents.h"

#include <gtest/gtest.h>

namespace topod::storage {
namespace {

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

TEST_F(LogContentsTest, WhatAHeadRepeatsSaysTheSame) {
  ASSERT_TRUE(apply(LogRecordKind::kFounding, 0).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kAcceptedEpoch, 0, 4).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kSnapshot, 20, 2).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCurrentEpoch, 0, 3).has_value());
  ASSERT_TRUE(apply(LogRecordKind::kCommitted, 20).has_value());
  RecordBatch head;
  contents_.repeat_into(head);
  LogContents again;
  again.start(contents_.last_zxid());
  RecordCursor cursor(head.bytes());
  uint32_t index = 0;
  while (const auto record = cursor.next()) {
    ASSERT_TRUE(again.apply(*record, {{2, 0}, index++}, true).has_value());
  }
  EXPECT_EQ(again.accepted_epoch(), Epoch(4));
  EXPECT_EQ(again.current_epoch(), Epoch(3));
  EXPECT_EQ(again.committed(), Zxid(20));
  EXPECT_EQ(again.founding(), "payload");
  ASSERT_TRUE(again.snapshot().has_value());
  EXPECT_EQ(again.snapshot()->generation, 2U);
  EXPECT_EQ(again.snapshot()->digest, "payload");
  EXPECT_EQ(again.last_zxid(), Zxid(20));
}

}  // namespace
}  // namespace topod::storage
