#include "server/node/log_positions.h"

#include <gtest/gtest.h>

#include "server/node/log_holds.h"

namespace topod::node {
namespace {

using storage::LogPosition;

constexpr LogPosition at(uint64_t offset) { return {1, offset}; }

class LogPositionsTest : public ::testing::Test {
 protected:
  void transaction(int64_t zxid) { add(LogRecordKind::kTransaction, zxid); }
  void truncate(int64_t zxid) { add(LogRecordKind::kTruncate, zxid); }
  void add(LogRecordKind kind, int64_t zxid) {
    positions_.add(kind, Zxid(zxid));
    ++records_;
  }
  // Everything so far, in one flush.
  void flush(uint64_t end) {
    positions_.submit();
    positions_.durable(records_, at(end));
  }
  LogPosition restart(int64_t applied) { return positions_.restart_position(Zxid(applied)); }

  LogPositions positions_;
  uint64_t records_ = 0;
};

TEST_F(LogPositionsTest, ALogThatIsAppliedWhollyIsNeededFromItsEnd) {
  positions_.start(at(10), Zxid(5), at(100));
  EXPECT_EQ(restart(5), at(100));
}

TEST_F(LogPositionsTest, WhatIsNotAppliedIsReadAgain) {
  positions_.start(at(10), Zxid(5), at(100));
  EXPECT_EQ(restart(4), at(10));
  transaction(6);
  flush(200);
  transaction(7);
  flush(300);
  EXPECT_EQ(restart(4), at(10));
  EXPECT_EQ(restart(5), at(100));
  EXPECT_EQ(restart(6), at(200));
  EXPECT_EQ(restart(7), at(300));
}

TEST_F(LogPositionsTest, WhatIsNotDurableIsNotInTheLog) {
  positions_.start(at(10), Zxid(5), at(100));
  transaction(6);
  positions_.submit();
  EXPECT_EQ(restart(6), at(100));
}

TEST_F(LogPositionsTest, PromisesMoveThePlaceOnWithoutTransactions) {
  positions_.start(at(10), Zxid(5), at(100));
  add(LogRecordKind::kAcceptedEpoch, 0);
  flush(200);
  EXPECT_EQ(restart(5), at(200));
}

TEST_F(LogPositionsTest, WhatWasCutNeedsNotBeApplied) {
  positions_.start(at(10), Zxid(5), at(100));
  transaction(6);
  transaction(7);
  flush(200);
  EXPECT_EQ(restart(5), at(100));
  truncate(5);
  flush(300);
  EXPECT_EQ(restart(5), at(300));
  transaction(20);
  flush(400);
  EXPECT_EQ(restart(7), at(300));
  EXPECT_EQ(restart(20), at(400));
}

TEST_F(LogPositionsTest, OfATurnThatWasCutInTwoTheFirstPartMayHoldAnything) {
  positions_.start(at(10), Zxid(5), at(100));
  transaction(6);
  transaction(7);
  truncate(5);
  positions_.submit();
  positions_.durable(2, at(200));
  EXPECT_EQ(restart(5), at(100)) << "transaction 7 may stand before 200, and its cut not";
  positions_.durable(3, at(300));
  EXPECT_EQ(restart(5), at(300));
}

TEST_F(LogPositionsTest, AnInstalledTreeBeginsAtItsOwnTransaction) {
  positions_.start(at(10), Zxid(50), at(100));
  EXPECT_EQ(restart(40), at(10));
  add(LogRecordKind::kSnapshot, 45);
  transaction(46);
  add(LogRecordKind::kCurrentEpoch, 0);
  flush(200);
  EXPECT_EQ(restart(45), at(10));
  EXPECT_EQ(restart(46), at(200));
}

TEST(LogHolds, TheLogIsKeptForWhoeverNeedsMost) {
  LogHolds holds;
  EXPECT_EQ(holds.needed_from(at(500), 0), at(500));
  holds.hold(LinkId(1), at(300), LogHolds::kForever);
  holds.hold(LinkId(2), at(200), 1'000);
  EXPECT_EQ(holds.needed_from(at(500), 0), at(200));
  EXPECT_EQ(holds.needed_from(at(100), 0), at(100));
  EXPECT_EQ(holds.needed_from(at(500), 1'000), at(300)) << "the second has ended";
  holds.limit(LinkId(1), 2'000);
  EXPECT_EQ(holds.needed_from(at(500), 1'999), at(300));
  holds.hold(LinkId(1), at(400), LogHolds::kForever);
  EXPECT_EQ(holds.needed_from(at(500), 3'000), at(400));
  holds.release(LinkId(1));
  EXPECT_EQ(holds.needed_from(at(500), 3'000), at(500));
}

}  // namespace
}  // namespace topod::node
