#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/state/state_driver.h"

namespace topod::state {
namespace {

using enum ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;

class EvaluateMulti : public testing::Test, protected StateDriver {
 protected:
  std::vector<int32_t> errors_of(const std::vector<Request>& operations) {
    EXPECT_EQ(write(multi(operations)), kOk);
    return multi_errors(effects.body);
  }
};

constexpr int32_t code(ErrorCode error) { return static_cast<int32_t>(error); }
constexpr int32_t code(OpCode op) { return static_cast<int32_t>(op); }

TEST_F(EvaluateMulti, ResultsHaveTheTypesThatClientsKnow) {
  ASSERT_EQ(write(create("/old", "x")), kOk);
  ASSERT_EQ(write(multi({create("/a"), create_with(OpCode::kCreate2, "/b", 2),
                         create_with(OpCode::kCreateContainer, "/c", 4),
                         create_with(OpCode::kCreateTtl, "/t", 5, 1000), set_data("/old", "new"),
                         check("/old", 1), remove("/old", 1)})),
            kOk);
  const auto results = multi_results(effects.body);
  ASSERT_EQ(results.size(), 7u);
  EXPECT_EQ(results[0].type, code(OpCode::kCreate));
  EXPECT_EQ(results[0].path, "/a");
  EXPECT_EQ(results[1].type, code(OpCode::kCreate2));
  EXPECT_EQ(results[1].path, "/b0000000002");
  EXPECT_EQ(results[1].stat, stat("/b0000000002"));
  EXPECT_EQ(results[2].type, code(OpCode::kCreate2));
  EXPECT_EQ(results[3].type, code(OpCode::kCreate2));
  EXPECT_EQ(results[4].type, code(OpCode::kSetData));
  EXPECT_EQ(results[4].stat.version, 1);
  EXPECT_EQ(results[5].type, code(OpCode::kCheck));
  EXPECT_EQ(results[6].type, code(OpCode::kDelete));
  for (const MultiResult& result : results) EXPECT_EQ(result.error, 0);
}

TEST_F(EvaluateMulti, EveryOperationSeesTheOnesBeforeIt) {
  ASSERT_EQ(write(create("/x", "old")), kOk);
  const int64_t zxid = next_zxid;
  EXPECT_THAT(errors_of({create("/a"), create("/a/b"), create("/a/c"), set_data("/a", "1", 0),
                         check("/a", 1), remove("/a/c"), remove("/x"), create("/x", "new")}),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(stat("/a").czxid, zxid);
  EXPECT_EQ(stat("/a").mzxid, zxid);
  EXPECT_EQ(stat("/a").pzxid, zxid);
  EXPECT_EQ(stat("/a").cversion, 3);
  EXPECT_EQ(data("/x"), "new");
  EXPECT_EQ(stat("/x").czxid, zxid);
}

TEST_F(EvaluateMulti, EarlierResultDoesNotShowALaterOperation) {
  ASSERT_EQ(write(create("/a")), kOk);
  ASSERT_EQ(write(multi({set_data("/a", "1"), set_data("/a", "22"), create("/a/b")})), kOk);
  const auto results = multi_results(effects.body);
  EXPECT_EQ(results[0].stat.version, 1);
  EXPECT_EQ(results[0].stat.data_length, 1);
  EXPECT_EQ(results[1].stat.version, 2);
  EXPECT_EQ(results[1].stat.num_children, 0);
}

TEST_F(EvaluateMulti, EventsComeInTheOrderOfTheOperations) {
  ASSERT_EQ(write(multi({create("/a"), set_data("/a", "x"), remove("/a")})), kOk);
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeCreated, "/a"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/"},
                                    ToldEvent{EventType::kNodeDataChanged, "/a"},
                                    ToldEvent{EventType::kNodeDeleted, "/a"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/"}));
}

TEST_F(EvaluateMulti, FailureNamesTheOperationAndIsNoErrorOfTheWhole) {
  EXPECT_THAT(errors_of({create("/a"), check("/a", 5), remove("/a")}),
              ElementsAre(0, code(kBadVersion), code(kRuntimeInconsistency)));
  for (const MultiResult& result : multi_results(effects.body)) {
    EXPECT_EQ(result.type, code(OpCode::kError));
  }
  EXPECT_TRUE(events().empty());
}

TEST_F(EvaluateMulti, FailureTakesEverythingBack) {
  ASSERT_EQ(write(create("/a", "data", {.acl = {{kPermAll, "ip", "127.0.0.1"}}})), kOk);
  ASSERT_EQ(write(create("/e", "mine", {.flags = 1})), kOk);
  ASSERT_EQ(write(create_with(OpCode::kCreateContainer, "/c", 0)), kOk);
  ASSERT_EQ(write(create("/s")), kOk);
  state.changes.clear();
  const Digest digest_of_tree = [&] {
    Digest digest = state.digest;
    for (const auto& [server, mark] : state.members) digest.subtract(digest_of_member(mark));
    return digest;
  }();
  const uint64_t next_id = state.tree.next_node_id();
  const uint32_t lists = state.acls.counter();
  const auto reapable = state.reapable;
  const auto ephemerals = state.sessions.find(session)->ephemerals;
  const Stat root = stat("/"), a = stat("/a"), e = stat("/e");

  EXPECT_THAT(errors_of({create("/s/n-", "", {.flags = 3}),
                         create("/s/t", "", {.acl = {{kPermAll, "ip", "10.0.0.0/8"}}}),
                         set_data("/a", "other"), remove("/e"), remove("/c"), create("/c", "plain"),
                         create_with(OpCode::kCreateTtl, "/t", 5, 1), remove("/a"),
                         create("/a", "again"), remove("/missing")}),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, code(kNoNode)));

  Digest after = state.digest;
  for (const auto& [server, mark] : state.members) after.subtract(digest_of_member(mark));
  EXPECT_EQ(after, digest_of_tree);
  EXPECT_EQ(state.tree.next_node_id(), next_id);
  EXPECT_EQ(state.acls.counter(), lists);
  EXPECT_EQ(state.reapable, reapable);
  EXPECT_EQ(state.sessions.find(session)->ephemerals, ephemerals);
  EXPECT_EQ(state.sessions.ephemeral_count(), 1u);
  EXPECT_EQ(stat("/"), root);
  EXPECT_EQ(stat("/a"), a);
  EXPECT_EQ(stat("/e"), e);
  EXPECT_EQ(data("/a"), "data");
  EXPECT_THAT(state.changes.nodes, IsEmpty());
  EXPECT_THAT(state.changes.acls, IsEmpty());
  // Neither its list nor the sequence number is lost.
  EXPECT_EQ(write(set_data("/a", "still mine")), kOk);
  ASSERT_EQ(write(create("/s/n-", "", {.flags = 2})), kOk);
  EXPECT_EQ(created_path(), "/s/n-0000000000");
}

TEST_F(EvaluateMulti, ListThatTheMultiDroppedComesBackWithItsId) {
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermAll, "ip", "127.0.0.1"}}})), kOk);
  const AclId acl = fields("/a").acl;
  EXPECT_THAT(errors_of({remove("/a"), check("/", 99)}), ElementsAre(0, code(kBadVersion)));
  ASSERT_EQ(write(create("/b")), kOk);
  EXPECT_EQ(fields("/a").acl, acl);
  EXPECT_NE(state.acls.find(acl), nullptr);
}

TEST_F(EvaluateMulti, EmptyMultiSucceeds) {
  EXPECT_THAT(errors_of({}), IsEmpty());
  EXPECT_EQ(effects.body.size(), 9u);
}

TEST_F(EvaluateMulti, FlagsAloneMakeAContainer) {
  EXPECT_THAT(errors_of({create("/a", "", {.flags = 4}), create_with(OpCode::kCreate2, "/b", 4)}),
              ElementsAre(0, 0));
  EXPECT_EQ(fields("/a").kind, NodeKind::kContainer);
  EXPECT_EQ(fields("/b").kind, NodeKind::kContainer);
}

TEST_F(EvaluateMulti, BadFlagsAndDisabledTtlAreErrorsOfTheirOperation) {
  EXPECT_THAT(errors_of({create("/a", "", {.flags = 9})}), ElementsAre(code(kBadArguments)));
  ttl_enabled = false;
  EXPECT_THAT(errors_of({check("/"), create_with(OpCode::kCreateTtl, "/t", 5, 1000)}),
              ElementsAre(0, code(kUnimplemented)));
}

TEST_F(EvaluateMulti, CheckNeedsTheRightToRead) {
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermWrite, "world", "anyone"}}})), kOk);
  EXPECT_THAT(errors_of({check("/a")}), ElementsAre(code(kNoAuth)));
  EXPECT_THAT(errors_of({check("/missing")}), ElementsAre(code(kNoNode)));
  EXPECT_THAT(errors_of({check("bad")}), ElementsAre(code(kBadArguments)));
  EXPECT_THAT(errors_of({check(std::nullopt)}), ElementsAre(code(kBadArguments)));
}

TEST_F(EvaluateMulti, WhatAMultiMayNotHoldIsAnErrorOfTheWhole) {
  for (const Request& bad :
       {set_acl("/a", kOpenAclRequest), multi({}), Request{OpCode::kGetData, check("/").body},
        Request{OpCode::kDeleteContainer, check("/").body}, Request{static_cast<OpCode>(99), {}}}) {
    EXPECT_EQ(write(multi({create("/a"), bad})), kMarshallingError);
    EXPECT_FALSE(exists("/a"));
  }
}

TEST_F(EvaluateMulti, BodyCutShortAnywhereIsAnErrorOfTheWhole) {
  const Request whole = multi({create("/a", "abc"), set_data("/a", "x"), remove("/a")});
  for (size_t bytes = 0; bytes < whole.body.size(); ++bytes) {
    ASSERT_EQ(write({whole.op, whole.body.substr(0, bytes)}), kMarshallingError) << bytes;
  }
  EXPECT_EQ(state.tree.size(), 4u);
  EXPECT_EQ(write(whole), kOk);
}

}  // namespace
}  // namespace topod::state
