// What becomes of the clients' connections of a server that has no leader, and of one that gets a
// tree instead of the history.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

constexpr int64_t kHoldMs = 2'000;
// Of the driver: it does not show more finely when something happens.
constexpr int64_t kTickMs = 10;
// A leader's word, the answer, and the word that it has arrived: heartbeats are 25 ms apart.
constexpr int64_t kContactAgeMs = 80;

class HeldConnection : public testing::Test {
 protected:
  HeldConnection() {
    ensemble_.start_all();
    EXPECT_TRUE(ensemble_.await_agreement());
    leader_ = ensemble_.leader();
    member_ = leader_ % 3 + 1;
    third_ = 6 - leader_ - member_;
  }
  void lose_quorum() {
    ensemble_.crash(leader_);
    ensemble_.crash(third_);
  }

  EnsembleDriver ensemble_;
  int leader_ = 0;
  int member_ = 0;
  int third_ = 0;
};

TEST_F(HeldConnection, ThatWantsASessionIsClosedAfterTheHoldAndNotBefore) {
  lose_quorum();
  Client& early = ensemble_.connect(member_);
  ensemble_.advance(1'500);
  Client& late = ensemble_.connect(member_);
  ensemble_.advance(kHoldMs - 1'500 - kTickMs);
  EXPECT_FALSE(early.closed);
  ensemble_.advance(2 * kTickMs);
  EXPECT_TRUE(early.closed);
  EXPECT_EQ(early.reason, CloseReason::kNoQuorum);
  // Whoever comes later is held for as long: a leader may be found at any time.
  ensemble_.advance(1'500 - 2 * kTickMs);
  EXPECT_FALSE(late.closed);
  ensemble_.advance(2 * kTickMs);
  EXPECT_TRUE(late.closed);
  EXPECT_EQ(late.reason, CloseReason::kNoQuorum);
  EXPECT_FALSE(early.connected || late.connected);
}

// Since when there is no leader counts, and not how long the client took to ask.
TEST_F(HeldConnection, ThatWasOpenedLongBeforeIsHeldAsLongAsOthers) {
  Client& client = ensemble_.open(member_);
  ensemble_.advance(2 * kHoldMs);
  lose_quorum();
  std::string frame;
  JuteWriter out(frame);
  ConnectRequest request;
  request.timeout_ms = 10'000;
  const std::string password(kPasswordBytes, '\0');
  request.password = password;
  request.write(out);
  ensemble_.replica(member_).frame(client.connection, frame, ensemble_.now());
  ensemble_.advance(kHoldMs - kTickMs);
  EXPECT_FALSE(client.closed);
  ensemble_.advance(2 * kTickMs);
  EXPECT_TRUE(client.closed);
  EXPECT_EQ(client.reason, CloseReason::kNoQuorum);
}

TEST_F(HeldConnection, ThatWantsASessionGetsItFromTheNextLeader) {
  lose_quorum();
  Client& client = ensemble_.connect(member_);
  ensemble_.advance(kHoldMs - 500);
  ensemble_.start(third_);
  ASSERT_TRUE(ensemble_.await_leader());
  ensemble_.run();
  EXPECT_TRUE(client.connected);
  EXPECT_FALSE(client.closed);
}

TEST_F(HeldConnection, WithALongSessionIsClosedAfterTheHoldAndNotBefore) {
  Client& client = ensemble_.connect(member_, 10'000);
  ensemble_.run();
  lose_quorum();
  ensemble_.advance(kHoldMs - kTickMs);
  EXPECT_FALSE(client.closed);
  ensemble_.advance(2 * kTickMs);
  EXPECT_TRUE(client.closed);
  EXPECT_EQ(client.reason, CloseReason::kNoQuorum);
}

// The majority may expire the session then. It counts from the last word of a leader, however long
// this server went on to believe in one: its silence is noticed within syncLimit, 500 ms.
TEST_F(HeldConnection, IsClosedOnceItsTimeoutHasPassedWithoutContactAndNotBefore) {
  constexpr int32_t kTimeoutMs = 1'000;
  for (const int member : {member_, leader_}) {
    ASSERT_TRUE(ensemble_.await_agreement());
    Client& client = ensemble_.connect(member, kTimeoutMs);
    Client& longer = ensemble_.connect(member, 2 * kTimeoutMs - 500);
    ensemble_.advance(200);
    ASSERT_TRUE(client.connected && longer.connected);
    ensemble_.set_filter(
        [=](int from, int to, const peer::Message&) { return from != member && to != member; });
    for (int64_t ms = 0; ms < kTimeoutMs - kContactAgeMs; ms += kTickMs) {
      // It is the leader that is missed, not the client.
      ensemble_.request(client, kXidPing, OpCode::kPing, "");
      ensemble_.advance(kTickMs);
    }
    EXPECT_FALSE(client.closed);
    ensemble_.advance(kContactAgeMs + kTickMs);
    EXPECT_TRUE(client.closed);
    EXPECT_EQ(client.reason, CloseReason::kNoQuorum);
    EXPECT_FALSE(longer.closed) << "its session lives, and the hold is not over";
    ensemble_.set_filter({});
  }
}

// Nobody could tell its watches what happened between the two states.
TEST(SnapshotInstalled, ClosesEveryConnectionOfItsServer) {
  EnsembleDriver::Options options;
  options.readable_transactions = 5;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  constexpr int kAway = 1;
  Client& idle = ensemble.connect(kAway);
  Client& busy = ensemble.connect(kAway);
  Client& writer = ensemble.connect(2);
  ensemble.run();
  ensemble.isolate(kAway);
  ensemble.create(busy, 1, "/held");
  for (int32_t xid = 1; xid <= 20; ++xid) {
    ensemble.create(writer, xid, "/n" + std::to_string(xid));
    ensemble.run();
  }
  ASSERT_TRUE(ensemble.await([&] { return writer.answers.size() == 20; }));
  // What they keep in memory goes, too.
  for (const int member : {2, 3}) ensemble.crash(member);
  for (const int member : {2, 3}) ensemble.start(member);
  ASSERT_TRUE(ensemble.await_leader());
  ASSERT_FALSE(idle.closed || busy.closed) << "held until now";
  ensemble.rejoin(kAway);
  ASSERT_TRUE(ensemble.await_agreement());
  const std::vector<LogRecord>& log = ensemble.log(kAway);
  ASSERT_TRUE(std::any_of(log.begin(), log.end(), [](const LogRecord& record) {
    return record.kind == LogRecordKind::kSnapshot;
  }));
  for (const Client* client : {&idle, &busy}) {
    EXPECT_TRUE(client->closed);
    EXPECT_EQ(client->reason, CloseReason::kSnapshotInstalled);
  }
  EXPECT_TRUE(busy.answers.empty());
  EXPECT_FALSE(ensemble.has(kAway, "/held")) << "what waits is not given for a closed connection";
  Client& again = ensemble.reconnect(kAway, idle);
  ensemble.run();
  EXPECT_TRUE(again.connected) << "its session has lived on";
}

}  // namespace
}  // namespace topod::zab
