// Histories of an ensemble, told step by step.
#include <gtest/gtest.h>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

TEST(Ensemble, IsFoundedElectsALeaderAndAnswersWritesOfEveryMember) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  for (int member = 1; member <= 3; ++member) {
    Client& client = ensemble.connect(member);
    ensemble.run();
    ASSERT_TRUE(client.connected) << member;
    ensemble.create(client, 1, "/a" + std::to_string(member));
    ensemble.run();
    ASSERT_EQ(client.answers.size(), 1u);
    EXPECT_EQ(client.answers[0].error, ErrorCode::kOk);
  }
  ASSERT_TRUE(ensemble.await_agreement());
  for (int member = 1; member <= 3; ++member) {
    for (const char* path : {"/a1", "/a2", "/a3"}) EXPECT_TRUE(ensemble.has(member, path));
  }
}

TEST(Ensemble, IsNotFoundedBeforeAllVotersHaveBeenSeen) {
  EnsembleDriver ensemble;
  ensemble.start(1);
  ensemble.start(2);
  ensemble.advance(5'000);
  EXPECT_EQ(ensemble.leader(), 0);
  ensemble.start(3);
  EXPECT_TRUE(ensemble.await_agreement());
}

TEST(Ensemble, SurvivesTheDeathOfItsLeaderWithoutLosingAnAcknowledgedWrite) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  for (int round = 0; round < 6; ++round) {
    const int leader = ensemble.leader();
    const int other = leader % 3 + 1;
    Client& client = ensemble.connect(other);
    ensemble.run();
    const std::string path = "/round" + std::to_string(round);
    ensemble.create(client, 1, path);
    ensemble.run();
    ASSERT_EQ(client.answers.size(), 1u);
    ensemble.crash(leader);
    ASSERT_TRUE(ensemble.await_agreement()) << round;
    EXPECT_FALSE(client.closed);
    ensemble.create(client, 2, path + "/after");
    ensemble.run();
    ASSERT_EQ(client.answers.size(), 2u);
    EXPECT_EQ(client.answers[1].error, ErrorCode::kOk);
    ensemble.start(leader);
    ASSERT_TRUE(ensemble.await_agreement()) << round;
    EXPECT_TRUE(ensemble.has(leader, path + "/after"));
  }
}

TEST(Ensemble, WritesInFlightGetTheirOneOutcomeAcrossALeaderChange) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int other = leader % 3 + 1;
  Client& client = ensemble.connect(other);
  ensemble.run();
  for (int32_t xid = 1; xid <= 16; ++xid) {
    ensemble.create(client, xid, "/s-", CreateMode::kPersistentSequential);
    for (int steps = 0; steps < xid; ++steps) ensemble.step();
  }
  ensemble.crash(leader);
  ASSERT_TRUE(ensemble.await_agreement());
  ASSERT_EQ(client.answers.size(), 16u);
  for (int32_t xid = 1; xid <= 16; ++xid) {
    const auto& answer = client.answers[static_cast<size_t>(xid - 1)];
    EXPECT_EQ(answer.xid, xid);
    EXPECT_EQ(answer.error, ErrorCode::kOk);
    JuteReader in(answer.body);
    char expected[32];
    std::snprintf(expected, sizeof expected, "/s-%010d", xid - 1);
    EXPECT_EQ(in.read_string(), expected);
  }
}

TEST(Ensemble, ADeposedLeadersUncommittedWriteIsCutAndGivenAgain) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  Client& client = ensemble.connect(leader);
  ensemble.run();
  // Its proposals reach nobody.
  ensemble.set_filter([&](int from, int, const peer::Message& message) {
    return from != leader || !message.has_propose();
  });
  ensemble.create(client, 1, "/ghost");
  ensemble.run();
  EXPECT_TRUE(client.answers.empty());
  ensemble.isolate(leader);
  ensemble.set_filter({});
  ASSERT_TRUE(
      ensemble.await([&] { return ensemble.leader() != 0 && ensemble.leader() != leader; }));
  Client& second = ensemble.connect(ensemble.leader());
  ensemble.run();
  ensemble.create(second, 1, "/first");
  ensemble.run();
  ASSERT_EQ(second.answers.size(), 1u);
  ensemble.rejoin(leader);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_FALSE(client.closed);
  ASSERT_EQ(client.answers.size(), 1u);
  EXPECT_EQ(client.answers[0].error, ErrorCode::kOk);
  for (int member = 1; member <= 3; ++member) EXPECT_TRUE(ensemble.has(member, "/ghost"));
}

TEST(Ensemble, AWholeClusterThatLosesPowerComesBackWithEveryAcknowledgedWrite) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& client = ensemble.connect(2);
  ensemble.run();
  for (int32_t xid = 1; xid <= 20; ++xid) ensemble.create(client, xid, "/n" + std::to_string(xid));
  ensemble.run();
  ASSERT_EQ(client.answers.size(), 20u);
  for (int member = 1; member <= 3; ++member) ensemble.crash(member);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  for (int member = 1; member <= 3; ++member) EXPECT_TRUE(ensemble.has(member, "/n20"));
}

TEST(Ensemble, AFollowerThatWasAwayTooLongTakesASnapshot) {
  EnsembleDriver::Options options;
  options.readable_transactions = 5;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int away = leader % 3 + 1;
  ensemble.crash(away);
  Client& client = ensemble.connect(leader);
  ensemble.run();
  for (int32_t xid = 1; xid <= 20; ++xid) ensemble.create(client, xid, "/n" + std::to_string(xid));
  ensemble.run();
  // The leader's memory does not go back far enough either.
  ensemble.crash(leader);
  ensemble.start(leader);
  ASSERT_TRUE(ensemble.await_agreement());
  ensemble.start(away);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_TRUE(ensemble.has(away, "/n20"));
  ensemble.crash(away);
  ensemble.start(away);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_TRUE(ensemble.has(away, "/n20"));
}

TEST(Ensemble, AWipedServerDoesNotVoteUntilItIsAdmitted) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int wiped = leader % 3 + 1;
  const int third = 6 - leader - wiped;
  Client& client = ensemble.connect(leader);
  ensemble.run();
  ensemble.create(client, 1, "/kept");
  ensemble.run();
  ensemble.crash(wiped);
  ensemble.crash(leader);
  ensemble.wipe(wiped);
  ensemble.start(wiped);
  // The one with the data and the blank one are no quorum.
  ensemble.advance(5'000);
  EXPECT_EQ(ensemble.leader(), 0);
  ensemble.start(leader);
  ASSERT_TRUE(ensemble.await_agreement());
  ASSERT_TRUE(ensemble.await([&] { return ensemble.replica(wiped).membership().votes(); }));
  EXPECT_TRUE(ensemble.has(wiped, "/kept"));
  // Now it is one of the quorum.
  ensemble.crash(third);
  EXPECT_TRUE(ensemble.await_agreement());
}

TEST(Ensemble, AnObserverServesAndNeverVotes) {
  EnsembleDriver::Options options;
  options.observers = 1;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& client = ensemble.connect(4);
  ensemble.run();
  ASSERT_TRUE(client.connected);
  ensemble.create(client, 1, "/by-observer");
  ensemble.run();
  ASSERT_EQ(client.answers.size(), 1u);
  ensemble.crash(1);
  ensemble.crash(2);
  ensemble.advance(3'000);
  EXPECT_EQ(ensemble.leader(), 0);
  EXPECT_TRUE(client.closed);
}

TEST(Ensemble, ASyncIsNotAnsweredByALeaderThatHasLostItsQuorum) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  for (int member = 1; member <= 3; ++member) {
    Client& client = ensemble.connect(member);
    ensemble.run();
    ensemble.sync(client, 1);
    ensemble.run();
    EXPECT_EQ(client.answers.size(), 1u) << member;
  }
  Client& client = ensemble.connect(leader);
  ensemble.run();
  ensemble.set_filter(
      [&](int from, int to, const peer::Message&) { return from != leader && to != leader; });
  ensemble.sync(client, 2);
  ensemble.advance(300);
  EXPECT_TRUE(client.answers.empty());
}

TEST(Ensemble, ASessionThatMovesLeavesItsOldConnectionBehind) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& first = ensemble.connect(1);
  ensemble.run();
  ensemble.create(first, 1, "/e", CreateMode::kEphemeral);
  ensemble.run();
  Client& second = ensemble.reconnect(2, first);
  ensemble.run();
  EXPECT_TRUE(second.connected);
  EXPECT_EQ(second.session, first.session);
  EXPECT_TRUE(first.closed);
  EXPECT_EQ(first.reason, CloseReason::kSessionMoved);
  EXPECT_TRUE(ensemble.has(3, "/e"));
}

TEST(Ensemble, ASessionIsKeptByPingsToAFollowerAndExpiresWithoutThem) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int follower = ensemble.leader() % 3 + 1;
  Client& client = ensemble.connect(follower, 1'000);
  ensemble.run();
  ensemble.create(client, 1, "/e", CreateMode::kEphemeral);
  for (int i = 0; i < 20; ++i) {
    ensemble.request(client, -2, OpCode::kPing, "");
    ensemble.advance(300);
    ASSERT_FALSE(client.closed) << i << ' ' << name_of(client.reason);
  }
  EXPECT_TRUE(ensemble.has(1, "/e"));
  ensemble.advance(2'500);
  EXPECT_FALSE(ensemble.has(1, "/e"));
  EXPECT_TRUE(client.closed);
}

// Wherever in a tick and between two heartbeats it is.
TEST(Ensemble, ASignOfLifeJustInTimeKeepsASessionOfAFollower) {
  EnsembleDriver::Options options;
  options.tick_ms = 300;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& client = ensemble.connect(ensemble.leader() % 3 + 1, 1'000);
  ensemble.run();
  ensemble.create(client, 1, "/e", CreateMode::kEphemeral);
  for (int i = 0; i < 300; ++i) {
    ensemble.request(client, -2, OpCode::kPing, "");
    ensemble.advance(990);
    ensemble.request(client, -2, OpCode::kPing, "");
    ensemble.advance(10 * (i % 37));
    ASSERT_FALSE(client.closed) << i << ' ' << name_of(client.reason);
  }
  EXPECT_TRUE(ensemble.has(1, "/e"));
}

TEST(Ensemble, ALeaderThatIsAskedToStopHandsOverWithoutADisconnect) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  Client& client = ensemble.connect(leader % 3 + 1);
  ensemble.run();
  ensemble.replica(leader).hand_over({2'000'000, 1'700'000'002'000});
  ensemble.create(client, 1, "/during");
  ASSERT_TRUE(
      ensemble.await([&] { return ensemble.leader() != 0 && ensemble.leader() != leader; }));
  ASSERT_TRUE(ensemble.await([&] { return client.answers.size() == 1; }));
  EXPECT_FALSE(client.closed);
}

TEST(Ensemble, AnAdmittedServerVotesThoughItHasNotSeenItsAdmission) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int wiped = leader % 3 + 1;
  const int third = 6 - leader - wiped;
  ensemble.crash(wiped);
  ensemble.wipe(wiped);
  // It is told of nothing after it serves, so not of the entry that admits it.
  bool up_to_date = false;
  ensemble.set_filter([&](int, int to, const peer::Message& message) {
    if (to != wiped) return true;
    if (up_to_date && (message.has_propose() || message.has_commit())) return false;
    up_to_date |= message.has_up_to_date();
    return true;
  });
  ensemble.start(wiped);
  ASSERT_TRUE(ensemble.await([&] {
    return ensemble.replica(third).state().members.contains(
               ServerId(static_cast<uint32_t>(wiped))) &&
           ensemble.replica(third)
                   .state()
                   .members.at(ServerId(static_cast<uint32_t>(wiped)))
                   .instance != InstanceId{};
  }));
  ensemble.crash(leader);
  ensemble.set_filter({});
  EXPECT_TRUE(ensemble.await_agreement());
}

TEST(Ensemble, WritesHeldForALongTimeAreGivenInMessagesThatAPeerReads) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  Client& client = ensemble.connect(leader % 3 + 1);
  ensemble.run();
  ensemble.crash(leader);
  constexpr int32_t kWrites = 24;
  for (int32_t xid = 1; xid <= kWrites; ++xid) {
    ensemble.create(client, xid, "/big-", CreateMode::kPersistentSequential,
                    std::string(900'000, 'x'));
  }
  size_t largest = 0;
  ensemble.set_filter([&](int, int, const peer::Message& message) {
    largest = std::max(largest, message.ByteSizeLong());
    return true;
  });
  ASSERT_TRUE(ensemble.await([&] { return client.answers.size() == kWrites; }));
  EXPECT_LT(largest, 2'000'000u);
  ASSERT_TRUE(ensemble.await_agreement());
}

TEST(Ensemble, TheOnlyVoterLeadsAgainWhenItsDiskHasRecovered) {
  EnsembleDriver::Options options;
  options.voters = 1;
  options.observers = 2;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& client = ensemble.connect(2);
  ensemble.run();
  ensemble.hold_flushes(1, true);
  ensemble.create(client, 1, "/slow");
  ensemble.advance(10'000);
  EXPECT_TRUE(client.answers.empty());
  ensemble.hold_flushes(1, false);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_TRUE(ensemble.has(2, "/slow"));
}

}  // namespace
}  // namespace topod::zab
