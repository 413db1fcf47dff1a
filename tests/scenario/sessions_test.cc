// Sessions and their ephemerals.
//
// Proven by unit tests: a time in which the server stood still expires nobody (Replica), an
// ephemeral without its session is no state that can be loaded (ZOOKEEPER-3144, LoadingTest).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/scenario/one_node.h"

namespace topod {
namespace {

constexpr int64_t kYearMs = int64_t{365} * 24 * 3600 * 1000;

// Znodes that are ephemeral; each must belong to a session that lives.
uint64_t count_ephemerals(const state::State& state) {
  uint64_t count = 0;
  state.tree.for_each_in_subtree(state.tree.root(), [&](state::NodeSlot slot) {
    const state::NodeFields& fields = state.tree.fields(slot);
    if (fields.kind != state::NodeKind::kEphemeral) return true;
    ++count;
    const state::Session* owner = state.sessions.find(SessionId(fields.owner_or_ttl_ms));
    EXPECT_TRUE(owner != nullptr && owner->ephemerals.contains(fields.id))
        << state.tree.path(slot) << " has outlived its session";
    return true;
  });
  return count;
}

// ZOOKEEPER-1208, ZOOKEEPER-1496, ZOOKEEPER-2355
TEST(Sessions, NoEphemeralOutlivesItsSessionHoweverCreateAndCloseRace) {
  for (const bool create_first : {true, false}) {
    for (const bool expires : {true, false}) {
      size_t pending = 1;
      for (size_t durable = 0; durable <= pending; ++durable) {
        OneNode node;
        node.start();
        const ConnectionId client = node.connect(4'000);
        if (create_first) node.send(client, create_ephemeral("/e"));
        if (expires) node.advance(6'000);
        if (!expires) node.send(client, close_session());
        if (!create_first) node.send(client, create_ephemeral("/e"));
        pending = node.unflushed();
        ASSERT_GE(pending, 1U);
        if (durable > 0) node.flush_some(durable);
        count_ephemerals(node.state());
        node.restart_after_crash();
        count_ephemerals(node.state());
        node.advance(70'000);
        node.flush();
        EXPECT_EQ(count_ephemerals(node.state()), 0U);
        EXPECT_EQ(node.state().sessions.size(), 0U);
      }
    }
  }
}

// ZOOKEEPER-1367
TEST(Sessions, AfterRestartsSessionsThatNobodyTakesUpExpireWithTheirEphemerals) {
  OneNode node;
  node.start();
  const ConnectionId stays = node.connect(4'000);
  const ConnectionId leaves = node.connect(4'000);
  node.call(stays, create_ephemeral("/stays"));
  node.call(leaves, create_ephemeral("/leaves"));
  const SessionKey key = node.session_of(stays);
  node.checkpoint();
  node.restart_after_crash();
  node.restart_after_crash();
  EXPECT_EQ(count_ephemerals(node.state()), 2U);
  ConnectionId client = node.reconnect(key);
  for (int second = 0; second < 12; ++second) {
    node.advance(1'000);
    node.call(client, exists("/"));
  }
  EXPECT_TRUE(node.has_node("/stays"));
  EXPECT_FALSE(node.has_node("/leaves"));
}

// ZOOKEEPER-1366
TEST(Sessions, AWallClockThatJumpsExpiresNobody) {
  for (const int64_t jump_ms : {kYearMs, -kYearMs}) {
    OneNode node;
    node.start();
    const ConnectionId client = node.connect(4'000);
    node.call(client, create_ephemeral("/e"));
    node.jump_wall_clock(jump_ms);
    node.tick();
    node.advance(3'500);
    node.flush();
    EXPECT_FALSE(node.closed(client));
    EXPECT_TRUE(node.has_node("/e"));
    node.advance(3'000);
    node.flush();
    EXPECT_TRUE(node.closed(client)) << "its time has run out on the other clock";
  }
}

// ZOOKEEPER-3905
TEST(Sessions, NothingBehindAFailedAuthenticationIsCarriedOut) {
  OneNode node;
  node.replica_config.required_schemes = {"digest"};
  node.start();
  const ConnectionId client = node.connect();
  node.send(client, authenticate("nonsense", "u:p"));
  node.send(client, state::create("/a"));
  node.send(client, authenticate("digest", "u:p"));
  node.send(client, state::create("/b"));
  node.flush();
  EXPECT_TRUE(node.closed(client));
  EXPECT_FALSE(node.has_node("/a"));
  EXPECT_FALSE(node.has_node("/b"));
  node.advance(15'000);
  node.flush();
  EXPECT_EQ(node.state().sessions.size(), 0U) << "its session ends as any that is left";
}

// ZOOKEEPER-3145
TEST(Sessions, ASessionThatIsClosedTwiceIsClosedOnce) {
  OneNode node;
  node.start();
  const ConnectionId client = node.connect(4'000);
  node.call(client, create_ephemeral("/e"));
  node.advance(6'000);
  ASSERT_EQ(node.unflushed(), 1U) << "its expiry";
  node.send(client, close_session());
  ASSERT_EQ(node.unflushed(), 2U);
  node.flush_some(1);
  const Zxid closed_at = node.state().applied;
  const auto pzxid = [&] { return node.state().tree.fields(node.state().tree.root()).pzxid; };
  EXPECT_EQ(pzxid(), closed_at);
  node.flush();
  EXPECT_EQ(pzxid(), closed_at);
  EXPECT_TRUE(node.closed(client));
}

// ZOOKEEPER-3145
TEST(Sessions, AClosedSessionsEphemeralsAreMissedByWatchersAfterACrashToo) {
  OneNode node;
  node.start();
  const ConnectionId watcher = node.connect();
  const ConnectionId owner = node.connect();
  node.call(owner, create_ephemeral("/e"));
  const int64_t seen = node.call(watcher, get_children("/", true)).zxid;
  node.checkpoint();  // with the ephemeral, without its deletion
  node.drop(watcher);
  node.call(owner, close_session());
  node.restart_after_crash();
  const ConnectionId again = node.reconnect(node.session_of(watcher), seen);
  node.call(again, set_watches({.relative_zxid = seen, .child = {"/"}}));
  const std::vector<Event> events = node.take_events(again);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, EventType::kNodeChildrenChanged);
}

// CURATOR-498: a protected create that is tried again must not adopt the node of a session that
// is dying.
TEST(Sessions, WhoIsToldThatItsSessionIsGoneFindsNoEphemeralOfIt) {
  OneNode node;
  node.start();
  const ConnectionId first = node.connect(4'000);
  const SessionKey old = node.session_of(first);
  node.call(first, state::create("/lock"));
  node.call(first, create_ephemeral("/lock/_c_guid-lock-", CreateMode::kEphemeralSequential));
  node.drop(first);
  node.advance(6'000);
  ASSERT_EQ(node.unflushed(), 1U) << "the expiry";

  const ConnectionId returning = node.open();
  node.send_connect(returning, old);
  const ConnectionId fresh = node.open();
  node.send_connect(fresh, {});
  node.send(fresh, get_children("/lock"));
  while (node.unflushed() > 0) node.flush_some(1);

  const auto refused = node.take_connect_answer(returning);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->id, 0);
  ASSERT_NE(node.take_connect_answer(fresh)->id, 0);
  const std::vector<Message> replies = node.take(fresh);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].stat().num_children, 0);
}

// CURATOR-498: until then the owner shows whose it is.
TEST(Sessions, AnEphemeralShowsTheSessionThatItGoesWith) {
  OneNode node;
  node.start();
  const ConnectionId first = node.connect(4'000);
  node.call(first, create_ephemeral("/e"));
  const SessionKey old = node.session_of(first);
  const ConnectionId same = node.reconnect(old);
  const ConnectionId other = node.connect(4'000);
  EXPECT_EQ(node.call(other, exists("/e")).stat().ephemeral_owner, old.id);
  EXPECT_EQ(node.session_of(same).id, old.id);
  EXPECT_NE(node.session_of(other).id, old.id);
}

// ClickHouse Keeper 116690: a session that was silently replaced by another one.
TEST(Sessions, AnIdIsNeverGivenTwice) {
  OneNode node;
  node.start();
  std::set<int64_t> ids;
  for (int run = 0; run < 4; ++run) {
    const ConnectionId closed = node.connect();
    EXPECT_TRUE(ids.insert(node.session_of(closed).id).second);
    node.call(closed, close_session());
    const ConnectionId kept = node.connect();
    EXPECT_TRUE(ids.insert(node.session_of(kept).id).second);
    node.send_connect(node.open(), {});  // its session is lost in the crash
    if (run % 2 == 0) node.checkpoint();
    node.restart_after_crash();

    const ConnectionId returning = node.open();
    node.send_connect(returning, node.session_of(closed));
    node.flush();
    EXPECT_EQ(node.take_connect_answer(returning)->id, 0) << "it was closed";
    node.reconnect(node.session_of(kept));
  }
}

}  // namespace
}  // namespace topod
