#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/state/state_driver.h"

namespace topod::state {
namespace {

using namespace std::string_view_literals;
using enum ErrorCode;
using testing::ElementsAre;

class EvaluateCreate : public testing::Test, protected StateDriver {
 protected:
  ErrorCode create_error(std::string_view path, const Creation& how = {}) {
    return write(create(path, "", how));
  }
};

TEST_F(EvaluateCreate, NewNodeHasTheStatOfItsTransaction) {
  time_ms = 123'456;
  ASSERT_EQ(write(create("/a", "abc")), kOk);
  const int64_t zxid = state.applied.value();
  EXPECT_EQ(created_path(), "/a");
  EXPECT_EQ(stat("/a"), (Stat{zxid, zxid, 123'456, 123'456, 0, 0, 0, 0, 3, 0, zxid}));
  EXPECT_EQ(data("/a"), "abc");
}

TEST_F(EvaluateCreate, ParentCountsItsChildrenAndKeepsItsOwnTimes) {
  ASSERT_EQ(write(create("/a")), kOk);
  const Stat before = stat("/a");
  time_ms += 10;
  ASSERT_EQ(write(create("/a/b")), kOk);
  ASSERT_EQ(write(create("/a/c")), kOk);
  Stat expected = before;
  expected.cversion = 2;
  expected.num_children = 2;
  expected.pzxid = state.applied.value();
  EXPECT_EQ(stat("/a"), expected);
  ASSERT_EQ(write(remove("/a/b")), kOk);
  expected.cversion = 3;
  expected.num_children = 1;
  expected.pzxid = state.applied.value();
  EXPECT_EQ(stat("/a"), expected);
}

TEST_F(EvaluateCreate, PermanentNodesHaveZookeepersStats) {
  EXPECT_EQ(stat("/"), (Stat{.cversion = -1, .num_children = 1}));
  EXPECT_EQ(stat("/zookeeper"), (Stat{.cversion = -2, .num_children = 2}));
  EXPECT_EQ(stat("/zookeeper/quota"), Stat{});
  EXPECT_EQ(stat("/zookeeper/config"), (Stat{.version = -1, .aversion = -1}));
  ASSERT_EQ(write(create("/a")), kOk);
  EXPECT_EQ(stat("/").cversion, 0);
  EXPECT_EQ(stat("/").pzxid, state.applied.value());
}

TEST_F(EvaluateCreate, NullAndEmptyDataStayDifferent) {
  ASSERT_EQ(write(create("/null", std::nullopt)), kOk);
  ASSERT_EQ(write(create("/empty", "")), kOk);
  EXPECT_EQ(state.tree.data(state.tree.find("/null")), std::nullopt);
  EXPECT_EQ(state.tree.data(state.tree.find("/empty")), NullableBytes(""));
  EXPECT_EQ(stat("/null").data_length, 0);
}

TEST_F(EvaluateCreate, OnlyCreate2AndItsKinRepeatTheStat) {
  ASSERT_EQ(write(create("/plain")), kOk);
  EXPECT_EQ(effects.body.size(), 4u + 6);
  for (const auto& [path, op, flags, ttl_ms] : {std::tuple("/two", OpCode::kCreate2, 0, -1),
                                                {"/container", OpCode::kCreateContainer, 4, -1},
                                                {"/ttl", OpCode::kCreateTtl, 5, 1000}}) {
    ASSERT_EQ(write(create_with(op, path, flags, ttl_ms)), kOk);
    JuteReader in(effects.body);
    EXPECT_EQ(in.read_string(), NullableBytes(path));
    Stat answered;
    answered.read(in);
    EXPECT_TRUE(in.ok() && in.remaining() == 0);
    EXPECT_EQ(answered, stat(path));
  }
}

TEST_F(EvaluateCreate, EventsNameTheChildAndThenItsParent) {
  ASSERT_EQ(write(create("/a")), kOk);
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeCreated, "/a"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/"}));
  ASSERT_EQ(write(create("/a/s-", "", {.flags = 2})), kOk);
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeCreated, "/a/s-0000000000"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/a"}));
}

TEST_F(EvaluateCreate, EventsCarryTheListsThatWatchersMustPass) {
  const std::vector<AclEntry> read_only = {{kPermRead, "world", "anyone"}};
  ASSERT_EQ(write(create("/a", "", {.acl = read_only})), kOk);
  EXPECT_EQ(effects.events[0].acl, fields("/a").acl);
  EXPECT_EQ(effects.events[1].acl, fields("/").acl);
  EXPECT_NE(effects.events[0].acl, effects.events[1].acl);
}

// ---- the order of the checks ----------------------------------------------------------------

TEST_F(EvaluateCreate, EachWrongThingHasItsError) {
  ASSERT_EQ(write(create("/e", "", {.flags = 1})), kOk);
  EXPECT_EQ(create_error("/t//x"), kNoNode);
  EXPECT_EQ(create_error("/"), kNodeExists);
  EXPECT_EQ(create_error("t"), kBadArguments);
  EXPECT_EQ(create_error(""), kBadArguments);
  EXPECT_EQ(write(create(std::nullopt)), kBadArguments);
  EXPECT_EQ(create_error("t/x"), kNoNode);
  EXPECT_EQ(create_error("/a\0b"sv), kBadArguments);
  EXPECT_EQ(create_error("/missing/bad\x01"), kNoNode);
  EXPECT_EQ(create_error("/bad\x01"), kBadArguments);
  EXPECT_EQ(create_error("/zookeeper/"), kBadArguments);
  EXPECT_EQ(create_error("//a"), kBadArguments);
  EXPECT_EQ(create_error("/zookeeper"), kNodeExists);
  EXPECT_EQ(create_error("/e/child"), kNoChildrenForEphemerals);
  EXPECT_EQ(create_error("/missing/x", {.acl = {}}), kInvalidAcl);
  EXPECT_EQ(create_error("x", {.acl = {}}), kBadArguments);
  EXPECT_EQ(create_error("x", {.flags = 7, .acl = {}}), kBadArguments);
  EXPECT_EQ(create_error("/x", {.flags = -1}), kBadArguments);
}

TEST_F(EvaluateCreate, RightOnTheParentComesBeforeWhatTheChildIsCalled) {
  ASSERT_EQ(write(create("/locked", "", {.acl = {{kPermAll & ~kPermCreate, "world", "anyone"}}})),
            kOk);
  EXPECT_EQ(create_error("/locked/x"), kNoAuth);
  EXPECT_EQ(create_error("/locked/bad\x01"), kNoAuth);
  skip_acl = true;
  ASSERT_EQ(create_error("/locked/x"), kOk);
  skip_acl = false;
  EXPECT_EQ(create_error("/locked/x"), kNoAuth);
}

TEST_F(EvaluateCreate, BodyThatDoesNotDecodeIsAMarshallingError) {
  Request request = create("/a", "abc");
  for (size_t bytes = 0; bytes < request.body.size(); ++bytes) {
    EXPECT_EQ(write({request.op, request.body.substr(0, bytes)}), kMarshallingError) << bytes;
  }
  EXPECT_EQ(write({request.op, request.body + "newer field"}), kOk);
}

TEST_F(EvaluateCreate, FailedCreationLeavesNoTrace) {
  ASSERT_EQ(write(create("/s")), kOk);
  const uint64_t next_id = state.tree.next_node_id();
  const uint32_t lists = state.acls.counter();
  const Stat parent = stat("/s");
  EXPECT_EQ(create_error("/s/bad\x01", {.flags = 2, .acl = {{1, "ip", "1.2.3.4"}}}), kBadArguments);
  EXPECT_EQ(state.tree.next_node_id(), next_id);
  EXPECT_EQ(state.acls.counter(), lists);
  EXPECT_EQ(stat("/s"), parent);
}

// ---- modes ----------------------------------------------------------------------------------

TEST_F(EvaluateCreate, OperationAndFlagsMustAgree) {
  const auto error_of = [&](OpCode op, int32_t flags, int64_t ttl_ms) {
    const ErrorCode error = write(create_with(op, "/m", flags, ttl_ms));
    if (exists("/m")) {
      EXPECT_EQ(write(remove("/m")), kOk);
    }
    return error;
  };
  for (const OpCode op : {OpCode::kCreate, OpCode::kCreate2}) {
    for (const int32_t flags : {0, 1, 4}) EXPECT_EQ(error_of(op, flags, -1), kOk);
    for (const int32_t flags : {5, 6, 7, -1}) EXPECT_EQ(error_of(op, flags, -1), kBadArguments);
  }
  for (const int32_t flags : {0, 4}) EXPECT_EQ(error_of(OpCode::kCreateContainer, flags, -1), kOk);
  for (const int32_t flags : {1, 2, 3, 5, 6, 7}) {
    EXPECT_EQ(error_of(OpCode::kCreateContainer, flags, -1), kBadArguments);
  }
  EXPECT_EQ(error_of(OpCode::kCreateTtl, 5, 1), kOk);
  EXPECT_EQ(error_of(OpCode::kCreateTtl, 5, kTtlMaxMs), kOk);
  for (const int64_t ttl_ms :
       {int64_t{0}, int64_t{-1}, kTtlMaxMs + 1, std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(error_of(OpCode::kCreateTtl, 5, ttl_ms), kBadArguments);
  }
  for (const int32_t flags : {0, 1, 2, 3, 4, 7}) {
    EXPECT_EQ(error_of(OpCode::kCreateTtl, flags, 1000), kBadArguments);
    EXPECT_EQ(error_of(OpCode::kCreateTtl, flags, -1), kBadArguments);
  }
}

TEST_F(EvaluateCreate, TtlIsUnimplementedWhereItIsDisabled) {
  ttl_enabled = false;
  EXPECT_EQ(write(create_with(OpCode::kCreateTtl, "/t", 5, 0)), kUnimplemented);
  EXPECT_EQ(write(create_with(OpCode::kCreate, "/t", 6)), kUnimplemented);
  EXPECT_EQ(write(create_with(OpCode::kCreateTtl, "/t", 9, 1)), kBadArguments);
  EXPECT_EQ(write(create_with(OpCode::kCreateContainer, "/c", 4)), kOk);
}

TEST_F(EvaluateCreate, KindsAreRememberedWhereTheyMatter) {
  ASSERT_EQ(write(create("/e", "", {.flags = 1})), kOk);
  ASSERT_EQ(write(create_with(OpCode::kCreateContainer, "/c", 0)), kOk);
  ASSERT_EQ(write(create_with(OpCode::kCreateTtl, "/t", 5, 77)), kOk);
  ASSERT_EQ(write(create("/plain", "", {.flags = 4})), kOk);
  EXPECT_EQ(stat("/e").ephemeral_owner, session.value());
  EXPECT_EQ(stat("/c").ephemeral_owner, 0);
  EXPECT_EQ(stat("/t").ephemeral_owner, 0);
  EXPECT_THAT(state.sessions.find(session)->ephemerals, ElementsAre(fields("/e").id));
  EXPECT_THAT(state.reapable, ElementsAre(std::pair(fields("/c").id, NodeKind::kContainer),
                                          std::pair(fields("/t").id, NodeKind::kTtl)));
  EXPECT_EQ(fields("/t").owner_or_ttl_ms, 77);
  for (const auto path : {"/e", "/c", "/t"}) ASSERT_EQ(write(remove(path)), kOk);
  EXPECT_TRUE(state.sessions.find(session)->ephemerals.empty());
  EXPECT_TRUE(state.reapable.empty());
}

TEST_F(EvaluateCreate, ContainersAndTtlNodesMayHaveChildren) {
  ASSERT_EQ(write(create_with(OpCode::kCreateContainer, "/c", 0)), kOk);
  ASSERT_EQ(write(create_with(OpCode::kCreateTtl, "/t", 5, 77)), kOk);
  EXPECT_EQ(create_error("/c/x"), kOk);
  EXPECT_EQ(create_error("/t/x"), kOk);
}

// ---- sequence numbers -----------------------------------------------------------------------

TEST_F(EvaluateCreate, SequenceCountsEveryCreationAndNeverGoesBack) {
  ASSERT_EQ(write(create("/s")), kOk);
  ASSERT_EQ(write(create("/s/a")), kOk);
  ASSERT_EQ(write(create("/s/b")), kOk);
  ASSERT_EQ(write(create("/s/n-", "", {.flags = 2})), kOk);
  EXPECT_EQ(created_path(), "/s/n-0000000002");
  ASSERT_EQ(write(remove("/s/n-0000000002")), kOk);
  ASSERT_EQ(write(create("/s/n-", "", {.flags = 3})), kOk);
  EXPECT_EQ(created_path(), "/s/n-0000000003");
  ASSERT_EQ(write(create("/s/", "", {.flags = 2})), kOk);
  EXPECT_EQ(created_path(), "/s/0000000004");
  ASSERT_EQ(write(create("/s/t-", "", {.flags = 6, .ttl_ms = 5, .op = OpCode::kCreateTtl})), kOk);
  EXPECT_EQ(created_path(), "/s/t-0000000005");
  ASSERT_EQ(write(create("/", "", {.flags = 2})), kOk);
  EXPECT_EQ(created_path(), "/0000000001");
}

TEST_F(EvaluateCreate, NameThatIsTakenIsAnErrorEvenWithASequence) {
  ASSERT_EQ(write(create("/s")), kOk);
  ASSERT_EQ(write(create("/s/n-0000000001")), kOk);
  EXPECT_EQ(create_error("/s/n-", {.flags = 2}), kNodeExists);
}

TEST_F(EvaluateCreate, SequenceGoesOnPastThirtyTwoBits) {
  ASSERT_EQ(write(create("/s")), kOk);
  const NodeSlot slot = state.tree.find("/s");
  state.digest.subtract(digest_of_fields(state.tree, slot));
  state.tree.mutable_fields(slot).children_created = 2'147'483'647;
  state.digest.add(digest_of_fields(state.tree, slot));
  ASSERT_EQ(write(create("/s/n-", "", {.flags = 2})), kOk);
  EXPECT_EQ(created_path(), "/s/n-2147483647");
  ASSERT_EQ(write(create("/s/n-", "", {.flags = 2})), kOk);
  EXPECT_EQ(created_path(), "/s/n-2147483648");
  ASSERT_EQ(write(create("/s/n-", "", {.flags = 2})), kOk);
  EXPECT_EQ(created_path(), "/s/n-2147483649");
  // 2 * 2147483650 - 3, of which 32 bits are visible.
  EXPECT_EQ(stat("/s").cversion, 1);
}

}  // namespace
}  // namespace topod::state
