// Members whose disks are full or hang.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

class FullDisk : public testing::Test {
 protected:
  FullDisk() {
    ensemble_.start_all();
    EXPECT_TRUE(ensemble_.await_agreement());
    leader_ = ensemble_.leader();
    second_ = leader_ % 3 + 1;
    third_ = 6 - leader_ - second_;
  }
  void fill(int member, bool full = true) { ensemble_.replica(member).set_no_log_space(full); }
  bool await_leader(int member) {
    return ensemble_.await([&] { return ensemble_.leader() == member; });
  }

  EnsembleDriver ensemble_;
  int leader_ = 0;
  int second_ = 0;
  int third_ = 0;
};

TEST_F(FullDisk, OfALeaderMakesAnotherLeadWithoutADisconnect) {
  Client& client = ensemble_.connect(second_);
  Client& mine = ensemble_.connect(leader_);
  ensemble_.run();
  fill(leader_);
  ASSERT_TRUE(ensemble_.await(
      [&] { return ensemble_.leader() != 0 && ensemble_.leader() != leader_; }, 2'000));
  ensemble_.create(client, 1, "/goes-on");
  ASSERT_TRUE(ensemble_.await([&] { return client.answers.size() == 1; }));
  EXPECT_EQ(client.answers[0].error, ErrorCode::kOk);
  EXPECT_FALSE(client.closed || mine.closed);
  // It follows, and serves reads.
  ASSERT_TRUE(ensemble_.await_agreement());
  EXPECT_TRUE(ensemble_.has(leader_, "/goes-on"));
}

TEST_F(FullDisk, OfAllChangesNothing) {
  for (const int member : {second_, third_, leader_}) {
    fill(member);
    ensemble_.advance(100);
  }
  const Epoch epoch = ensemble_.replica(leader_).leading()->epoch();
  ensemble_.advance(5'000);
  ASSERT_EQ(ensemble_.leader(), leader_);
  EXPECT_EQ(ensemble_.replica(leader_).leading()->epoch(), epoch);
  fill(second_, false);
  EXPECT_TRUE(await_leader(second_)) << "there is one now that can";
}

TEST_F(FullDisk, IsPassedOverWhenTheLeaderDies) {
  fill(std::max(second_, third_));
  ensemble_.crash(leader_);
  ASSERT_TRUE(ensemble_.await_leader());
  EXPECT_EQ(ensemble_.leader(), std::min(second_, third_)) << "otherwise the higher number wins";
}

// Nobody else has what was committed: it leads until another has it.
TEST_F(FullDisk, LeadsAloneWithTheBestHistoryAndHandsOverOnceAnotherHasIt) {
  Client& client = ensemble_.connect(leader_);
  ensemble_.run();
  ensemble_.isolate(third_);
  ensemble_.create(client, 1, "/only-here");
  ensemble_.run();
  ASSERT_EQ(client.answers.size(), 1u);
  fill(second_);
  ensemble_.crash(leader_);
  ensemble_.rejoin(third_);
  ASSERT_TRUE(await_leader(third_));
  EXPECT_TRUE(ensemble_.has(third_, "/only-here"));
}

// ZOOKEEPER-2247: a leader that could not write its log kept the ensemble down.
TEST(HangingDisk, OfALeaderMakesAnotherLeadUntilItIsBackAsAFollower) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  Client& client = ensemble.connect(leader % 3 + 1);
  ensemble.run();
  ensemble.hold_flushes(leader, true);
  for (int32_t xid = 1; xid <= 50; ++xid) {
    ensemble.create(client, xid, "/n" + std::to_string(xid));
    ensemble.advance(100);
  }
  EXPECT_NE(ensemble.leader(), leader);
  EXPECT_FALSE(client.closed);
  ASSERT_TRUE(ensemble.await([&] { return client.answers.size() == 50; }));
  EXPECT_EQ(client.answers.back().error, ErrorCode::kOk);
  EXPECT_FALSE(ensemble.replica(leader).serving());
  ensemble.hold_flushes(leader, false);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_TRUE(ensemble.has(leader, "/n50"));
}

TEST(HangingDisk, OfAFollowerHoldsUpNobodyElse) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const Epoch epoch = ensemble.replica(leader).leading()->epoch();
  const int slow = leader % 3 + 1;
  Client& client = ensemble.connect(leader, 60'000);
  ensemble.run();
  ensemble.hold_flushes(slow, true);
  for (int32_t xid = 1; xid <= 50; ++xid) {
    ensemble.create(client, xid, "/n" + std::to_string(xid));
    ensemble.run();
    EXPECT_EQ(client.answers.size(), static_cast<size_t>(xid));
    ensemble.advance(100);
  }
  ASSERT_EQ(ensemble.leader(), leader);
  EXPECT_EQ(ensemble.replica(leader).leading()->epoch(), epoch);
  ensemble.hold_flushes(slow, false);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_TRUE(ensemble.has(slow, "/n50"));
}

}  // namespace
}  // namespace topod::zab
