#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "server/state/path.h"
#include "tests/unit/state/state_driver.h"

namespace topod::state {
namespace {

using namespace std::string_view_literals;
using enum ErrorCode;
using testing::ElementsAre;

class EvaluateChange : public testing::Test, protected StateDriver {
 protected:
  void set_version(std::string_view path, int32_t version) {
    const NodeSlot slot = state.tree.find(path);
    state.digest.subtract(digest_of_fields(state.tree, slot));
    state.tree.mutable_fields(slot).version = version;
    state.digest.add(digest_of_fields(state.tree, slot));
  }
};

// ---- delete ---------------------------------------------------------------------------------

TEST_F(EvaluateChange, DeletedNodeIsGoneAndWatchersOfBothAreTold) {
  ASSERT_EQ(write(create("/a")), kOk);
  ASSERT_EQ(write(create("/a/b")), kOk);
  const AclId acl = fields("/a/b").acl;
  ASSERT_EQ(write(remove("/a/b", 0)), kOk);
  EXPECT_TRUE(effects.body.empty());
  EXPECT_FALSE(exists("/a/b"));
  EXPECT_EQ(stat("/a").pzxid, state.applied.value());
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeDeleted, "/a/b"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/a"}));
  EXPECT_EQ(effects.events[0].acl, acl);
}

TEST_F(EvaluateChange, ListOfADeletedNodeCanBeReadUntilTheNextEntry) {
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermAll, "ip", "127.0.0.1"}}})), kOk);
  const AclId acl = fields("/a").acl;
  ASSERT_EQ(write(remove("/a")), kOk);
  EXPECT_EQ(state.acls.get(acl)[0].scheme, "ip");
  state.changes.clear();
  ASSERT_EQ(write(create("/b")), kOk);
  EXPECT_EQ(state.acls.find(acl), nullptr);
  EXPECT_THAT(state.changes.acls, ElementsAre(acl));
}

TEST_F(EvaluateChange, DeletionChecksInTheProtocolsOrder) {
  ASSERT_EQ(write(create("/a")), kOk);
  ASSERT_EQ(write(create("/a/b")), kOk);
  EXPECT_EQ(write(remove("a")), kBadArguments);
  EXPECT_EQ(write(remove("")), kBadArguments);
  EXPECT_EQ(write(remove(std::nullopt)), kBadArguments);
  EXPECT_EQ(write(remove("/a\0"sv)), kBadArguments);
  EXPECT_EQ(write(remove("/missing/x")), kNoNode);
  EXPECT_EQ(write(remove("/missing")), kNoNode);
  EXPECT_EQ(write(remove("/a/")), kNoNode);
  EXPECT_EQ(write(remove("//a")), kNoNode);
  EXPECT_EQ(write(remove("/a", 7)), kBadVersion);
  EXPECT_EQ(write(remove("/a", -2)), kBadVersion);
  EXPECT_EQ(write(remove("/a", 0)), kNotEmpty);
  EXPECT_EQ(write({OpCode::kDelete, std::string(2, '\0')}), kMarshallingError);
}

TEST_F(EvaluateChange, PermanentNodesCannotBeDeleted) {
  skip_acl = true;
  for (const auto path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    EXPECT_EQ(write(remove(path)), kBadArguments) << path;
  }
  EXPECT_EQ(write(remove("//zookeeper")), kNoNode);
  ASSERT_EQ(write(create("/zookeeper/quota/a")), kOk);
  EXPECT_EQ(write(remove("/zookeeper/quota/a")), kOk);
}

TEST_F(EvaluateChange, RightToDeleteIsTheParentsAndComesBeforeTheNode) {
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermAll & ~kPermDelete, "world", "anyone"}}})), kOk);
  ASSERT_EQ(write(create("/a/b", "", {.acl = {{kPermDelete, "world", "anyone"}}})), kOk);
  EXPECT_EQ(write(remove("/a/b")), kNoAuth);
  EXPECT_EQ(write(remove("/a/missing")), kNoAuth);
  ids.push_back({"super", ""});
  EXPECT_EQ(write(remove("/a/missing")), kNoNode);
  EXPECT_EQ(write(remove("/a/b")), kOk);
}

// ---- setData --------------------------------------------------------------------------------

TEST_F(EvaluateChange, SetDataMovesVersionAndTimeOfTheNodeAlone) {
  ASSERT_EQ(write(create("/a")), kOk);
  ASSERT_EQ(write(create("/a/b", "1")), kOk);
  const Stat parent = stat("/a");
  Stat expected = stat("/a/b");
  time_ms += 1000;
  ASSERT_EQ(write(set_data("/a/b", "four", 0)), kOk);
  expected.version = 1;
  expected.mzxid = state.applied.value();
  expected.mtime_ms = time_ms;
  expected.data_length = 4;
  EXPECT_EQ(stat("/a/b"), expected);
  EXPECT_EQ(stat("/a"), parent);
  EXPECT_EQ(data("/a/b"), "four");
  JuteReader in(effects.body);
  Stat answered;
  answered.read(in);
  EXPECT_EQ(answered, expected);
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeDataChanged, "/a/b"}));
  ASSERT_EQ(write(set_data("/a/b", std::nullopt)), kOk);
  EXPECT_EQ(data("/a/b"), "(null)");
}

TEST_F(EvaluateChange, RootTakesDataToo) {
  ASSERT_EQ(write(set_data("/", "x")), kOk);
  EXPECT_EQ(data("/"), "x");
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeDataChanged, "/"}));
}

TEST_F(EvaluateChange, SetDataChecksInTheProtocolsOrder) {
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermRead, "world", "anyone"}}})), kOk);
  EXPECT_EQ(write(set_data("", "x")), kBadArguments);
  EXPECT_EQ(write(set_data(std::nullopt, "x")), kBadArguments);
  EXPECT_EQ(write(set_data("/a/", "x")), kBadArguments);
  EXPECT_EQ(write(set_data("/missing", "x", 9)), kNoNode);
  EXPECT_EQ(write(set_data("/a", "x", 9)), kNoAuth);
  skip_acl = true;
  EXPECT_EQ(write(set_data("/a", "x", 9)), kBadVersion);
  EXPECT_EQ(write({OpCode::kSetData, {}}), kMarshallingError);
}

TEST_F(EvaluateChange, NobodyMayWriteTheConfiguration) {
  EXPECT_EQ(write(set_data(kConfigPath, "x")), kNoAuth);
  skip_acl = true;
  EXPECT_EQ(write(set_data(kConfigPath, "x")), kNoAuth);
  ids.push_back({"super", ""});
  EXPECT_EQ(write(set_data(kConfigPath, "x", 5)), kNoAuth);
}

TEST_F(EvaluateChange, VersionGoesRoundAndLeavesOutTheWildcard) {
  ASSERT_EQ(write(create("/a")), kOk);
  set_version("/a", std::numeric_limits<int32_t>::max());
  ASSERT_EQ(write(set_data("/a", "")), kOk);
  EXPECT_EQ(stat("/a").version, std::numeric_limits<int32_t>::min());
  set_version("/a", -2);
  ASSERT_EQ(write(set_data("/a", "", -2)), kOk);
  EXPECT_EQ(stat("/a").version, 0);
}

// ---- setACL ---------------------------------------------------------------------------------

TEST_F(EvaluateChange, SetAclMovesTheAclVersionAlone) {
  ASSERT_EQ(write(create("/a", "x")), kOk);
  Stat expected = stat("/a");
  ASSERT_EQ(write(set_acl("/a", {{kPermRead | kPermAdmin, "world", "anyone"}}, 0)), kOk);
  expected.aversion = 1;
  EXPECT_EQ(stat("/a"), expected);
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(state.acls.get(fields("/a").acl), world_acl(kPermRead | kPermAdmin));
  JuteReader in(effects.body);
  Stat answered;
  answered.read(in);
  EXPECT_EQ(answered, expected);
}

TEST_F(EvaluateChange, EqualListKeepsItsReferences) {
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermAll, "ip", "127.0.0.1"}}})), kOk);
  ASSERT_EQ(write(set_acl("/a", {{kPermAll, "ip", "127.0.0.1"}})), kOk);
  ASSERT_EQ(write(set_acl("/a", {{kPermAll, "ip", "127.0.0.1"}})), kOk);
  const AclId acl = fields("/a").acl;
  ASSERT_EQ(write(remove("/a")), kOk);
  ASSERT_EQ(write(create("/b")), kOk);
  EXPECT_EQ(state.acls.find(acl), nullptr);
}

TEST_F(EvaluateChange, SetAclChecksInTheProtocolsOrder) {
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermRead, "world", "anyone"}}})), kOk);
  EXPECT_EQ(write(set_acl("a", {})), kBadArguments);
  EXPECT_EQ(write(set_acl("/missing", {})), kInvalidAcl);
  EXPECT_EQ(write(set_acl("/missing", kOpenAclRequest)), kNoNode);
  EXPECT_EQ(write(set_acl("/a", kOpenAclRequest, 9)), kNoAuth);
  skip_acl = true;
  EXPECT_EQ(write(set_acl("/a", kOpenAclRequest, 9)), kBadVersion);
  EXPECT_EQ(write(set_acl("/a", kOpenAclRequest, 0)), kOk);
  EXPECT_EQ(write(set_acl("/", kOpenAclRequest)), kOk);
  EXPECT_EQ(write(set_acl(kConfigPath, kOpenAclRequest, -1)), kOk);
  EXPECT_EQ(stat(kConfigPath).aversion, 0);
}

TEST_F(EvaluateChange, AuthStandsForTheCallersIds) {
  EXPECT_EQ(write(create("/a", "", {.acl = {{kPermAll, "auth", ""}}})), kInvalidAcl);
  ids.push_back({"digest", "u:hash"});
  ASSERT_EQ(write(create("/a", "", {.acl = {{kPermAll, "auth", std::nullopt}}})), kOk);
  EXPECT_EQ(state.acls.get(fields("/a").acl), (Acl{{kPermAll, "digest", "u:hash"}}));
  EXPECT_EQ(write(set_data("/a", "mine")), kOk);
  ids.pop_back();
  EXPECT_EQ(write(set_data("/a", "theirs")), kNoAuth);
}

// ---- what is no write -----------------------------------------------------------------------

TEST_F(EvaluateChange, OtherOperationsAreRefused) {
  EXPECT_EQ(write({OpCode::kReconfig, {}}), kReconfigDisabled);
  EXPECT_EQ(write(check("/")), kUnimplemented);
  EXPECT_EQ(write({OpCode::kDeleteContainer, {}}), kUnimplemented);
  EXPECT_EQ(write({static_cast<OpCode>(4711), {}}), kUnimplemented);
}

}  // namespace
}  // namespace topod::state
