#include "server/state/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/state/row_store.h"
#include "tests/unit/state/state_driver.h"

namespace topod::state {
namespace {

using testing::ElementsAre;

TEST(State, NewOneHoldsThePermanentNodesAndNamesThemAllAsChanged) {
  const State state = State::initial();
  EXPECT_EQ(state.tree.size(), 4u);
  EXPECT_EQ(state.tree.next_node_id(), 5u);
  EXPECT_EQ(state.acls.get(state.tree.fields(state.tree.find("/")).acl), world_acl(kPermAll));
  EXPECT_EQ(state.acls.get(state.tree.fields(state.tree.find("/zookeeper/config")).acl),
            world_acl(kPermRead));
  EXPECT_THAT(state.changes.nodes, ElementsAre(NodeId(1), NodeId(2), NodeId(3), NodeId(4)));
  EXPECT_THAT(state.changes.acls, ElementsAre(AclId(1), AclId(2)));
  EXPECT_EQ(state.digest, recompute_digest(state));
}

TEST(State, LoadedOneGoesOnAsTheSavedOne) {
  StateDriver driver;
  RowStore store;
  const std::vector<AclEntry> list = {{kPermAll, "ip", "127.0.0.1"}};
  ASSERT_EQ(driver.write(create("/a", "data", {.acl = list})), ErrorCode::kOk);
  ASSERT_EQ(driver.write(create("/a/e", "", {.flags = 1})), ErrorCode::kOk);
  ASSERT_EQ(driver.write(create_with(OpCode::kCreateTtl, "/t", 5, 99)), ErrorCode::kOk);
  ASSERT_EQ(driver.write(create("/gone", "", {.acl = {{1, "ip", "10.0.0.1"}}})), ErrorCode::kOk);
  // Its list is without a reference now, but not purged yet.
  ASSERT_EQ(driver.write(remove("/gone")), ErrorCode::kOk);
  store.take_changes(driver.state);

  State loaded = store.load();
  EXPECT_EQ(loaded.digest, driver.state.digest);
  EXPECT_EQ(loaded.digest, recompute_digest(loaded));
  EXPECT_EQ(loaded.reapable, driver.state.reapable);
  EXPECT_EQ(loaded.sessions.ephemeral_count(), 1u);
  EXPECT_EQ(loaded.acls.size(), driver.state.acls.size());
  EXPECT_TRUE(loaded.changes.empty());

  driver.log.clear();
  ASSERT_EQ(driver.write(create("/again", "", {.acl = {{1, "ip", "10.0.0.1"}}})), ErrorCode::kOk);
  entry::Entry entry;
  ASSERT_TRUE(entry.ParseFromString(driver.log[0].second));
  Effects effects;
  evaluate(loaded, driver.log[0].first, entry, effects);
  EXPECT_EQ(loaded.digest, driver.state.digest);
  EXPECT_EQ(loaded.acls.counter(), driver.state.acls.counter());
}

// ---- rows that make no sense ----------------------------------------------------------------

class LoadingTest : public testing::Test {
 protected:
  bool load(uint64_t id, uint64_t parent, std::string_view name,
            NodeKind kind = NodeKind::kPersistent, uint32_t acl = 1) {
    NodeFields fields;
    fields.id = NodeId(id);
    fields.acl = AclId(acl);
    fields.kind = kind;
    fields.owner_or_ttl_ms = 77;
    return state_.load_node(NodeId(parent), name, "", fields, why_);
  }
  void load_permanent() {
    state_.load_acl(AclId(1), world_acl(kPermAll));
    ASSERT_TRUE(load(1, 0, "") && load(2, 1, "zookeeper") && load(3, 2, "quota") &&
                load(4, 2, "config"));
  }
  bool finish(uint64_t next_node_id = 100, uint32_t acl_counter = 10) {
    return state_.finish_loading(Zxid(5), next_node_id, acl_counter, 1, why_);
  }

  State state_;
  std::string why_;
};

TEST_F(LoadingTest, SoundRowsAreAccepted) {
  load_permanent();
  EXPECT_TRUE(load(9, 1, "a"));
  EXPECT_TRUE(finish()) << why_;
  EXPECT_EQ(state_.applied, Zxid(5));
}

TEST_F(LoadingTest, NodesThatContradictTheTreeAreRefused) {
  load_permanent();
  ASSERT_TRUE(load(9, 1, "a"));
  ASSERT_TRUE(load(10, 1, "e", NodeKind::kEphemeral));
  EXPECT_FALSE(load(0, 1, "zero"));
  EXPECT_FALSE(load(11, 0, ""));
  EXPECT_FALSE(load(11, 99, "orphan"));
  EXPECT_FALSE(load(11, 1, "a"));
  EXPECT_FALSE(load(11, 1, ""));
  EXPECT_FALSE(load(9, 1, "same id"));
  EXPECT_FALSE(load(5, 9, "older than its parent"));
  EXPECT_FALSE(load(11, 10, "below an ephemeral"));
  EXPECT_FALSE(load(11, 1, "list", NodeKind::kPersistent, 7));
  EXPECT_FALSE(why_.empty());
}

TEST_F(LoadingTest, EphemeralNeedsItsSession) {
  load_permanent();
  ASSERT_TRUE(load(9, 1, "e", NodeKind::kEphemeral));
  EXPECT_FALSE(finish());
  EXPECT_THAT(why_, testing::HasSubstr("session"));
}

TEST_F(LoadingTest, EphemeralsAreGivenToTheirSession) {
  load_permanent();
  ASSERT_TRUE(load(9, 1, "e", NodeKind::kEphemeral));
  Session session;
  session.id = SessionId(77);
  state_.load_session(session);
  ASSERT_TRUE(finish()) << why_;
  EXPECT_THAT(state_.sessions.find(SessionId(77))->ephemerals, ElementsAre(NodeId(9)));
}

TEST_F(LoadingTest, ItemsThatAreThereTwiceAreRefused) {
  load_permanent();
  state_.load_member({ServerId(1), Incarnation(1), 1});
  state_.load_member({ServerId(1), Incarnation(2), 1});
  EXPECT_FALSE(finish());
  EXPECT_THAT(why_, testing::HasSubstr("server 1"));
}

TEST_F(LoadingTest, CountersMustBeAboveWhatTheyCounted) {
  load_permanent();
  EXPECT_FALSE(finish(4));
  EXPECT_FALSE(finish(100, 0));
}

TEST_F(LoadingTest, PermanentNodesMustBeThere) {
  state_.load_acl(AclId(1), world_acl(kPermAll));
  EXPECT_FALSE(finish());
  ASSERT_TRUE(load(1, 0, "") && load(2, 1, "zookeeper") && load(3, 2, "quota"));
  EXPECT_FALSE(finish());
  EXPECT_THAT(why_, testing::HasSubstr("/zookeeper/config"));
}

}  // namespace
}  // namespace topod::state
