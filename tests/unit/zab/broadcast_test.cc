// Proposals on their way to the followers' disks: what counts, what is refused, and how much of it
// is under way.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

class Broadcast : public testing::Test {
 protected:
  Broadcast() {
    ensemble_.start_all();
    EXPECT_TRUE(ensemble_.await_agreement());
    leader_ = ensemble_.leader();
    first_ = leader_ % 3 + 1;
    second_ = 6 - leader_ - first_;
  }
  [[nodiscard]] Zxid committed() { return ensemble_.replica(leader_).leading()->committed(); }
  [[nodiscard]] int64_t transactions(int member) {
    const std::vector<LogRecord>& log = ensemble_.log(member);
    return std::count_if(log.begin(), log.end(), [](const LogRecord& record) {
      return record.kind == LogRecordKind::kTransaction;
    });
  }

  EnsembleDriver ensemble_;
  int leader_ = 0;
  int first_ = 0;
  int second_ = 0;
};

TEST_F(Broadcast, CountsTheLeaderOnlyOnceItsOwnDiskHasTheProposal) {
  Client& client = ensemble_.connect(first_);
  ensemble_.run();
  ensemble_.crash(second_);
  ensemble_.hold_flushes(leader_, true);
  const Zxid before = committed();
  ensemble_.create(client, 1, "/slow");
  ensemble_.advance(100);
  ASSERT_EQ(ensemble_.leader(), leader_);
  ASSERT_GT(ensemble_.replica(first_).history().durable_zxid(), before) << "one disk has it";
  EXPECT_EQ(committed(), before);
  EXPECT_TRUE(client.answers.empty());
  EXPECT_FALSE(ensemble_.has(first_, "/slow"));
  ensemble_.hold_flushes(leader_, false);
  ensemble_.run();
  EXPECT_GT(committed(), before);
  EXPECT_EQ(client.answers.size(), 1u);
}

TEST_F(Broadcast, CommitsWithoutTheLeadersDiskWhatAMajorityOfOthersHas) {
  Client& client = ensemble_.connect(first_);
  Client& mine = ensemble_.connect(leader_);
  ensemble_.run();
  ensemble_.hold_flushes(leader_, true);
  ensemble_.create(client, 1, "/fast");
  ensemble_.create(mine, 1, "/mine");
  ensemble_.run();
  EXPECT_EQ(committed(), ensemble_.replica(leader_).history().last_zxid());
  EXPECT_EQ(client.answers.size(), 1u);
  EXPECT_TRUE(ensemble_.has(second_, "/mine"));
  // Its own clients are answered from a state that a restart would find again.
  EXPECT_TRUE(mine.answers.empty());
  EXPECT_FALSE(ensemble_.has(leader_, "/fast"));
  ensemble_.hold_flushes(leader_, false);
  ensemble_.run();
  EXPECT_EQ(mine.answers.size(), 1u);
}

TEST_F(Broadcast, AProposalWithAnotherPredecessorIsRefusedAndNothingOfItsMessageIsLogged) {
  using Forge = std::function<void(peer::Propose&)>;
  const Forge forgeries[] = {
      // It would follow what is long past.
      [](peer::Propose& message) {
        auto& first = *message.mutable_entries(0);
        first.set_predecessor(first.predecessor() - 1);
      },
      // One between is missing.
      [](peer::Propose& message) {
        auto& first = *message.mutable_entries(0);
        first.set_predecessor(first.zxid());
        first.set_zxid(first.zxid() + 1);
      },
      // It has come twice.
      [](peer::Propose& message) {
        auto& first = *message.mutable_entries(0);
        first.set_zxid(first.predecessor());
      },
  };
  Client& client = ensemble_.connect(leader_, 60'000);
  ensemble_.run();
  ensemble_.expect_nonsense();
  int32_t xid = 0;
  for (const Forge& forge : forgeries) {
    ++xid;
    const int64_t logged = transactions(first_);
    bool is_forged = false;
    ensemble_.set_filter([&](int, int to, const peer::Message& message) {
      if (to != first_ || !message.has_propose() || is_forged) return true;
      forge(*const_cast<peer::Message&>(message).mutable_propose());
      return is_forged = true;
    });
    const std::string path = "/n" + std::to_string(xid);
    ensemble_.create(client, xid, path);
    ensemble_.run();
    ASSERT_TRUE(is_forged);
    EXPECT_EQ(ensemble_.nonsense(), xid);
    EXPECT_EQ(transactions(first_), logged);
    EXPECT_FALSE(
        ensemble_.replica(leader_).leading()->learners().contains(ensemble_.config(first_).self))
        << "the link is gone";
    EXPECT_EQ(client.answers.size(), static_cast<size_t>(xid)) << "two of three have it";
    ASSERT_TRUE(ensemble_.await_agreement());
    EXPECT_TRUE(ensemble_.has(first_, path)) << "a new link brings it";
  }
}

// Its links are alive, its disk is not.
TEST_F(Broadcast, SendsAFollowerThatAcknowledgesNothingNoMoreThanTheWindow) {
  constexpr int32_t kWrites = 24;
  constexpr size_t kBytes = 900'000;
  static_assert(kWrites * kBytes > 2 * limits::kPeerWindowBytes);
  Client& client = ensemble_.connect(leader_);
  ensemble_.run();
  ensemble_.hold_flushes(first_, true);
  size_t sent = 0;
  ensemble_.set_filter([&](int from, int to, const peer::Message& message) {
    if (from == leader_ && to == first_ && message.has_propose()) sent += message.ByteSizeLong();
    return true;
  });
  for (int32_t xid = 1; xid <= kWrites; ++xid) {
    ensemble_.create(client, xid, "/big-", CreateMode::kPersistentSequential,
                     std::string(kBytes, 'x'));
    ensemble_.run();
  }
  EXPECT_EQ(client.answers.size(), static_cast<size_t>(kWrites)) << "the others go on";
  // The window, and the message that fills it.
  EXPECT_LE(sent, limits::kPeerWindowBytes + limits::kProposeBytes + kBytes);
  EXPECT_GE(sent, limits::kPeerWindowBytes);
  ensemble_.hold_flushes(first_, false);
  ASSERT_TRUE(ensemble_.await_agreement());
  EXPECT_GE(sent, kWrites * kBytes);
}

}  // namespace
}  // namespace topod::zab
