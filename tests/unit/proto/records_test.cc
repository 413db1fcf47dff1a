// Golden bytes, written by hand from the protocol's description.
#include "proto/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod {
namespace {

template <class Record, class... Extra>
std::string encode(const Record& record, Extra... extra) {
  std::string out;
  JuteWriter writer(out);
  record.write(writer, extra...);
  return out;
}

// "00 01 ff 'ab'" -> bytes; quotes hold text, blanks mean nothing.
std::string bytes(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
    } else if (text[i] == '\'') {
      const size_t end = text.find('\'', i + 1);
      result += text.substr(i + 1, end - i - 1);
      i = end + 1;
    } else {
      result.push_back(static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
      i += 2;
    }
  }
  return result;
}

template <class Record, class... Extra>
Record decode(std::string_view in, Extra... extra) {
  JuteReader reader(in);
  Record record;
  record.read(reader, extra...);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0U);
  return record;
}

constexpr std::string_view kPassword = "0123456789abcdef";

TEST(ConnectRequestRecord, HasFortyFourBytesWithoutTheFlag) {
  const std::string golden =
      bytes("00000000 0000000000000102 00007530 0000010000000003 00000010 '0123456789abcdef'");
  ASSERT_EQ(golden.size(), 44U);
  const ConnectRequest request{.last_zxid_seen = 0x102,
                               .timeout_ms = 30'000,
                               .session = 0x10000000003,
                               .password = kPassword};
  EXPECT_EQ(encode(request), golden);
  const auto read = decode<ConnectRequest>(golden);
  EXPECT_EQ(read.last_zxid_seen, 0x102);
  EXPECT_EQ(read.timeout_ms, 30'000);
  EXPECT_EQ(read.session, 0x10000000003);
  EXPECT_EQ(read.password, kPassword);
  EXPECT_FALSE(read.has_read_only);
  EXPECT_FALSE(read.read_only);
}

TEST(ConnectRequestRecord, FlagIsThereIfBytesAreLeft) {
  const std::string without = encode(ConnectRequest{.password = kPassword});
  const auto no = decode<ConnectRequest>(without + bytes("00"));
  EXPECT_TRUE(no.has_read_only);
  EXPECT_FALSE(no.read_only);
  const auto yes = decode<ConnectRequest>(without + bytes("01"));
  EXPECT_TRUE(yes.has_read_only);
  EXPECT_TRUE(yes.read_only);
  const ConnectRequest request{.password = kPassword, .has_read_only = true, .read_only = true};
  EXPECT_EQ(encode(request), without + bytes("01"));
}

TEST(ConnectRequestRecord, NewSessionMayHaveNoPassword) {
  EXPECT_EQ(decode<ConnectRequest>(bytes("00000000 0000000000000000 00000000 "
                                         "0000000000000000 ffffffff"))
                .password,
            std::nullopt);
}

TEST(ConnectResponseRecord, HasThirtySixBytesOrOneMore) {
  ConnectResponse response{.timeout_ms = 4000, .session = 1, .password = kPassword};
  const std::string golden =
      bytes("00000000 00000fa0 0000000000000001 00000010 '0123456789abcdef'");
  EXPECT_EQ(golden.size(), 36U);
  EXPECT_EQ(encode(response), golden);
  response.has_read_only = true;
  EXPECT_EQ(encode(response), golden + bytes("00"));
  response.read_only = true;
  EXPECT_EQ(encode(response), golden + bytes("01"));
  const std::string with_flag = golden + bytes("01");
  const auto read = decode<ConnectResponse>(with_flag);
  EXPECT_EQ(read.password, kPassword);
  EXPECT_TRUE(read.read_only);
}

TEST(Headers, RequestIsXidAndOperation) {
  EXPECT_EQ(encode(RequestHeader{.xid = -2, .op = 11}), bytes("fffffffe 0000000b"));
  const auto read = decode<RequestHeader>(bytes("00000007 ffffff95"));
  EXPECT_EQ(read.xid, 7);
  EXPECT_EQ(read.op, -107);
}

TEST(Headers, ReplyIsXidZxidError) {
  const std::string golden = bytes("00000005 0000010000000002 ffffff9b");
  ASSERT_EQ(golden.size(), kReplyHeaderBytes);
  EXPECT_EQ(encode(ReplyHeader{5, 0x10000000002, ErrorCode::kNoNode}), golden);
  EXPECT_EQ(decode<ReplyHeader>(golden).error, ErrorCode::kNoNode);
}

TEST(StatRecord, FieldsAreInTheOrderOfTheProtocol) {
  const Stat stat{.czxid = 1,
                  .mzxid = 2,
                  .ctime_ms = 3,
                  .mtime_ms = 4,
                  .version = 5,
                  .cversion = -1,
                  .aversion = 7,
                  .ephemeral_owner = 8,
                  .data_length = 9,
                  .num_children = 10,
                  .pzxid = 11};
  const std::string golden = bytes(
      "0000000000000001 0000000000000002 0000000000000003 0000000000000004"
      "00000005 ffffffff 00000007 0000000000000008 00000009 0000000a 000000000000000b");
  ASSERT_EQ(golden.size(), kStatBytes);
  EXPECT_EQ(encode(stat), golden);
  EXPECT_EQ(decode<Stat>(golden), stat);
}

TEST(CreateRecord, TtlIsTheLastFieldOfCreateTtlOnly) {
  const CreateRequest create{
      .path = "/a", .data = "d", .acl = {{31, "world", "anyone"}}, .flags = 5, .ttl_ms = 1000};
  const std::string golden = bytes(
      "00000002 '/a' 00000001 'd' 00000001 0000001f 00000005 'world' 00000006 'anyone' 00000005");
  EXPECT_EQ(encode(create, false), golden);
  EXPECT_EQ(encode(create, true), golden + bytes("00000000000003e8"));
  EXPECT_EQ(decode<CreateRequest>(golden, false).ttl_ms, -1);
  const std::string with_ttl = golden + bytes("00000000000003e8");
  const auto read = decode<CreateRequest>(with_ttl, true);
  EXPECT_EQ(read.path, "/a");
  EXPECT_EQ(read.data, "d");
  EXPECT_EQ(read.acl, create.acl);
  EXPECT_EQ(read.flags, 5);
  EXPECT_EQ(read.ttl_ms, 1000);
}

TEST(CreateRecord, NullFieldsAreKept) {
  const auto read = decode<CreateRequest>(bytes("ffffffff ffffffff ffffffff 00000000"), false);
  EXPECT_EQ(read.path, std::nullopt);
  EXPECT_EQ(read.data, std::nullopt);
  EXPECT_TRUE(read.acl.empty());
  const auto null_id =
      decode<CreateRequest>(bytes("00000000 00000000 00000001 0000001f 00000004 'auth' ffffffff "
                                  "00000000"),
                            false);
  ASSERT_EQ(null_id.acl.size(), 1U);
  EXPECT_EQ(null_id.acl[0].id, std::nullopt);
  EXPECT_EQ(null_id.data, "");
}

TEST(RequestRecords, HaveTheBytesOfTheProtocol) {
  EXPECT_EQ(encode(PathVersionRequest{.path = "/a", .version = -1}),
            bytes("00000002 '/a' ffffffff"));
  EXPECT_EQ(encode(SetDataRequest{.path = "/a", .data = std::nullopt, .version = 3}),
            bytes("00000002 '/a' ffffffff 00000003"));
  EXPECT_EQ(encode(SetAclRequest{.path = "/a", .acl = {{1, "ip", "::1"}}, .version = 2}),
            bytes("00000002 '/a' 00000001 00000001 00000002 'ip' 00000003 '::1' 00000002"));
  EXPECT_EQ(encode(PathWatchRequest{.path = "/a", .watch = true}), bytes("00000002 '/a' 01"));
  EXPECT_EQ(encode(PathRequest{.path = std::nullopt}), bytes("ffffffff"));
  EXPECT_EQ(encode(PathModeRequest{.path = "/a", .mode = 1}), bytes("00000002 '/a' 00000001"));
  EXPECT_EQ(encode(AuthRequest{.type = 0, .scheme = "digest", .auth = "u:p"}),
            bytes("00000000 00000006 'digest' 00000003 'u:p'"));
  EXPECT_EQ(encode(MultiHeader::end()), bytes("ffffffff 01 ffffffff"));
  EXPECT_EQ(encode(MultiHeader{.type = 5, .done = false, .error = 0}),
            bytes("00000005 00 00000000"));
  EXPECT_EQ(encode(WatchEvent{.type = EventType::kNodeChildrenChanged, .path = "/"}),
            bytes("00000004 00000003 00000001 '/'"));
}

TEST(SetWatchesRecord, SecondVersionAddsTwoLists) {
  const SetWatchesRequest request{.relative_zxid = 0x55,
                                  .data = {"/d"},
                                  .exist = {},
                                  .child = {"/c", ""},
                                  .persistent = {"/p"},
                                  .persistent_recursive = {"/r"}};
  const std::string golden =
      bytes("0000000000000055 00000001 00000002 '/d' 00000000 00000002 00000002 '/c' 00000000");
  EXPECT_EQ(encode(request, false), golden);
  const std::string added = bytes("00000001 00000002 '/p' 00000001 00000002 '/r'");
  EXPECT_EQ(encode(request, true), golden + added);
  const std::string second = golden + added;
  const auto read = decode<SetWatchesRequest>(second, true);
  EXPECT_EQ(read.relative_zxid, 0x55);
  EXPECT_THAT(read.data, ::testing::ElementsAre("/d"));
  EXPECT_THAT(read.exist, ::testing::IsEmpty());
  EXPECT_THAT(read.child, ::testing::ElementsAre("/c", ""));
  EXPECT_THAT(read.persistent, ::testing::ElementsAre("/p"));
  EXPECT_THAT(read.persistent_recursive, ::testing::ElementsAre("/r"));
}

TEST(SetWatchesRecord, WhatWasThereBeforeIsForgotten) {
  SetWatchesRequest request{.data = {"/old"}, .persistent = {"/old"}};
  const std::string empty = encode(SetWatchesRequest{}, false);
  JuteReader reader(empty);
  request.read(reader, false);
  EXPECT_TRUE(request.data.empty());
  EXPECT_TRUE(request.persistent.empty());
}

// A count that the input cannot hold must not be given memory: the process would be at the mercy
// of four bytes.
TEST(Vectors, HugeCountsAreRefusedBeforeMemoryIsTaken) {
  for (const char* count : {"7fffffff", "10000000", "00000003", "fffffffe", "80000000"}) {
    const std::string in = bytes(count) + std::string(11, '\0');
    JuteReader strings_in(in);
    std::vector<std::string_view> strings;
    read_strings(strings_in, strings);
    EXPECT_FALSE(strings_in.ok()) << count;
    EXPECT_EQ(strings.capacity(), 0U) << count;
    JuteReader acl_in(in);
    std::vector<AclEntry> acl;
    read_acl(acl_in, acl);
    EXPECT_FALSE(acl_in.ok()) << count;
    EXPECT_EQ(acl.capacity(), 0U) << count;
  }
}

TEST(Vectors, FailureInsideStopsReading) {
  // Two strings are announced; the first one's length is bad.
  const std::string in = bytes("00000002 fffffffe 00000000");
  JuteReader reader(in);
  std::vector<std::string_view> strings;
  read_strings(reader, strings);
  EXPECT_FALSE(reader.ok());
  EXPECT_LE(strings.size(), 1U);
}

}  // namespace
}  // namespace topod
