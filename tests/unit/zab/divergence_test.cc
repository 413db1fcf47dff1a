// A server whose state is not what the ensemble's entries make of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;
using ::testing::HasSubstr;

// As a bit that flipped in memory would.
void sicken(EnsembleDriver& ensemble, int member, uint64_t by) {
  auto& state = const_cast<state::State&>(ensemble.replica(member).state());
  state.digest.add(state::Digest(by, by));
}

// Enough for a digest to be compared.
void write_much(EnsembleDriver& ensemble, int member) {
  Client& client = ensemble.connect(member, 60'000);
  ensemble.run();
  for (int32_t xid = 1; xid <= 260; ++xid) {
    ensemble.create(client, xid, "/s-", CreateMode::kPersistentSequential);
  }
  ensemble.advance(200);
  ensemble.drop(client);
}

int holds(const std::vector<LogRecord>& log, LogRecordKind kind) {
  return static_cast<int>(
      std::count_if(log.begin(), log.end(), [&](const auto& one) { return one.kind == kind; }));
}

TEST(Divergence, OfAFollowerAndOfALeaderEndsWithASnapshotOfTheMajority) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int third = 6 - leader - (leader % 3 + 1);
  for (const int sick : {leader % 3 + 1, leader}) {
    sicken(ensemble, sick, 1);
    write_much(ensemble, third);
    ensemble.advance(1'000);
    ASSERT_TRUE(ensemble.await_agreement());
    EXPECT_FALSE(ensemble.replica(sick).diverged());
    EXPECT_EQ(ensemble.put_aside(sick), 1) << "what it had is kept for somebody to look at";
    EXPECT_EQ(ensemble.replica(sick).mismatches().count, sick == leader ? 2u : 1u);
  }
  EXPECT_EQ(ensemble.put_aside(third), 0);
}

TEST(Divergence, IsNotForgottenByARestart) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int sick = leader % 3 + 1;
  sicken(ensemble, sick, 1);
  // It finds out, and gets no snapshot.
  ensemble.set_filter([&](int, int to, const peer::Message& message) {
    return to != sick || !message.has_snapshot_begin();
  });
  write_much(ensemble, leader);
  ASSERT_TRUE(ensemble.await([&] { return ensemble.replica(sick).diverged(); }));
  ensemble.run();
  ensemble.crash(sick);
  ensemble.start(sick);
  EXPECT_TRUE(ensemble.replica(sick).diverged());
  ensemble.advance(3'000);
  EXPECT_FALSE(ensemble.replica(sick).serving());
  ensemble.set_filter({});
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_EQ(holds(ensemble.log(sick), LogRecordKind::kSnapshot), 1);
  EXPECT_EQ(ensemble.put_aside(sick), 1);
  ensemble.crash(sick);
  ensemble.start(sick);
  EXPECT_FALSE(ensemble.replica(sick).diverged()) << "the snapshot has taken effect";
  EXPECT_TRUE(ensemble.await_agreement());
}

TEST(Divergence, WithoutAMajorityForAnyStateEverybodyGoesOnAndTheAlarmIsRaised) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  sicken(ensemble, 1, 1);
  sicken(ensemble, 2, 2);
  const int leader = ensemble.leader();
  write_much(ensemble, leader);
  ensemble.advance(1'000);
  EXPECT_GT(ensemble.replica(leader).mismatches().count, 0u);
  EXPECT_THAT(ensemble.replica(leader).mismatches().last, HasSubstr("no majority"));
  for (int member = 1; member <= 3; ++member) {
    EXPECT_FALSE(ensemble.replica(member).diverged());
    EXPECT_TRUE(ensemble.replica(member).serving());
  }
}

// Two of three have lost their disks, and an operator has made them vote again.
TEST(Divergence, WhoHasAppliedWhatTheQuorumDoesNotHaveKeepsItAside) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& client = ensemble.connect(1);
  ensemble.run();
  // That the first is committed is logged with the second.
  for (const int32_t xid : {1, 2}) {
    ensemble.create(client, xid, "/acknowledged" + std::to_string(xid));
    ensemble.run();
  }
  ASSERT_EQ(client.answers.size(), 2u);
  ASSERT_TRUE(ensemble.await_agreement());
  for (int member = 1; member <= 3; ++member) ensemble.crash(member);
  for (const int member : {2, 3}) {
    ensemble.forget_last(member);
    ensemble.forget_last(member);
  }
  ensemble.start(2);
  ensemble.start(3);
  ASSERT_TRUE(ensemble.await_agreement());
  Client& second = ensemble.connect(2);
  ensemble.run();
  ensemble.create(second, 1, "/since");
  ensemble.run();
  ASSERT_EQ(second.answers.size(), 1u);
  ensemble.start(1);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_FALSE(ensemble.has(1, "/acknowledged1"));
  EXPECT_TRUE(ensemble.has(1, "/since"));
  EXPECT_EQ(ensemble.put_aside(1), 1);
  EXPECT_EQ(ensemble.replica(1).mismatches().count, 1u);
}

}  // namespace
}  // namespace topod::zab
