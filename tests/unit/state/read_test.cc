#include "server/state/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/state/path.h"
#include "tests/unit/state/read_fixture.h"

namespace topod::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> parse_strings(std::string_view body) {
  JuteReader in(body);
  std::vector<std::string_view> views;
  read_strings(in, views);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0U);
  return {views.begin(), views.end()};
}

Stat parse_stat(std::string_view body) {
  JuteReader in(body);
  Stat stat;
  stat.read(in);
  EXPECT_TRUE(in.ok());
  return stat;
}

const Acl kNobody = {{kPermWrite, "world", "anyone"}};

TEST_F(ReadTest, ExistsAnswersTheStat) {
  const Reply reply = ask_path(OpCode::kExists, "/a");
  ASSERT_EQ(reply.error, ErrorCode::kOk);
  ASSERT_EQ(reply.body.size(), kStatBytes);
  const Stat stat = parse_stat(reply.body);
  EXPECT_EQ(stat.czxid, 10);
  EXPECT_EQ(stat.mzxid, 10);
  EXPECT_EQ(stat.pzxid, 12);
  EXPECT_EQ(stat.data_length, 9);
  EXPECT_EQ(stat.num_children, 2);
  EXPECT_TRUE(watches_.empty());
}

TEST_F(ReadTest, ExistsLeavesAWatchOnANodeThatIsThere) {
  EXPECT_EQ(ask_path(OpCode::kExists, "/a", true).error, ErrorCode::kOk);
  EXPECT_THAT(fire(EventType::kNodeDataChanged, "/a"), ElementsAre(kConnection));
}

TEST_F(ReadTest, ExistsLeavesAWatchOnAMissingNode) {
  EXPECT_EQ(ask_path(OpCode::kExists, "/none", true).error, ErrorCode::kNoNode);
  EXPECT_THAT(fire(EventType::kNodeCreated, "/none"), ElementsAre(kConnection));
}

TEST_F(ReadTest, ExistsWithoutTheFlagLeavesNoWatch) {
  EXPECT_EQ(ask_path(OpCode::kExists, "/none").error, ErrorCode::kNoNode);
  EXPECT_TRUE(watches_.empty());
}

TEST_F(ReadTest, ExistsRefusesNul) {
  EXPECT_EQ(ask_path(OpCode::kExists, std::string_view("/a\0b", 4), true).error,
            ErrorCode::kBadArguments);
  EXPECT_EQ(ask_path(OpCode::kGetData, std::string_view("/a\0b", 4)).error, ErrorCode::kNoNode);
  EXPECT_TRUE(watches_.empty());
}

TEST_F(ReadTest, GetDataTellsNullFromEmpty) {
  const Reply of_null = ask_path(OpCode::kGetData, "/a/c");
  ASSERT_EQ(of_null.error, ErrorCode::kOk);
  EXPECT_EQ(of_null.body.substr(0, 4), "\xff\xff\xff\xff");
  EXPECT_EQ(parse_stat(of_null.body.substr(4)).data_length, 0);
  const Reply of_empty = ask_path(OpCode::kGetData, "/a/b");
  EXPECT_EQ(of_empty.body.substr(0, 4), std::string(4, '\0'));
}

TEST_F(ReadTest, GetDataAnswersDataThenStat) {
  const Reply reply = ask_path(OpCode::kGetData, "/a", true);
  ASSERT_EQ(reply.error, ErrorCode::kOk);
  JuteReader in(reply.body);
  EXPECT_EQ(in.read_buffer(), "data of a");
  EXPECT_EQ(in.remaining(), kStatBytes);
  EXPECT_THAT(fire(EventType::kNodeDeleted, "/a"), ElementsAre(kConnection));
}

TEST_F(ReadTest, TheConfigurationNodeShowsWhatTheAnsweringServerIsTold) {
  const auto data_and_length = [&] {
    const Reply reply = ask_path(OpCode::kGetData, kConfigPath);
    EXPECT_EQ(reply.error, ErrorCode::kOk);
    JuteReader in(reply.body);
    const std::string data(in.read_buffer().value_or("(null)"));
    Stat stat;
    stat.read(in);
    EXPECT_EQ(parse_stat(ask_path(OpCode::kExists, kConfigPath).body).data_length,
              stat.data_length);
    return std::pair(data, stat.data_length);
  };
  EXPECT_EQ(data_and_length(), std::pair(std::string(), 0));
  config_node_data_ = "version=0";
  EXPECT_EQ(data_and_length(), std::pair(config_node_data_, 9));
  // Nothing but this node.
  EXPECT_EQ(parse_stat(ask_path(OpCode::kExists, "/a").body).data_length, 9);
  EXPECT_EQ(parse_stat(ask_path(OpCode::kExists, "/a/b").body).data_length, 0);
}

TEST_F(ReadTest, GetDataOfAMissingNodeLeavesNoWatch) {
  EXPECT_EQ(ask_path(OpCode::kGetData, "/none", true).error, ErrorCode::kNoNode);
  EXPECT_EQ(ask_path(OpCode::kGetChildren, "/none", true).error, ErrorCode::kNoNode);
  EXPECT_TRUE(watches_.empty());
}

TEST_F(ReadTest, ChildrenAreSortedNamesAndLeaveAChildWatch) {
  const Reply reply = ask_path(OpCode::kGetChildren, "/a", true);
  ASSERT_EQ(reply.error, ErrorCode::kOk);
  EXPECT_THAT(parse_strings(reply.body), ElementsAre("b", "c"));
  EXPECT_TRUE(watches_.contains(kConnection, "/a", WatcherType::kChildren));
  EXPECT_FALSE(watches_.contains(kConnection, "/a", WatcherType::kData));
}

TEST_F(ReadTest, Children2AddsTheStatOfTheParent) {
  const Reply plain = ask_path(OpCode::kGetChildren, "/a");
  const Reply with_stat = ask_path(OpCode::kGetChildren2, "/a", true);
  ASSERT_EQ(with_stat.error, ErrorCode::kOk);
  ASSERT_EQ(with_stat.body.size(), plain.body.size() + kStatBytes);
  EXPECT_TRUE(with_stat.body.starts_with(plain.body));
  EXPECT_EQ(parse_stat(with_stat.body.substr(plain.body.size())).num_children, 2);
  EXPECT_TRUE(watches_.contains(kConnection, "/a", WatcherType::kChildren));
}

TEST_F(ReadTest, EmptyPathReadsAsTheRoot) {
  for (const OpCode op : {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren,
                          OpCode::kGetChildren2, OpCode::kGetAcl, OpCode::kGetAllChildrenNumber}) {
    const Reply reply = ask_path(op, "");
    EXPECT_EQ(reply.error, ErrorCode::kOk) << name_of(op);
    EXPECT_EQ(reply.body, ask_path(op, "/").body) << name_of(op);
  }
}

TEST_F(ReadTest, PathsAreNotNormalised) {
  for (const char* path : {"/a/", "a", "//a", "/a/./b", "/a//b"}) {
    EXPECT_EQ(ask_path(OpCode::kGetData, path).error, ErrorCode::kNoNode) << path;
  }
}

TEST_F(ReadTest, ReadPermissionIsAskedForByEveryReadOfANode) {
  add("/secret", "s", 14, kNobody);
  for (const OpCode op : {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren,
                          OpCode::kGetChildren2, OpCode::kGetAcl, OpCode::kGetAllChildrenNumber}) {
    EXPECT_EQ(ask_path(op, "/secret", true).error, ErrorCode::kNoAuth) << name_of(op);
  }
  EXPECT_TRUE(watches_.empty()) << "a refused read leaves no watch";
  skip_acl_ = true;
  EXPECT_EQ(ask_path(OpCode::kGetData, "/secret").error, ErrorCode::kOk);
  skip_acl_ = false;
  ids_.push_back({"super", ""});
  EXPECT_EQ(ask_path(OpCode::kGetData, "/secret").error, ErrorCode::kOk);
}

TEST_F(ReadTest, AclMasksDigestsForWhoIsNoAdmin) {
  const Acl acl = {{kPermRead, "world", "anyone"},
                   {kPermAll, "digest", "u:hash="},
                   {kPermRead, "ip", "10.0.0.0/8"}};
  add("/acl", "", 14, acl);
  const auto ids_shown = [&] {
    const Reply reply = ask_path(OpCode::kGetAcl, "/acl");
    EXPECT_EQ(reply.error, ErrorCode::kOk);
    JuteReader in(reply.body);
    std::vector<AclEntry> entries;
    read_acl(in, entries);
    EXPECT_EQ(in.remaining(), kStatBytes);
    std::vector<std::string> ids;
    for (const AclEntry& entry : entries) {
      ids.push_back(std::string(*entry.scheme) + ":" + std::string(*entry.id));
    }
    return ids;
  };
  EXPECT_THAT(ids_shown(), ElementsAre("world:anyone", "digest:u:x", "ip:10.0.0.0/8"));
  ids_.push_back({"digest", "u:hash="});
  EXPECT_THAT(ids_shown(), ElementsAre("world:anyone", "digest:u:hash=", "ip:10.0.0.0/8"));
}

TEST_F(ReadTest, AdminAloneMayReadTheAcl) {
  add("/admin", "", 14, {{kPermAdmin, "world", "anyone"}});
  EXPECT_EQ(ask_path(OpCode::kGetAcl, "/admin").error, ErrorCode::kOk);
  EXPECT_EQ(ask_path(OpCode::kGetData, "/admin").error, ErrorCode::kNoAuth);
  EXPECT_EQ(ask_path(OpCode::kGetAcl, "/none").error, ErrorCode::kNoNode);
}

TEST_F(ReadTest, AllChildrenNumberCountsEverythingBelow) {
  const auto number = [&](std::string_view path) {
    const Reply reply = ask_path(OpCode::kGetAllChildrenNumber, path);
    EXPECT_EQ(reply.error, ErrorCode::kOk);
    JuteReader in(reply.body);
    return in.read_int();
  };
  EXPECT_EQ(number("/a"), 3);
  EXPECT_EQ(number("/a/c"), 0);
  EXPECT_EQ(number("/"), 4 + 3) << "/zookeeper and what is below it count";
  EXPECT_EQ(ask_path(OpCode::kGetAllChildrenNumber, "/none").error, ErrorCode::kNoNode);
}

TEST_F(ReadTest, EphemeralsAreThoseOfTheOwnSessionWithThePrefix) {
  add_ephemeral("/a/e1", kSession, 15);
  add_ephemeral("/a/e2", SessionId(101), 16);
  add_ephemeral("/ab", kSession, 17);
  add_ephemeral("/z", kSession, 18);
  const auto paths = [&](NullableBytes prefix) {
    const Reply reply = ask(OpCode::kGetEphemerals, encode(PathRequest{prefix}));
    EXPECT_EQ(reply.error, ErrorCode::kOk);
    return parse_strings(reply.body);
  };
  for (const NullableBytes all :
       {NullableBytes{}, NullableBytes("/"), NullableBytes(""), NullableBytes(" \t")}) {
    EXPECT_THAT(paths(all), ElementsAre("/a/e1", "/ab", "/z"));
  }
  EXPECT_THAT(paths("/a"), ElementsAre("/a/e1", "/ab"));
  EXPECT_THAT(paths("/a/"), ElementsAre("/a/e1"));
  EXPECT_THAT(paths("a"), IsEmpty());
}

TEST_F(ReadTest, WhoAmIShowsUsersWithoutTheirSecrets) {
  ids_.push_back({"digest", "ann:hash="});
  ids_.push_back({"super", ""});
  const Reply reply = ask(OpCode::kWhoAmI, "");
  ASSERT_EQ(reply.error, ErrorCode::kOk);
  JuteReader in(reply.body);
  ASSERT_EQ(in.read_count(8), 3U);
  std::vector<std::string> fields;
  while (in.remaining() > 0) fields.emplace_back(in.read_string().value_or("(null)"));
  EXPECT_THAT(fields, ElementsAre("ip", "127.0.0.1", "digest", "ann", "super", ""));
}

TEST_F(ReadTest, NullPathIsABadArgument) {
  for (const OpCode op : {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren,
                          OpCode::kGetChildren2, OpCode::kGetAcl, OpCode::kGetAllChildrenNumber}) {
    EXPECT_EQ(ask_path(op, std::nullopt).error, ErrorCode::kBadArguments) << name_of(op);
  }
  EXPECT_EQ(ask_mode(OpCode::kAddWatch, std::nullopt, 0).error, ErrorCode::kBadArguments);
  EXPECT_EQ(ask_mode(OpCode::kCheckWatches, std::nullopt, 1).error, ErrorCode::kBadArguments);
  EXPECT_EQ(ask_mode(OpCode::kRemoveWatches, std::nullopt, 1).error, ErrorCode::kBadArguments);
}

TEST_F(ReadTest, ShortBodiesCannotBeDecoded) {
  const std::string path_watch = encode(PathWatchRequest{"/a", false});
  const std::string path_mode = encode(PathModeRequest{"/a", 1});
  const std::string path = encode(PathRequest{"/a"});
  const std::string set_watches = encode(SetWatchesRequest{.data = {"/a"}}, false);
  const std::string set_watches2 = encode(SetWatchesRequest{.persistent = {"/a"}}, true);
  const std::string multi = encode(MultiHeader::end());
  const std::vector<std::pair<OpCode, std::string>> requests = {
      {OpCode::kExists, path_watch},
      {OpCode::kGetData, path_watch},
      {OpCode::kGetChildren, path_watch},
      {OpCode::kGetChildren2, path_watch},
      {OpCode::kGetAcl, path},
      {OpCode::kGetAllChildrenNumber, path},
      {OpCode::kGetEphemerals, path},
      {OpCode::kAddWatch, path_mode},
      {OpCode::kSetWatches, set_watches},
      {OpCode::kSetWatches2, set_watches2},
      {OpCode::kMultiRead, multi},
      {OpCode::kCheckWatches, path_mode},
      {OpCode::kRemoveWatches, path_mode}};
  for (const auto& [op, body] : requests) {
    for (size_t size = 0; size < body.size(); ++size) {
      EXPECT_EQ(ask(op, body.substr(0, size)).error, ErrorCode::kMarshallingError)
          << name_of(op) << " of " << size << " bytes";
    }
    EXPECT_NE(ask(op, body + "newer fields").error, ErrorCode::kMarshallingError) << name_of(op);
  }
}

TEST_F(ReadTest, WatchBeyondTheLimitFailsTheRead) {
  watch_limit_ = 1;
  EXPECT_EQ(ask_path(OpCode::kGetData, "/a", true).error, ErrorCode::kOk);
  EXPECT_EQ(ask_path(OpCode::kGetData, "/a", true).error, ErrorCode::kOk) << "the same watch";
  for (const OpCode op : {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren}) {
    EXPECT_EQ(ask_path(op, "/a/b", true).error, ErrorCode::kThrottledOp) << name_of(op);
  }
  EXPECT_EQ(ask_path(OpCode::kGetData, "/a/b").error, ErrorCode::kOk);
}

TEST_F(ReadTest, OnlyReadsAreReads) {
  for (int32_t number = -12; number < 300; ++number) {
    const auto op = static_cast<OpCode>(number);
    if (!is_read(op)) {
      EXPECT_EQ(ask(op, "").error, ErrorCode::kUnimplemented) << number;
      continue;
    }
    EXPECT_TRUE(is_client_request(op)) << number;
    EXPECT_FALSE(is_write(op)) << number;
  }
}

TEST(Notification, IsAFrameOfItsOwn) {
  std::string out = "x";
  append_notification(out, Zxid(0x0102), EventType::kNodeDeleted, "/p");
  const std::string expected(
      "x\0\0\0\x1e\xff\xff\xff\xff\0\0\0\0\0\0\1\2\0\0\0\0"
      "\0\0\0\2\0\0\0\3\0\0\0\2/p",
      1 + 4 + 30);
  EXPECT_EQ(out, expected);
}

}  // namespace
}  // namespace topod::state
