#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/state/read_fixture.h"

namespace topod::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kNone = -1;  // zxid of events that no transaction fired

class SetWatchesTest : public ReadTest {
 protected:
  std::vector<Notification> set(const SetWatchesRequest& request, bool has_persistent = false) {
    const Reply reply = ask(has_persistent ? OpCode::kSetWatches2 : OpCode::kSetWatches,
                            encode(request, has_persistent));
    EXPECT_EQ(reply.error, ErrorCode::kOk);
    EXPECT_EQ(reply.body, "");
    return parse_notifications(reply.events);
  }
};

TEST_F(SetWatchesTest, DataWatchIsLeftOnWhatHasNotChanged) {
  EXPECT_THAT(set({.relative_zxid = 10, .data = {"/a"}}), IsEmpty());
  EXPECT_TRUE(watches_.contains(kConnection, "/a", WatcherType::kData));
}

TEST_F(SetWatchesTest, DataWatchOnAChangedNodeIsToldAndSpent) {
  set_mzxid("/a", 11);
  EXPECT_THAT(set({.relative_zxid = 10, .data = {"/a"}}),
              ElementsAre(Notification{kNone, EventType::kNodeDataChanged, "/a"}));
  EXPECT_TRUE(watches_.empty());
}

TEST_F(SetWatchesTest, DataWatchOnAMissingNodeIsToldAndSpent) {
  EXPECT_THAT(set({.relative_zxid = 10, .data = {"/none"}}),
              ElementsAre(Notification{kNone, EventType::kNodeDeleted, "/none"}));
  EXPECT_TRUE(watches_.empty());
}

TEST_F(SetWatchesTest, ExistWatchIsLeftOnAMissingNode) {
  EXPECT_THAT(set({.relative_zxid = 10, .exist = {"/none"}}), IsEmpty());
  EXPECT_TRUE(watches_.contains(kConnection, "/none", WatcherType::kData));
}

TEST_F(SetWatchesTest, ExistWatchOnANodeThatIsThereIsToldAndSpent) {
  EXPECT_THAT(set({.relative_zxid = 1000, .exist = {"/a"}}),
              ElementsAre(Notification{kNone, EventType::kNodeCreated, "/a"}));
  EXPECT_TRUE(watches_.empty());
}

TEST_F(SetWatchesTest, ChildWatchIsLeftWhereNoChildHasComeOrGone) {
  EXPECT_THAT(set({.relative_zxid = 12, .child = {"/a"}}), IsEmpty());
  EXPECT_TRUE(watches_.contains(kConnection, "/a", WatcherType::kChildren));
  EXPECT_FALSE(watches_.contains(kConnection, "/a", WatcherType::kData));
}

TEST_F(SetWatchesTest, ChildWatchIsToldOfChildrenOrDeletion) {
  EXPECT_THAT(set({.relative_zxid = 11, .child = {"/a", "/none"}}),
              ElementsAre(Notification{kNone, EventType::kNodeChildrenChanged, "/a"},
                          Notification{kNone, EventType::kNodeDeleted, "/none"}));
  EXPECT_TRUE(watches_.empty());
}

TEST_F(SetWatchesTest, ChangeOfDataDoesNotConcernAChildWatch) {
  set_mzxid("/a", 100);
  EXPECT_THAT(set({.relative_zxid = 12, .child = {"/a"}}), IsEmpty());
}

TEST_F(SetWatchesTest, PersistentWatchesAreAddedWithoutAWord) {
  EXPECT_THAT(
      set({.relative_zxid = 0, .persistent = {"/a", "/none"}, .persistent_recursive = {"/a", "/r"}},
          true),
      IsEmpty());
  EXPECT_TRUE(watches_.contains(kConnection, "/a", WatcherType::kPersistent));
  EXPECT_TRUE(watches_.contains(kConnection, "/none", WatcherType::kPersistent));
  EXPECT_TRUE(watches_.contains(kConnection, "/a", WatcherType::kPersistentRecursive));
  EXPECT_TRUE(watches_.contains(kConnection, "/r", WatcherType::kPersistentRecursive));
  EXPECT_EQ(watches_.watch_count(), 4U);
}

TEST_F(SetWatchesTest, SetWatchesWithoutTheNewListsIgnoresWhatFollows) {
  const SetWatchesRequest request{.relative_zxid = 100, .data = {"/a"}, .persistent = {"/p"}};
  EXPECT_EQ(ask(OpCode::kSetWatches, encode(request, true)).error, ErrorCode::kOk);
  EXPECT_EQ(watches_.watch_count(), 1U);
}

TEST_F(SetWatchesTest, EventsComeInTheOrderOfTheLists) {
  set_mzxid("/a", 50);
  EXPECT_THAT(set({.relative_zxid = 1, .data = {"/a", "/x"}, .exist = {"/a"}, .child = {"/a"}}),
              ElementsAre(Notification{kNone, EventType::kNodeDataChanged, "/a"},
                          Notification{kNone, EventType::kNodeDeleted, "/x"},
                          Notification{kNone, EventType::kNodeCreated, "/a"},
                          Notification{kNone, EventType::kNodeChildrenChanged, "/a"}));
}

TEST_F(SetWatchesTest, NoPermissionIsAskedFor) {
  add("/secret", "s", 14, {{kPermWrite, "world", "anyone"}});
  EXPECT_THAT(set({.relative_zxid = 1, .data = {"/secret"}}),
              ElementsAre(Notification{kNone, EventType::kNodeDataChanged, "/secret"}));
}

TEST_F(SetWatchesTest, NullListsAndPathsAreHarmless) {
  std::string body;
  JuteWriter out(body);
  out.write_long(0);
  out.write_null();
  out.write_count(1);
  out.write_null();
  out.write_null();
  const Reply reply = ask(OpCode::kSetWatches, body);
  EXPECT_EQ(reply.error, ErrorCode::kOk);
  EXPECT_EQ(parse_notifications(reply.events).size(), 1U) << "the root exists";
}

TEST_F(SetWatchesTest, OneShotWatchWithoutRoomIsToldAtOnceAndSpent) {
  watch_limit_ = 1;
  EXPECT_THAT(set({.relative_zxid = 100, .data = {"/a", "/a/b"}}),
              ElementsAre(Notification{kNone, EventType::kNodeDataChanged, "/a/b"}));
  EXPECT_THAT(set({.relative_zxid = 100, .exist = {"/none"}}),
              ElementsAre(Notification{kNone, EventType::kNodeCreated, "/none"}));
  EXPECT_THAT(set({.relative_zxid = 100, .child = {"/a"}}),
              ElementsAre(Notification{kNone, EventType::kNodeChildrenChanged, "/a"}));
  EXPECT_EQ(watches_.watch_count(), 1U);
  EXPECT_EQ(watches_.refusals(), 3U);
}

TEST_F(SetWatchesTest, PersistentWatchesComeFirstAndAreRefusedOpenly) {
  watch_limit_ = 2;
  SetWatchesRequest request{.relative_zxid = 100, .data = {"/a"}, .persistent = {"/p", "/q"}};
  const Reply told = ask(OpCode::kSetWatches2, encode(request, true));
  EXPECT_EQ(told.error, ErrorCode::kOk);
  EXPECT_EQ(parse_notifications(told.events).size(), 1U);
  request.persistent_recursive = {"/r"};
  EXPECT_EQ(ask(OpCode::kSetWatches2, encode(request, true)).error, ErrorCode::kThrottledOp);
  EXPECT_TRUE(watches_.contains(kConnection, "/q", WatcherType::kPersistent));
}

TEST_F(SetWatchesTest, HundredThousandPathsInOneRequest) {
  std::vector<std::string> paths;
  for (int i = 0; i < 100'000; ++i) paths.push_back("/cells/" + std::to_string(i));
  SetWatchesRequest request{.relative_zxid = 100};
  request.exist.assign(paths.begin(), paths.end());
  EXPECT_THAT(set(request), IsEmpty());
  EXPECT_EQ(watches_.count_of(kConnection), paths.size());
  EXPECT_THAT(fire(EventType::kNodeCreated, paths.back()), ElementsAre(kConnection));
}

TEST_F(ReadTest, AddWatchAnswersAnErrorCodeAsItsBody) {
  const Reply reply = ask_mode(OpCode::kAddWatch, "/none", 0);
  EXPECT_EQ(reply.error, ErrorCode::kOk);
  EXPECT_EQ(reply.body, std::string(4, '\0'));
  EXPECT_TRUE(watches_.contains(kConnection, "/none", WatcherType::kPersistent));
  EXPECT_EQ(ask_mode(OpCode::kAddWatch, "/none", 1).error, ErrorCode::kOk);
  EXPECT_TRUE(watches_.contains(kConnection, "/none", WatcherType::kPersistentRecursive));
}

TEST_F(ReadTest, AddWatchChecksNeitherPathNorPermission) {
  add("/secret", "s", 14, {{kPermWrite, "world", "anyone"}});
  for (const char* path : {"/secret", "no/path/at//all", "/a/"}) {
    EXPECT_EQ(ask_mode(OpCode::kAddWatch, path, 1).error, ErrorCode::kOk) << path;
  }
}

TEST_F(ReadTest, AddWatchRefusesOtherModes) {
  for (const int32_t mode : {-1, 2, 3, 256, INT32_MIN}) {
    EXPECT_EQ(ask_mode(OpCode::kAddWatch, "/a", mode).error, ErrorCode::kMarshallingError) << mode;
  }
  EXPECT_TRUE(watches_.empty());
}

TEST_F(ReadTest, AddWatchBeyondTheLimitIsRefused) {
  watch_limit_ = 1;
  EXPECT_EQ(ask_mode(OpCode::kAddWatch, "/a", 0).error, ErrorCode::kOk);
  EXPECT_EQ(ask_mode(OpCode::kAddWatch, "/b", 0).error, ErrorCode::kThrottledOp);
}

TEST_F(ReadTest, CheckWatchesFindsAndLeaves) {
  watches_.add(kConnection, "/a", Watches::kData);
  EXPECT_EQ(ask_mode(OpCode::kCheckWatches, "/a", 2).error, ErrorCode::kOk);
  EXPECT_EQ(ask_mode(OpCode::kCheckWatches, "/a", 3).error, ErrorCode::kOk);
  for (const int32_t type : {1, 4, 5}) {
    EXPECT_EQ(ask_mode(OpCode::kCheckWatches, "/a", type).error, ErrorCode::kNoWatcher) << type;
  }
  EXPECT_EQ(ask_mode(OpCode::kCheckWatches, "/b", 3).error, ErrorCode::kNoWatcher);
  EXPECT_EQ(watches_.watch_count(), 1U);
}

TEST_F(ReadTest, RemoveWatchesRemovesOnlyItsType) {
  const std::vector<std::pair<int32_t, Watches::Kind>> kinds = {{1, Watches::kChild},
                                                                {2, Watches::kData},
                                                                {4, Watches::kPersistent},
                                                                {5, Watches::kPersistentRecursive}};
  for (const auto& [type, kind] : kinds) watches_.add(kConnection, "/a", kind);
  uint64_t left = kinds.size();
  for (const auto& [type, kind] : kinds) {
    const Reply reply = ask_mode(OpCode::kRemoveWatches, "/a", type);
    EXPECT_EQ(reply.error, ErrorCode::kOk) << type;
    EXPECT_EQ(reply.events, "") << "the client makes the event itself";
    EXPECT_EQ(watches_.watch_count(), --left) << type;
    EXPECT_EQ(ask_mode(OpCode::kRemoveWatches, "/a", type).error, ErrorCode::kNoWatcher) << type;
  }
}

TEST_F(ReadTest, WatchesOfOtherConnectionsAreNotFound) {
  watches_.add(ConnectionId(8), "/a", Watches::kData);
  EXPECT_EQ(ask_mode(OpCode::kCheckWatches, "/a", 3).error, ErrorCode::kNoWatcher);
  EXPECT_EQ(ask_mode(OpCode::kRemoveWatches, "/a", 3).error, ErrorCode::kNoWatcher);
  EXPECT_EQ(watches_.watch_count(), 1U);
}

TEST_F(ReadTest, OtherWatcherTypesCannotBeDecoded) {
  watches_.add(kConnection, "/a", Watches::kData);
  for (const OpCode op : {OpCode::kCheckWatches, OpCode::kRemoveWatches}) {
    for (const int32_t type : {-1, 0, 6, 7, 258}) {
      EXPECT_EQ(ask_mode(op, "/a", type).error, ErrorCode::kMarshallingError) << type;
    }
  }
}

}  // namespace
}  // namespace topod::state
