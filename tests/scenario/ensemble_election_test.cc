// What went wrong elsewhere while a leader was looked for, told to several servers. A name says
// what would have to become false; the issue is ZooKeeper's.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

EnsembleDriver::Options of(int voters, int observers = 0) {
  EnsembleDriver::Options options;
  options.voters = voters;
  options.observers = observers;
  return options;
}

void write(EnsembleDriver& ensemble, int member, const std::string& path) {
  Client& client = ensemble.connect(member);
  ensemble.run();
  ensemble.create(client, 1, path);
  ensemble.run();
  ASSERT_EQ(client.answers.size(), 1u) << path;
}

// ZOOKEEPER-1419, 1514.
TEST(Elections, SettleInWhateverOrderServersStart) {
  std::vector<int> order = {1, 2, 3};
  do {
    for (const int64_t pause_ms : {0, 30, 700}) {
      EnsembleDriver ensemble;
      for (const int member : order) {
        ensemble.start(member);
        ensemble.advance(pause_ms);
      }
      EXPECT_TRUE(ensemble.await_agreement(3'000)) << pause_ms;
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

// A bridge: one of five reaches both sides, which do not reach each other.
TEST(Elections, SettleThoughSomeCannotSeeEachOther) {
  EnsembleDriver ensemble(of(5));
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  for (const int a : {1, 2}) {
    for (const int b : {4, 5}) ensemble.cut(a, b);
  }
  ASSERT_TRUE(ensemble.await_leader());
  const int leader = ensemble.leader();
  const Epoch epoch = ensemble.replica(leader).leading()->epoch();
  ensemble.advance(10'000);
  EXPECT_EQ(ensemble.leader(), leader) << "it does not go back and forth";
  EXPECT_EQ(ensemble.replica(leader).leading()->epoch(), epoch);
  write(ensemble, leader, "/on-one-side");
}

// Nobody who comes back with an old round, or late, disturbs a leader that has a quorum.
TEST(Elections, AreNotBegunByWhoComesBack) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const Epoch epoch = ensemble.replica(leader).leading()->epoch();
  const int other = leader % 3 + 1;
  for (int times = 0; times < 5; ++times) {
    ensemble.isolate(other);
    ensemble.advance(1'500);
    ensemble.rejoin(other);
    ASSERT_TRUE(ensemble.await_agreement());
    ensemble.crash(other);
    ensemble.start(other);
    ASSERT_TRUE(ensemble.await_agreement());
  }
  ASSERT_EQ(ensemble.leader(), leader);
  EXPECT_EQ(ensemble.replica(leader).leading()->epoch(), epoch);
}

// ZOOKEEPER-764.
TEST(Elections, NeverMakeAnObserverTheLeaderWhateverItHolds) {
  EnsembleDriver ensemble(of(3, 2));
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  write(ensemble, 4, "/by-an-observer");
  ASSERT_TRUE(ensemble.await_agreement());
  for (int member = 1; member <= 2; ++member) ensemble.crash(member);
  ensemble.advance(5'000);
  EXPECT_EQ(ensemble.leader(), 0) << "one voter and two observers are no quorum";
  ensemble.crash(3);
  ensemble.advance(5'000);
  EXPECT_EQ(ensemble.leader(), 0);
}

// ZOOKEEPER-261, 596: those who have lost their disks are no quorum, however many they are.
TEST(Elections, AreNotWonByServersThatHaveForgotten) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  write(ensemble, 1, "/kept");
  ASSERT_TRUE(ensemble.await_agreement());
  const Zxid last = ensemble.replica(3).history().last_zxid();
  for (int member = 1; member <= 3; ++member) ensemble.crash(member);
  for (int member = 1; member <= 2; ++member) {
    ensemble.wipe(member);
    ensemble.start(member);
  }
  ensemble.advance(5'000);
  EXPECT_EQ(ensemble.leader(), 0);
  ensemble.start(3);
  ensemble.advance(5'000);
  EXPECT_EQ(ensemble.leader(), 0) << "a majority has forgotten what it promised";
  EXPECT_EQ(ensemble.replica(3).history().last_zxid(), last);
}

// ZOOKEEPER-2307, 4269: an epoch is accepted, and the server dies before it is current.
TEST(Elections, GoOnAfterCrashesBetweenAcceptedAndCurrentEpoch) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  write(ensemble, 1, "/kept");
  for (int round = 0; round < 6; ++round) {
    const int leader = ensemble.leader();
    int promised = 0;
    ensemble.set_filter([&](int from, int, const peer::Message& message) {
      if (promised == 0 && message.has_ack_epoch()) promised = from;
      return promised == 0;
    });
    ensemble.crash(leader);
    ensemble.start(leader);
    ASSERT_TRUE(ensemble.await([&] { return promised != 0; }));
    ensemble.crash(promised);
    ensemble.set_filter({});
    ensemble.start(promised);
    ASSERT_TRUE(ensemble.await_agreement()) << round;
  }
  const Promises& promises = ensemble.replica(1).promises();
  EXPECT_EQ(promises.accepted_epoch, promises.current_epoch);
  EXPECT_TRUE(ensemble.has(1, "/kept"));
}

// ZOOKEEPER-3769: what makes no sense costs the link that it came on, and nobody becomes deaf.
TEST(Elections, AreNotDisturbedByNotificationsThatMakeNoSense) {
  EnsembleDriver ensemble;
  bool garbles = true;
  ensemble.set_filter([&](int from, int, const peer::Message& message) {
    if (!garbles || from != 1 || !message.has_notification()) return true;
    // The driver's message is its own.
    auto& notification = *const_cast<peer::Message&>(message).mutable_notification();
    notification.set_vote(99);
    notification.set_round(UINT64_MAX);
    notification.set_role(peer::Notification::LOOKING);
    notification.set_current_epoch(kEpochMax);
    notification.set_last_zxid(-1);
    return true;
  });
  ensemble.start_all();
  ensemble.advance(3'000);
  garbles = false;
  ensemble.crash(1);
  EXPECT_TRUE(ensemble.await_agreement());
  ensemble.start(1);
  EXPECT_TRUE(ensemble.await_agreement());
}

// Zab: at most one leader is established for an epoch, whoever dies at whatever moment.
TEST(Elections, GiveEachEpochOneLeader) {
  EnsembleDriver ensemble(of(5));
  std::map<uint32_t, std::set<int>> leaders;
  const auto look = [&] {
    for (int member = 1; member <= 5; ++member) {
      if (!ensemble.is_up(member)) continue;
      const Leader* leading = ensemble.replica(member).leading();
      if (leading != nullptr && leading->established()) {
        leaders[leading->epoch().value()].insert(member);
      }
    }
  };
  ensemble.start_all();
  for (int round = 0; round < 40; ++round) {
    // The pauses end in different phases of what the crash before began.
    for (int steps = 0; steps < 7 * round % 61; ++steps) {
      ensemble.step();
      look();
    }
    const int victim = round * 3 % 5 + 1;
    if (ensemble.is_up(victim)) ensemble.crash(victim);
    ensemble.advance(round % 4 == 0 ? 400 : 20);
    look();
    ensemble.start(victim);
  }
  ASSERT_TRUE(ensemble.await_agreement());
  look();
  EXPECT_GT(leaders.size(), 3u);
  for (const auto& [epoch, who] : leaders) EXPECT_EQ(who.size(), 1u) << epoch;
}

// A wall clock that jumps is nobody's reason to believe that a session is over (ZOOKEEPER-1366),
// and a new leader gives every session its full time.
TEST(Elections, ExpireNoSessionThatWasKeptAlive) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  Client& client = ensemble.connect(leader % 3 + 1, 2'000);
  ensemble.run();
  ensemble.create(client, 1, "/alive", CreateMode::kEphemeral);
  ensemble.advance(1'800);
  ensemble.crash(leader);
  ASSERT_TRUE(ensemble.await_leader());
  ensemble.advance(1'500);
  EXPECT_TRUE(ensemble.has(ensemble.leader(), "/alive")) << "a new leader counts from its start";
  ensemble.advance(3'000);
  EXPECT_FALSE(ensemble.has(ensemble.leader(), "/alive"));
}

}  // namespace
}  // namespace topod::zab
