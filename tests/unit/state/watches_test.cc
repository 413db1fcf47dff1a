#include "server/state/watches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;

constexpr ConnectionId kAnn{1};
constexpr ConnectionId kBob{2};
constexpr ConnectionId kCy{3};

class WatchesTest : public ::testing::Test {
 protected:
  std::vector<ConnectionId> fire(EventType type, std::string_view path) {
    std::vector<ConnectionId> connections;
    watches_.fire(type, path, connections);
    return connections;
  }
  std::vector<ConnectionId> created(std::string_view path) {
    return fire(EventType::kNodeCreated, path);
  }
  std::vector<ConnectionId> deleted(std::string_view path) {
    return fire(EventType::kNodeDeleted, path);
  }
  std::vector<ConnectionId> changed(std::string_view path) {
    return fire(EventType::kNodeDataChanged, path);
  }
  std::vector<ConnectionId> children_changed(std::string_view path) {
    return fire(EventType::kNodeChildrenChanged, path);
  }

  Watches watches_;
};

TEST_F(WatchesTest, DataWatchHearsOfCreationChangeAndDeletionOnce) {
  for (const EventType type :
       {EventType::kNodeCreated, EventType::kNodeDataChanged, EventType::kNodeDeleted}) {
    watches_.add(kAnn, "/a", Watches::kData);
    EXPECT_THAT(fire(type, "/a"), ElementsAre(kAnn));
    EXPECT_THAT(fire(type, "/a"), IsEmpty());
    EXPECT_TRUE(watches_.empty());
  }
}

TEST_F(WatchesTest, DataWatchDoesNotHearOfChildren) {
  watches_.add(kAnn, "/a", Watches::kData);
  EXPECT_THAT(children_changed("/a"), IsEmpty());
  EXPECT_THAT(changed("/a/b"), IsEmpty());
  EXPECT_THAT(changed("/"), IsEmpty());
  EXPECT_EQ(watches_.watch_count(), 1U);
}

TEST_F(WatchesTest, ChildWatchHearsOfChildrenAndDeletionOnly) {
  watches_.add(kAnn, "/a", Watches::kChild);
  EXPECT_THAT(created("/a"), IsEmpty());
  EXPECT_THAT(changed("/a"), IsEmpty());
  EXPECT_THAT(children_changed("/a"), ElementsAre(kAnn));
  EXPECT_TRUE(watches_.empty());
  watches_.add(kAnn, "/a", Watches::kChild);
  EXPECT_THAT(deleted("/a"), ElementsAre(kAnn));
  EXPECT_TRUE(watches_.empty());
}

TEST_F(WatchesTest, DeletionIsToldOnceToWhoWatchesDataAndChildren) {
  watches_.add(kBob, "/a", Watches::kChild);
  watches_.add(kAnn, "/a", Watches::kChild);
  watches_.add(kAnn, "/a", Watches::kData);
  EXPECT_THAT(deleted("/a"), ElementsAre(kAnn, kBob));
  EXPECT_TRUE(watches_.empty());
}

TEST_F(WatchesTest, SettingAWatchAgainChangesNothing) {
  watches_.add(kAnn, "/a", Watches::kData);
  watches_.add(kAnn, "/a", Watches::kData);
  EXPECT_EQ(watches_.watch_count(), 1U);
  EXPECT_THAT(changed("/a"), ElementsAre(kAnn));
  EXPECT_TRUE(watches_.empty());
}

TEST_F(WatchesTest, PersistentWatchHearsOfNodeAndChildrenAndStays) {
  watches_.add(kAnn, "/a", Watches::kPersistent);
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(created("/a"), ElementsAre(kAnn));
    EXPECT_THAT(changed("/a"), ElementsAre(kAnn));
    EXPECT_THAT(children_changed("/a"), ElementsAre(kAnn));
    EXPECT_THAT(deleted("/a"), ElementsAre(kAnn));
  }
  EXPECT_THAT(created("/a/b"), IsEmpty());
  EXPECT_EQ(watches_.watch_count(), 1U);
}

TEST_F(WatchesTest, RecursiveWatchHearsOfEverythingBelowButNotOfChildren) {
  watches_.add(kAnn, "/a", Watches::kPersistentRecursive);
  for (const char* path : {"/a", "/a/b", "/a/b/c"}) {
    EXPECT_THAT(created(path), ElementsAre(kAnn)) << path;
    EXPECT_THAT(changed(path), ElementsAre(kAnn)) << path;
    EXPECT_THAT(deleted(path), ElementsAre(kAnn)) << path;
    EXPECT_THAT(children_changed(path), IsEmpty()) << path;
  }
  for (const char* path : {"/", "/ab", "/b", "/ab/c"})
    EXPECT_THAT(changed(path), IsEmpty()) << path;
}

TEST_F(WatchesTest, RecursiveWatchOfTheRootHearsOfEverything) {
  watches_.add(kAnn, "/", Watches::kPersistentRecursive);
  EXPECT_THAT(created("/a"), ElementsAre(kAnn));
  EXPECT_THAT(changed("/"), ElementsAre(kAnn));
  EXPECT_THAT(deleted("/a/b/c/d"), ElementsAre(kAnn));
  EXPECT_THAT(children_changed("/"), IsEmpty());
}

TEST_F(WatchesTest, ManyRecursiveWatchesOnOneLineTellOnce) {
  watches_.add(kAnn, "/", Watches::kPersistentRecursive);
  watches_.add(kAnn, "/a", Watches::kPersistentRecursive);
  watches_.add(kAnn, "/a/b", Watches::kData);
  watches_.add(kBob, "/a/b", Watches::kPersistentRecursive);
  EXPECT_THAT(changed("/a/b"), ElementsAre(kAnn, kBob));
  EXPECT_EQ(watches_.watch_count(), 3U);
}

TEST_F(WatchesTest, OnlyTheOneShotPartOfAMixIsConsumed) {
  watches_.add(kAnn, "/a", Watches::kData);
  watches_.add(kAnn, "/a", Watches::kPersistent);
  watches_.add(kAnn, "/a", Watches::kPersistentRecursive);
  EXPECT_THAT(changed("/a"), ElementsAre(kAnn));
  EXPECT_FALSE(watches_.contains(kAnn, "/a", WatcherType::kData));
  EXPECT_TRUE(watches_.contains(kAnn, "/a", WatcherType::kPersistent));
  EXPECT_TRUE(watches_.contains(kAnn, "/a", WatcherType::kPersistentRecursive));
  EXPECT_THAT(changed("/a"), ElementsAre(kAnn));
}

TEST_F(WatchesTest, ConnectionsAreToldInAscendingOrder) {
  for (const ConnectionId id : {kCy, kAnn, kBob}) watches_.add(id, "/a", Watches::kData);
  EXPECT_THAT(changed("/a"), ElementsAre(kAnn, kBob, kCy));
}

TEST_F(WatchesTest, TypesFindExactlyTheirKind) {
  watches_.add(kAnn, "/child", Watches::kChild);
  watches_.add(kAnn, "/data", Watches::kData);
  watches_.add(kAnn, "/persistent", Watches::kPersistent);
  watches_.add(kAnn, "/recursive", Watches::kPersistentRecursive);
  const std::map<std::string, WatcherType> types = {
      {"/child", WatcherType::kChildren},
      {"/data", WatcherType::kData},
      {"/persistent", WatcherType::kPersistent},
      {"/recursive", WatcherType::kPersistentRecursive}};
  for (const auto& [path, own_type] : types) {
    for (const auto& [other_path, type] : types) {
      EXPECT_EQ(watches_.contains(kAnn, path, type), type == own_type) << path;
    }
    EXPECT_TRUE(watches_.contains(kAnn, path, WatcherType::kAny)) << path;
    EXPECT_FALSE(watches_.contains(kBob, path, WatcherType::kAny)) << path;
    EXPECT_FALSE(watches_.contains(kAnn, path + "/x", WatcherType::kAny)) << path;
  }
}

TEST_F(WatchesTest, RemovalTakesOneTypeAndLeavesTheOthers) {
  watches_.add(kAnn, "/a", Watches::kData);
  watches_.add(kAnn, "/a", Watches::kChild);
  watches_.add(kBob, "/a", Watches::kData);
  EXPECT_TRUE(watches_.remove(kAnn, "/a", WatcherType::kData));
  EXPECT_FALSE(watches_.remove(kAnn, "/a", WatcherType::kData));
  EXPECT_FALSE(watches_.remove(kCy, "/a", WatcherType::kAny));
  EXPECT_THAT(changed("/a"), ElementsAre(kBob));
  EXPECT_THAT(children_changed("/a"), ElementsAre(kAnn));
}

TEST_F(WatchesTest, RemovalOfAnyTakesEverythingOnThePath) {
  for (const Watches::Kind kind :
       {Watches::kData, Watches::kChild, Watches::kPersistent, Watches::kPersistentRecursive}) {
    watches_.add(kAnn, "/a", kind);
  }
  EXPECT_EQ(watches_.watch_count(), 4U);
  EXPECT_TRUE(watches_.remove(kAnn, "/a", WatcherType::kAny));
  EXPECT_TRUE(watches_.empty());
  EXPECT_THAT(deleted("/a"), IsEmpty());
}

TEST_F(WatchesTest, ClosedConnectionLeavesNothingBehind) {
  for (int i = 0; i < 100; ++i) {
    watches_.add(kAnn, "/a/" + std::to_string(i), Watches::kData);
    watches_.add(kBob, "/a/" + std::to_string(i / 2), Watches::kPersistentRecursive);
  }
  watches_.remove_connection(kAnn);
  watches_.remove_connection(kCy);
  EXPECT_EQ(watches_.watch_count(), 50U);
  EXPECT_EQ(watches_.path_count(), 50U);
  EXPECT_EQ(watches_.connection_count(), 1U);
  EXPECT_EQ(watches_.count_of(kAnn), 0U);
  EXPECT_THAT(changed("/a/7"), ElementsAre(kBob));
  watches_.remove_connection(kBob);
  EXPECT_TRUE(watches_.empty());
  EXPECT_THAT(watches_.by_path(), IsEmpty());
}

TEST_F(WatchesTest, LimitStopsNewWatchesOnly) {
  EXPECT_TRUE(watches_.add(kAnn, "/a", Watches::kData, 2));
  EXPECT_TRUE(watches_.add(kAnn, "/a", Watches::kChild, 2));
  EXPECT_FALSE(watches_.add(kAnn, "/b", Watches::kData, 2));
  EXPECT_FALSE(watches_.add(kAnn, "/a", Watches::kPersistent, 2));
  EXPECT_TRUE(watches_.add(kAnn, "/a", Watches::kData, 2)) << "set before";
  EXPECT_TRUE(watches_.add(kBob, "/b", Watches::kData, 2)) << "another connection";
  EXPECT_EQ(watches_.path_count(), 2U);
  EXPECT_THAT(changed("/a"), ElementsAre(kAnn));
  EXPECT_TRUE(watches_.add(kAnn, "/b", Watches::kData, 2)) << "room again";
}

TEST_F(WatchesTest, EmptyPathIsTheRoot) {
  watches_.add(kAnn, "", Watches::kChild);
  EXPECT_TRUE(watches_.contains(kAnn, "/", WatcherType::kChildren));
  EXPECT_THAT(children_changed("/"), ElementsAre(kAnn));
}

TEST_F(WatchesTest, PathsThatCannotExistAreHarmless) {
  for (const char* path : {"a", "//", "/a/", "a/b", "\x01"}) {
    watches_.add(kAnn, path, Watches::kPersistentRecursive);
    EXPECT_THAT(changed(path), ElementsAre(kAnn));
  }
  EXPECT_THAT(changed("/a/b"), IsEmpty());
}

TEST_F(WatchesTest, DumpListsConnectionsByPathInOrderButNoChildWatches) {
  watches_.add(kBob, "/c", Watches::kChild);
  watches_.add(kBob, "/b", Watches::kPersistentRecursive);
  watches_.add(kBob, "/a", Watches::kData);
  watches_.add(kAnn, "/b", Watches::kPersistent);
  watches_.add(kCy, "/b", Watches::kChild);
  const auto by_path = watches_.by_path();
  EXPECT_THAT(by_path, ElementsAre(Key("/a"), Key("/b")));
  EXPECT_THAT(by_path.at("/b"), ElementsAre(kAnn, kBob));
}

TEST_F(WatchesTest, SummaryCountsWhatTheDumpLists) {
  EXPECT_EQ(watches_.summary().pairs, 0U);
  watches_.add(kAnn, "/a", Watches::kData);
  watches_.add(kAnn, "/a", Watches::kPersistent);
  watches_.add(kAnn, "/b", Watches::kPersistentRecursive);
  watches_.add(kBob, "/a", Watches::kData);
  watches_.add(kCy, "/c", Watches::kChild);
  const Watches::Summary summary = watches_.summary();
  EXPECT_EQ(summary.connections, 2U);
  EXPECT_EQ(summary.paths, 2U);
  EXPECT_EQ(summary.pairs, 3U);
}

TEST_F(WatchesTest, MillionWatchesComeAndGo) {
  constexpr int kPaths = 100'000;
  constexpr uint64_t kConnections = 10;
  for (uint64_t connection = 1; connection <= kConnections; ++connection) {
    for (int i = 0; i < kPaths; ++i) {
      watches_.add(ConnectionId(connection), "/topology/cells/" + std::to_string(i),
                   Watches::kData);
    }
  }
  EXPECT_EQ(watches_.watch_count(), kConnections * kPaths);
  EXPECT_EQ(watches_.path_count(), uint64_t{kPaths});
  for (int i = 0; i < kPaths; i += 2) {
    EXPECT_EQ(changed("/topology/cells/" + std::to_string(i)).size(), kConnections);
  }
  EXPECT_EQ(watches_.watch_count(), kConnections * kPaths / 2);
  for (uint64_t connection = 1; connection <= kConnections; ++connection) {
    watches_.remove_connection(ConnectionId(connection));
  }
  EXPECT_TRUE(watches_.empty());
  EXPECT_EQ(watches_.path_count(), 0U);
}

}  // namespace
}  // namespace topod::state
