// What went wrong elsewhere while a server was brought up to its leader, told to three servers. A
// name says what would have to become false; the issue is ZooKeeper's.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;
using Kind = peer::Message::KindCase;

class Synchronisation : public testing::Test {
 protected:
  explicit Synchronisation(const EnsembleDriver::Options& options = {}) : ensemble_(options) {
    ensemble_.start_all();
    EXPECT_TRUE(ensemble_.await_agreement());
    leader_ = ensemble_.leader();
    follower_ = leader_ % 3 + 1;
    third_ = 6 - leader_ - follower_;
  }
  // Creates <prefix>1 to <prefix><count> and does not wait.
  void begin_to_write(int member, const std::string& prefix, int32_t count) {
    Client& client = ensemble_.connect(member, 60'000);
    for (int32_t xid = 1; xid <= count; ++xid) {
      ensemble_.create(client, xid, prefix + std::to_string(xid));
    }
  }
  void write(int member, const std::string& prefix, int32_t count) {
    begin_to_write(member, prefix, count);
    ensemble_.run();
    EXPECT_TRUE(ensemble_.has(member, prefix + std::to_string(count)));
  }
  void expect_everywhere(const std::string& prefix, int32_t count) {
    for (int member = 1; member <= ensemble_.size(); ++member) {
      if (!ensemble_.is_up(member)) continue;
      for (int32_t number = 1; number <= count; ++number) {
        EXPECT_TRUE(ensemble_.has(member, prefix + std::to_string(number))) << member;
      }
    }
  }
  // The leader proposes what reaches nobody, and dies.
  void leave_a_ghost() {
    Client& client = ensemble_.connect(leader_);
    ensemble_.run();
    ensemble_.set_filter([this](int from, int, const peer::Message& message) {
      return from != leader_ || !message.has_propose();
    });
    ensemble_.create(client, 1, "/ghost");
    ensemble_.run();
    ensemble_.crash(leader_);
    ensemble_.set_filter({});
  }
  bool has_ghost() {
    for (int member = 1; member <= 3; ++member) {
      if (ensemble_.is_up(member) && ensemble_.has(member, "/ghost")) return true;
    }
    return false;
  }
  void power_cut() {
    for (int member = 1; member <= 3; ++member) {
      if (ensemble_.is_up(member)) ensemble_.crash(member);
    }
    for (int member = 1; member <= 3; ++member) ensemble_.start(member);
    ASSERT_TRUE(ensemble_.await_agreement());
  }

  EnsembleDriver ensemble_;
  int leader_ = 0;
  int follower_ = 0;
  int third_ = 0;
};

// ZOOKEEPER-790, 1549, 2845.
TEST_F(Synchronisation, WhatIsNotKnownToBeCommittedIsNotAppliedByWhoHasNoQuorum) {
  leave_a_ghost();
  ensemble_.crash(follower_);
  ensemble_.crash(third_);
  ensemble_.start(leader_);
  ensemble_.advance(5'000);
  EXPECT_FALSE(ensemble_.has(leader_, "/ghost"));
  EXPECT_EQ(ensemble_.replica(leader_).history().unapplied(), 1u) << "it is there";
}

// ZOOKEEPER-1154.
TEST_F(Synchronisation, WhatOnlyADeadLeaderHadIsCutWhenItComesBack) {
  leave_a_ghost();
  ASSERT_TRUE(ensemble_.await_leader());
  write(ensemble_.leader(), "/after", 3);
  ensemble_.start(leader_);
  ASSERT_TRUE(ensemble_.await_agreement());
  EXPECT_FALSE(has_ghost());
}

// ZOOKEEPER-1156, 1489.
TEST_F(Synchronisation, WhatFollowsACutSurvivesARestartAndWhatWasCutDoesNot) {
  leave_a_ghost();
  ASSERT_TRUE(ensemble_.await_leader());
  write(ensemble_.leader(), "/before", 2);
  ensemble_.start(leader_);
  ASSERT_TRUE(ensemble_.await_agreement());
  write(leader_, "/after", 5);
  power_cut();
  expect_everywhere("/before", 2);
  expect_everywhere("/after", 5);
  EXPECT_FALSE(has_ghost());
}

// ZOOKEEPER-962, 4785.
TEST_F(Synchronisation, WhatIsProposedWhileAFollowerCatchesUpReachesItToo) {
  ensemble_.crash(follower_);
  write(leader_, "/missed", 20);
  bool is_held = false;
  ensemble_.set_filter([&](int, int to, const peer::Message& message) {
    is_held |= to == follower_ && message.has_propose();
    return to != follower_ || !is_held;
  });
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await([&] { return is_held; }));
  begin_to_write(leader_, "/meanwhile", 20);
  ensemble_.advance(50);
  ensemble_.set_filter({});
  ASSERT_TRUE(ensemble_.await_agreement());
  expect_everywhere("/missed", 20);
  expect_everywhere("/meanwhile", 20);
}

// ZOOKEEPER-2418: some of it from the log, some from memory.
TEST_F(Synchronisation, NothingIsMissedBetweenTheLogAndWhatIsInMemory) {
  ensemble_.crash(follower_);
  write(leader_, "/logged", 30);
  ensemble_.crash(leader_);
  ensemble_.start(leader_);
  ASSERT_TRUE(ensemble_.await_leader());
  write(ensemble_.leader(), "/remembered", 30);
  ensemble_.start(follower_);
  begin_to_write(ensemble_.leader(), "/meanwhile", 30);
  ASSERT_TRUE(ensemble_.await_agreement());
  expect_everywhere("/logged", 30);
  expect_everywhere("/remembered", 30);
  expect_everywhere("/meanwhile", 30);
}

// ZOOKEEPER-1282, 3911, 4646.
TEST_F(Synchronisation, NothingOfItIsAcknowledgedBeforeItIsOnDisk) {
  const Zxid on_disk = ensemble_.replica(follower_).history().last_zxid();
  ensemble_.crash(follower_);
  write(leader_, "/missed", 5);
  bool is_reached = false;
  bool is_acknowledged = false;
  ensemble_.set_filter([&](int from, int to, const peer::Message& message) {
    // From here on its disk hangs.
    if (to == follower_ && message.has_propose() && !is_reached) {
      is_reached = true;
      ensemble_.hold_flushes(follower_, true);
    }
    is_acknowledged |=
        from == follower_ && (message.has_ack_new_leader() || Zxid(message.ack().zxid()) > on_disk);
    return true;
  });
  ensemble_.start(follower_);
  ensemble_.advance(100);
  EXPECT_TRUE(is_reached);
  // The leader does not count on it: without the third, nothing is committed.
  ensemble_.crash(third_);
  begin_to_write(leader_, "/by-one", 1);
  ensemble_.advance(100);
  EXPECT_FALSE(is_acknowledged);
  EXPECT_FALSE(ensemble_.has(leader_, "/by-one1"));
  ensemble_.hold_flushes(follower_, false);
  ASSERT_TRUE(ensemble_.await_agreement());
  EXPECT_TRUE(is_acknowledged);
  expect_everywhere("/missed", 5);
  expect_everywhere("/by-one", 1);
}

// ZOOKEEPER-4394, 4685.
TEST_F(Synchronisation, CommitsBeforeUpToDateAreMatchedAndAcknowledgementsKeepTheirOrder) {
  ensemble_.crash(follower_);
  write(leader_, "/missed", 5);
  std::vector<Kind> said;
  bool is_new_leader = false;
  ensemble_.set_filter([&](int from, int to, const peer::Message& message) {
    if (to == follower_ && message.has_new_leader()) {
      is_new_leader = true;
      ensemble_.hold_flushes(follower_, true);
    }
    if (is_new_leader && from == follower_ && (message.has_ack() || message.has_ack_new_leader())) {
      said.push_back(message.kind_case());
    }
    return true;
  });
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await([&] { return is_new_leader; }));
  write(leader_, "/committed-meanwhile", 10);
  EXPECT_FALSE(ensemble_.replica(follower_).serving());
  ensemble_.hold_flushes(follower_, false);
  ASSERT_TRUE(ensemble_.await_agreement());
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said.front(), Kind::kAckNewLeader);
  expect_everywhere("/committed-meanwhile", 10);
}

// ZOOKEEPER-4643: the epoch is there, the history that belongs to it is not.
TEST_F(Synchronisation, ACrashBetweenHistoryAndEpochElectsNobodyWithAShorterLog) {
  ensemble_.crash(follower_);
  write(leader_, "/committed", 5);
  bool is_flushed = false;
  ensemble_.set_filter([&](int, int to, const peer::Message& message) {
    if (to != follower_) return true;
    if (message.has_propose()) ensemble_.hold_flushes(follower_, true);
    is_flushed |= message.has_new_leader();
    return true;
  });
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await([&] { return is_flushed; }));
  // Neither is on its disk. The leader dies too; those two are to go on.
  ensemble_.crash(follower_);
  ensemble_.hold_flushes(follower_, false);
  ensemble_.crash(leader_);
  ensemble_.set_filter({});
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await_agreement());
  expect_everywhere("/committed", 5);
}

// ZOOKEEPER-4925: each is brought up by one who was itself brought up by another.
TEST_F(Synchronisation, WhoWasSynchronisedHandsOnAHistoryWithoutHoles) {
  int written = 0;
  for (int round = 0; round < 6; ++round) {
    const int away = round % 3 + 1;
    ensemble_.crash(away);
    ASSERT_TRUE(ensemble_.await_leader());
    write(ensemble_.leader(), "/round" + std::to_string(round) + "-", 7);
    ++written;
    ensemble_.start(away);
    ASSERT_TRUE(ensemble_.await_agreement());
  }
  power_cut();
  for (int round = 0; round < written; ++round) {
    expect_everywhere("/round" + std::to_string(round) + "-", 7);
  }
}

// ZOOKEEPER-5010.
TEST_F(Synchronisation, AnEphemeralThatWasNotCommittedStaysOnNobody) {
  Client& client = ensemble_.connect(leader_, 1'000);
  ensemble_.run();
  // It reaches one of them, and is committed by nobody.
  ensemble_.set_filter([this](int from, int to, const peer::Message& message) {
    if (from == follower_ && message.has_ack()) return false;
    return from != leader_ || to != third_ || !message.has_propose();
  });
  ensemble_.create(client, 1, "/ephemeral", CreateMode::kEphemeral);
  ensemble_.run();
  ensemble_.crash(leader_);
  ensemble_.set_filter({});
  ASSERT_TRUE(ensemble_.await_leader());
  ensemble_.start(leader_);
  ASSERT_TRUE(ensemble_.await_agreement());
  // Whichever way it was decided, its session ends, and it with it.
  ensemble_.advance(3'000);
  ASSERT_TRUE(ensemble_.await_agreement());
  for (int member = 1; member <= 3; ++member) EXPECT_FALSE(ensemble_.has(member, "/ephemeral"));
}

class BySnapshot : public Synchronisation {
 protected:
  static EnsembleDriver::Options options() {
    EnsembleDriver::Options options;
    options.readable_transactions = 0;
    options.observers = 1;
    return options;
  }
  BySnapshot() : Synchronisation(options()) {}

  // Nobody remembers what the follower misses.
  void make_it_need_a_snapshot(int member) {
    ensemble_.crash(member);
    write(leader_, "/missed", 10);
    for (int other = 1; other <= ensemble_.size(); ++other) {
      if (other != member) ensemble_.crash(other);
    }
    for (int other = 1; other <= ensemble_.size(); ++other) {
      if (other != member) ensemble_.start(other);
    }
    ASSERT_TRUE(ensemble_.await_agreement());
    leader_ = ensemble_.leader();
  }
  static constexpr int kObserver = 4;
};

// ZOOKEEPER-1551, 3104.
TEST_F(BySnapshot, AnObserverTakesWhatComesBehindIt) {
  make_it_need_a_snapshot(kObserver);
  bool has_begun = false;
  ensemble_.set_filter([&](int, int to, const peer::Message& message) {
    has_begun |= to == kObserver && message.has_snapshot_begin();
    return to != kObserver || !has_begun;
  });
  ensemble_.start(kObserver);
  ASSERT_TRUE(ensemble_.await([&] { return has_begun; }));
  begin_to_write(leader_, "/meanwhile", 10);
  ensemble_.advance(50);
  ensemble_.set_filter({});
  begin_to_write(leader_, "/behind", 10);
  ASSERT_TRUE(ensemble_.await_agreement());
  expect_everywhere("/missed", 10);
  expect_everywhere("/meanwhile", 10);
  expect_everywhere("/behind", 10);
}

// ZOOKEEPER-2872: the old state stays whole, and its server an ordinary voter.
TEST_F(BySnapshot, OneThatWasInterruptedChangesNothing) {
  write(leader_, "/old", 3);
  ASSERT_TRUE(ensemble_.await_agreement());
  const Zxid before = ensemble_.replica(follower_).history().last_zxid();
  make_it_need_a_snapshot(follower_);
  bool is_there = false;
  ensemble_.set_filter([&](int, int to, const peer::Message& message) {
    if (to != follower_ || !message.has_snapshot_end()) return true;
    is_there = true;
    ensemble_.hold_flushes(follower_, true);
    return true;
  });
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await([&] { return is_there; }));
  ensemble_.crash(follower_);
  ensemble_.set_filter({});
  ensemble_.hold_flushes(follower_, false);
  for (int member = 1; member <= ensemble_.size(); ++member) {
    if (ensemble_.is_up(member)) ensemble_.crash(member);
  }
  ensemble_.start(follower_);
  EXPECT_TRUE(ensemble_.replica(follower_).membership().votes());
  EXPECT_EQ(ensemble_.replica(follower_).history().last_zxid(), before);
  for (int other = 1; other <= ensemble_.size(); ++other) {
    if (!ensemble_.is_up(other)) ensemble_.start(other);
  }
  ASSERT_TRUE(ensemble_.await_agreement());
  expect_everywhere("/missed", 10);
}

// ZOOKEEPER-3642: first a snapshot, then the difference from another leader, then a restart.
TEST_F(BySnapshot, OneThatWasInstalledIsStillThereAfterTheNextLeaderAndARestart) {
  make_it_need_a_snapshot(follower_);
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await_agreement());
  const int first = ensemble_.leader();
  ensemble_.crash(first);
  ASSERT_TRUE(ensemble_.await_leader());
  write(ensemble_.leader(), "/difference", 5);
  ensemble_.start(first);
  ASSERT_TRUE(ensemble_.await_agreement());
  power_cut();
  expect_everywhere("/missed", 10);
  expect_everywhere("/difference", 5);
}

// ZOOKEEPER-1465, 1697, 2678: the quorum needs it, and the limits are of a second or less.
// ZOOKEEPER-1558 and ZOOKEEPER-4766, of a large tree: endless elections.
TEST_F(BySnapshot, OneThatTakesLongerThanAllLimitsEndsNoReign) {
  make_it_need_a_snapshot(follower_);
  ensemble_.crash(6 - leader_ - follower_);
  bool has_begun = false;
  ensemble_.set_filter([&](int, int to, const peer::Message& message) {
    has_begun |= to == follower_ && message.has_snapshot_begin();
    return true;
  });
  ensemble_.hold_snapshots(leader_, true);
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await([&] { return has_begun; }));
  const Epoch epoch = ensemble_.replica(leader_).leading()->epoch();
  ensemble_.advance(10'000);
  ASSERT_NE(ensemble_.replica(leader_).leading(), nullptr);
  EXPECT_EQ(ensemble_.replica(leader_).leading()->epoch(), epoch);
  ensemble_.hold_snapshots(leader_, false);
  ASSERT_TRUE(ensemble_.await_agreement());
  EXPECT_EQ(ensemble_.replica(leader_).leading()->epoch(), epoch);
  expect_everywhere("/missed", 10);
}

// ZOOKEEPER-3144, 3471, 4837.
TEST_F(BySnapshot, SessionsAndTheirEphemeralsTravelWithItAndEndTogether) {
  Client& client = ensemble_.connect(leader_, 2'000);
  ensemble_.run();
  ensemble_.create(client, 1, "/ephemeral", CreateMode::kEphemeral);
  ensemble_.run();
  make_it_need_a_snapshot(follower_);
  ensemble_.start(follower_);
  ASSERT_TRUE(ensemble_.await_agreement());
  ASSERT_TRUE(ensemble_.has(follower_, "/ephemeral"));
  EXPECT_NE(ensemble_.replica(follower_).state().sessions.find(client.session), nullptr);
  ensemble_.advance(5'000);
  ASSERT_TRUE(ensemble_.await_agreement());
  for (int member = 1; member <= ensemble_.size(); ++member) {
    EXPECT_FALSE(ensemble_.has(member, "/ephemeral")) << member;
    EXPECT_EQ(ensemble_.replica(member).state().sessions.find(client.session), nullptr);
  }
}

}  // namespace
}  // namespace topod::zab
