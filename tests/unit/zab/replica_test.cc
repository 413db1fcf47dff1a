#include "server/zab/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/zab/replica_driver.h"

namespace topod::zab {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Replica, ABlankServerFoundsBeforeItPromisesAnEpoch) {
  ReplicaDriver driver;
  ASSERT_GE(driver.log.size(), 4U);
  EXPECT_EQ(driver.log[0].kind, LogRecordKind::kFounding);
  EXPECT_EQ(driver.log[1].kind, LogRecordKind::kAcceptedEpoch);
  EXPECT_EQ(driver.log[2].kind, LogRecordKind::kCurrentEpoch);
  EXPECT_EQ(driver.log[3].kind, LogRecordKind::kTransaction);
  EXPECT_EQ(driver.log[3].zxid, make_zxid(Epoch(1), 1));
  EXPECT_TRUE(driver.replica().serving());
}

TEST(Replica, EveryStartTakesANewEpoch) {
  ReplicaDriver driver;
  driver.restart();
  EXPECT_EQ(epoch_of(driver.log.back().zxid), Epoch(2));
  // The predecessor spans epochs, so that a hole in the log shows.
  EXPECT_EQ(driver.log.back().number, static_cast<uint64_t>(make_zxid(Epoch(1), 1).value()));
}

TEST(Replica, NothingIsAnsweredBeforeItIsDurable) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/a");
  EXPECT_EQ(driver.next_reply(client), std::nullopt);
  driver.flush();
  const auto reply = driver.next_reply(client);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->xid, 1);
  EXPECT_EQ(reply->error, ErrorCode::kOk);
}

TEST(Replica, WritesOfOneConnectionDoNotWaitForEachOther) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/a");
  driver.create(client, 2, "/b");
  EXPECT_EQ(driver.unflushed(), 2U);
  driver.flush_some(1);
  EXPECT_THAT(driver.xids(client), ElementsAre(1));
  driver.flush();
  EXPECT_THAT(driver.xids(client), ElementsAre(2));
}

TEST(Replica, AReadWaitsForTheWritesBeforeItAndSeesExactlyThose) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/a");
  driver.get_data(client, 2, "/a");
  driver.set_data(client, 3, "/a", "later");
  driver.get_data(client, 4, "/a");
  EXPECT_EQ(driver.unflushed(), 2U) << "the second write does not wait for the read";
  driver.flush();
  EXPECT_EQ(driver.next_reply(client)->xid, 1);
  const auto first = driver.next_reply(client);
  EXPECT_EQ(first->xid, 2);
  EXPECT_THAT(first->body, ::testing::HasSubstr("data"));
  EXPECT_EQ(driver.next_reply(client)->xid, 3);
  const auto second = driver.next_reply(client);
  EXPECT_EQ(second->xid, 4);
  EXPECT_THAT(second->body, ::testing::HasSubstr("later"));
}

TEST(Replica, OthersReadWhileAWriteIsBeingFlushed) {
  ReplicaDriver driver;
  const ConnectionId writer = driver.connect();
  const ConnectionId reader = driver.connect();
  driver.create(writer, 1, "/a");
  driver.exists(reader, 1, "/a");
  EXPECT_EQ(driver.next_reply(reader)->error, ErrorCode::kNoNode);
}

TEST(Replica, APingIsAnsweredWhileTheDiskIsSlow) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/a");
  driver.request(client, -2, OpCode::kPing);
  EXPECT_THAT(driver.xids(client), ElementsAre(kXidPing));
}

TEST(Replica, RequestsBehindTheConnectRequestAreAnsweredAfterIt) {
  ReplicaDriver driver;
  const ConnectionId client = driver.open();
  driver.send_connect(client, 0, {});
  driver.create(client, 1, "/a");
  driver.exists(client, 2, "/a");
  driver.create(client, 3, "/b");
  EXPECT_EQ(driver.unflushed(), 1U);
  driver.flush();
  EXPECT_GT(driver.next_connect_response(client)->session, 0);
  EXPECT_THAT(driver.xids(client), ElementsAre(1, 2, 3));
}

TEST(Replica, AnAuthRequestTakesEffectAtItsPlaceInTheStream) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/a");
  driver.authenticate(client, -4, "digest", "u:p");
  driver.request(client, 2, OpCode::kWhoAmI);
  driver.create(client, 3, "/b");
  EXPECT_EQ(driver.unflushed(), 1U) << "what follows an auth request waits for it";
  driver.flush();
  EXPECT_THAT(driver.xids(client), ElementsAre(1, kXidAuth, 2, 3));
}

TEST(Replica, AFailedAuthenticationIsAnsweredThenClosed) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.authenticate(client, -4, "nonsense", "u:p");
  EXPECT_EQ(driver.next_reply(client)->error, ErrorCode::kAuthFailed);
  EXPECT_EQ(driver.closed(client), CloseReason::kAuthenticationFailed);
}

TEST(Replica, AnUnknownOperationIsAnsweredInOrderThenClosed) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/a");
  driver.request(client, 2, static_cast<OpCode>(99));
  driver.flush();
  EXPECT_EQ(driver.next_reply(client)->xid, 1);
  const auto reply = driver.next_reply(client);
  EXPECT_EQ(reply->error, ErrorCode::kUnimplemented);
  EXPECT_EQ(reply->zxid, -1);
  EXPECT_EQ(driver.closed(client), CloseReason::kUnknownOperation);
}

TEST(Replica, ClosingASessionIsTheLastThingAnswered) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/e", CreateMode::kEphemeral);
  driver.request(client, 2, OpCode::kCloseSession);
  driver.exists(client, 3, "/e");
  driver.flush();
  EXPECT_THAT(driver.xids(client), ElementsAre(1, 2));
  EXPECT_EQ(driver.closed(client), CloseReason::kClosedByClient);
  const ConnectionId other = driver.connect();
  driver.exists(other, 1, "/e");
  EXPECT_EQ(driver.next_reply(other)->error, ErrorCode::kNoNode);
}

TEST(Replica, AnEventPrecedesTheReplyOfItsWriteAndReadsThatShowIt) {
  ReplicaDriver driver;
  const ConnectionId watcher = driver.connect();
  const ConnectionId writer = driver.connect();
  driver.exists(watcher, 1, "/a", true);
  EXPECT_THAT(driver.xids(watcher), ElementsAre(1));
  driver.create(writer, 1, "/a");
  driver.flush();
  driver.exists(watcher, 2, "/a");
  const auto event = driver.next_reply(watcher);
  EXPECT_EQ(event->xid, kXidNotification);
  EXPECT_EQ(event->zxid, driver.next_reply(writer)->zxid);
  EXPECT_EQ(driver.next_reply(watcher)->xid, 2);
}

TEST(Replica, AWrongPasswordIsRefusedWithoutTouchingTheSessionOrTheLog) {
  ReplicaDriver driver;
  const ConnectionId owner = driver.connect();
  const ConnectionId stranger = driver.open();
  driver.send_connect(stranger, driver.session(owner).value(), std::string(16, 'x'));
  EXPECT_EQ(driver.unflushed(), 0U);
  const auto response = driver.next_connect_response(stranger);
  EXPECT_EQ(response->session, 0);
  EXPECT_EQ(response->timeout_ms, 0);
  EXPECT_EQ(response->password, std::string(16, '\0'));
  EXPECT_EQ(driver.closed(stranger), CloseReason::kSessionRefused);
  EXPECT_EQ(driver.closed(owner), CloseReason::kNone);
}

TEST(Replica, ASessionThatComesBackClosesItsOldConnection) {
  ReplicaDriver driver;
  const ConnectionId first = driver.connect();
  const ConnectionId second = driver.open();
  driver.send_connect(second, driver.session(first).value(), driver.password(first));
  driver.flush();
  EXPECT_EQ(driver.next_connect_response(second)->session, driver.session(second).value());
  EXPECT_EQ(driver.closed(first), CloseReason::kSessionMoved);
}

TEST(Replica, AWriteInFlightOfAMovedSessionClosesItsConnectionUnanswered) {
  ReplicaDriver driver;
  const ConnectionId first = driver.connect();
  const ConnectionId second = driver.open();
  driver.send_connect(second, driver.session(first).value(), driver.password(first));
  driver.create(first, 1, "/late");
  driver.flush();
  EXPECT_THAT(driver.xids(first), IsEmpty());
  driver.exists(second, 1, "/late");
  ASSERT_TRUE(driver.next_connect_response(second));
  EXPECT_EQ(driver.next_reply(second)->error, ErrorCode::kNoNode);
}

TEST(Replica, ASessionSurvivesARestartWithItsPasswordAndEphemerals) {
  ReplicaDriver driver;
  const ConnectionId before = driver.connect();
  driver.create(before, 1, "/e", CreateMode::kEphemeral);
  driver.flush();
  const int64_t session = driver.session(before).value();
  const std::string password = driver.password(before);
  driver.restart();
  const ConnectionId after = driver.open();
  driver.send_connect(after, session, password);
  driver.flush();
  EXPECT_EQ(driver.next_connect_response(after)->session, session);
  driver.exists(after, 1, "/e");
  EXPECT_EQ(driver.next_reply(after)->error, ErrorCode::kOk);
}

TEST(Replica, WhatWasNotDurableIsGoneAfterARestart) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/kept");
  driver.flush();
  driver.create(client, 2, "/lost");
  driver.restart();
  const ConnectionId other = driver.connect();
  driver.exists(other, 1, "/kept");
  EXPECT_EQ(driver.next_reply(other)->error, ErrorCode::kOk);
  driver.exists(other, 2, "/lost");
  EXPECT_EQ(driver.next_reply(other)->error, ErrorCode::kNoNode);
}

TEST(Replica, AClientThatHasSeenMoreThanThisServerIsClosedWithoutAWord) {
  ReplicaDriver driver;
  const ConnectionId client = driver.open();
  const int64_t applied = driver.replica().state().applied.value();
  driver.send_connect(client, 0, {}, applied + 1);
  EXPECT_EQ(driver.next_frame(client), std::nullopt);
  EXPECT_EQ(driver.closed(client), CloseReason::kZxidAhead);
  const ConnectionId equal = driver.open();
  driver.send_connect(equal, 0, {}, applied);
  driver.flush();
  EXPECT_GT(driver.next_connect_response(equal)->session, 0);
}

TEST(Replica, ASilentSessionExpiresAfterItsTimeoutAndNotBefore) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect(4'000);
  driver.create(client, 1, "/e", CreateMode::kEphemeral);
  driver.flush();
  driver.advance(3'900);
  driver.flush();
  EXPECT_EQ(driver.closed(client), CloseReason::kNone);
  driver.advance(1'200);
  driver.flush();
  EXPECT_EQ(driver.closed(client), CloseReason::kSessionExpired);
  EXPECT_EQ(driver.replica().state().sessions.size(), 0U);
  EXPECT_EQ(driver.replica().state().tree.find("/e"), state::kNoNode);
}

TEST(Replica, PingsKeepASessionAlive) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect(4'000);
  for (int i = 0; i < 10; ++i) {
    driver.advance(2'000);
    driver.request(client, -2, OpCode::kPing);
    driver.flush();
  }
  EXPECT_EQ(driver.closed(client), CloseReason::kNone);
}

TEST(Replica, TimeInWhichTheServerStoodStillExpiresNobody) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect(4'000);
  driver.jump(60'000);
  driver.flush();
  EXPECT_EQ(driver.closed(client), CloseReason::kNone);
  driver.advance(5'200);
  driver.flush();
  EXPECT_EQ(driver.closed(client), CloseReason::kSessionExpired);
}

TEST(Replica, ASessionWhoseConnectionDroppedLivesForItsTimeout) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect(4'000);
  driver.create(client, 1, "/e", CreateMode::kEphemeral);
  driver.flush();
  driver.drop(client);
  driver.advance(3'000);
  driver.flush();
  EXPECT_NE(driver.replica().state().tree.find("/e"), state::kNoNode);
  driver.advance(3'000);
  driver.flush();
  EXPECT_EQ(driver.replica().state().tree.find("/e"), state::kNoNode);
}

TEST(Replica, WithoutLogSpaceWritesFailAndReadsGoOn) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.set_no_log_space(true);
  driver.create(client, 1, "/a");
  driver.exists(client, 2, "/");
  EXPECT_EQ(driver.unflushed(), 0U);
  EXPECT_EQ(driver.next_reply(client)->error, ErrorCode::kSystemError);
  EXPECT_EQ(driver.next_reply(client)->error, ErrorCode::kOk);
  driver.set_no_log_space(false);
  driver.create(client, 3, "/a");
  driver.flush();
  EXPECT_EQ(driver.next_reply(client)->error, ErrorCode::kOk);
}

TEST(Replica, WritesKeepTheirOrderWhenSpaceComesBackBetweenThem) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  driver.create(client, 1, "/w1");
  driver.set_no_log_space(true);
  driver.create(client, 2, "/w2");
  driver.create(client, 3, "/w3");
  driver.set_no_log_space(false);
  driver.flush();
  driver.create(client, 4, "/w4");
  driver.flush();
  EXPECT_THAT(driver.xids(client), ElementsAre(1, 2, 3, 4));
}

TEST(Replica, NothingIsAnsweredBehindCloseSessionWhateverWaited) {
  ReplicaDriver driver;
  const ConnectionId client = driver.open();
  driver.send_connect(client, 0, {});
  driver.request(client, 1, OpCode::kCloseSession);
  driver.exists(client, 2, "/");
  driver.create(client, 3, "/never");
  driver.flush();
  ASSERT_TRUE(driver.next_connect_response(client));
  EXPECT_THAT(driver.xids(client), ElementsAre(1));
  EXPECT_EQ(driver.replica().state().tree.find("/never"), state::kNoNode);
}

TEST(Replica, AConnectionThatProvesEndlessIdentitiesIsRefused) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect();
  for (int32_t i = 0; i < 40 && driver.closed(client) == CloseReason::kNone; ++i) {
    driver.authenticate(client, -4, "digest", std::string(1'000, 'u') + std::to_string(i) + ":p");
  }
  EXPECT_EQ(driver.closed(client), CloseReason::kAuthenticationFailed);
}

TEST(Replica, AMovedSessionClosesItsOldConnectionThoughTheNewOneIsGoneAgain) {
  ReplicaDriver driver;
  const ConnectionId first = driver.connect();
  const ConnectionId second = driver.open();
  driver.send_connect(second, driver.session(first).value(), driver.password(first));
  driver.drop(second);
  driver.flush();
  EXPECT_EQ(driver.closed(first), CloseReason::kSessionMoved);
}

TEST(Replica, AServerThatIsAlwaysLateExpiresTheDeadAllTheSame) {
  ReplicaDriver driver;
  const ConnectionId client = driver.connect(4'000);
  for (int i = 0; i < 60; ++i) driver.jump(1'000);
  driver.flush();
  EXPECT_EQ(driver.closed(client), CloseReason::kSessionExpired);
}

TEST(Replica, AnEmptyContainerIsReapedAndItsWatcherTold) {
  ReplicaConfig config = ReplicaDriver::default_config();
  config.container_check_interval_ms = 1'000;
  ReplicaDriver driver(config);
  const ConnectionId client = driver.connect(20'000);
  CreateRequest create;
  create.path = "/c";
  create.acl = {{kPermAll, "world", "anyone"}};
  create.flags = static_cast<int32_t>(CreateMode::kContainer);
  std::string body;
  JuteWriter out(body);
  create.write(out, false);
  driver.request(client, 1, OpCode::kCreateContainer, body);
  driver.create(client, 2, "/c/child");
  driver.exists(client, 3, "/c", true);
  driver.request(client, 4, OpCode::kDelete, [] {
    std::string bytes;
    JuteWriter writer(bytes);
    PathVersionRequest{"/c/child", kAnyVersion}.write(writer);
    return bytes;
  }());
  driver.flush();
  EXPECT_THAT(driver.xids(client), ElementsAre(1, 2, 3, 4));
  driver.advance(2'500);
  driver.flush();
  EXPECT_THAT(driver.xids(client), ElementsAre(kXidNotification));
  EXPECT_EQ(driver.replica().state().tree.find("/c"), state::kNoNode);
}

TEST(Replica, SameInputsGiveTheSameLogAndDigest) {
  const auto run = [] {
    ReplicaDriver driver;
    const ConnectionId client = driver.connect();
    for (int32_t i = 0; i < 50; ++i) {
      driver.create(client, i, "/s-", CreateMode::kEphemeralSequential);
      if (i % 7 == 0) driver.flush();
    }
    driver.flush();
    return std::pair(driver.log, driver.replica().state().digest);
  };
  EXPECT_EQ(run(), run());
}

TEST(Replica, EnforcedAuthenticationLetsOnlyPingAuthAndClosePass) {
  ReplicaConfig config = ReplicaDriver::default_config();
  config.required_schemes = {"digest"};
  ReplicaDriver driver(config);
  const ConnectionId client = driver.connect();
  driver.request(client, -2, OpCode::kPing);
  EXPECT_THAT(driver.xids(client), ElementsAre(kXidPing));
  driver.authenticate(client, -4, "digest", "u:p");
  driver.exists(client, 1, "/");
  EXPECT_THAT(driver.xids(client), ElementsAre(kXidAuth, 1));
  const ConnectionId other = driver.connect();
  driver.exists(other, 1, "/");
  EXPECT_EQ(driver.next_reply(other)->error, ErrorCode::kSessionClosedRequireAuth);
  EXPECT_EQ(driver.closed(other), CloseReason::kAuthenticationRequired);
}

}  // namespace
}  // namespace topod::zab
