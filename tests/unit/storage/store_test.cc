#include "storage/store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "storage/loader.h"
#include "tests/unit/storage/temporary_folder.h"
#include "tests/unit/storage/tree_model.h"

namespace topod::storage {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  void create(Store::Options options = small_store()) {
    auto store = Store::create(dir_, options, first_, model_.meta(0));
    ASSERT_TRUE(store) << store.error().what;
    store_.emplace(std::move(*store));
  }
  void reopen(Store::Options options = small_store()) {
    store_.reset();
    auto store = Store::open(dir_, options);
    ASSERT_TRUE(store) << store.error().what;
    store_.emplace(std::move(*store));
  }
  void commit(const Checkpoint& checkpoint) {
    const auto done = store_->commit(checkpoint, model_.meta(++zxid_));
    ASSERT_TRUE(done) << done.error().what;
  }
  // What is on the disk is the model.
  void expect_stored() {
    store_.reset();
    TreeModel loaded;
    const auto result = load_tree(dir_, loaded);
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_TRUE(loaded.equals(model_));
    EXPECT_EQ(result->meta, model_.meta(zxid_));
    EXPECT_EQ(result->nodes, model_.nodes.size());
  }

  TemporaryFolder folder_;
  std::string dir_ = folder_ / "tree.1";
  TreeModel model_;
  Checkpoint first_;  // what `create` begins with
  std::optional<Store> store_;
  int64_t zxid_ = 0;
};

TEST_F(StoreTest, WhatWasCommittedIsLoaded) {
  model_.put_acl(AclId(1), "list", first_);
  model_.put_node(sample_node(1, "", ""), first_);
  create();
  Checkpoint checkpoint;
  model_.put_node(sample_node(2, "name", "data"), checkpoint);
  model_.put_session({SessionId(5), 6'000, {1, 2, 3}, ServerId(1), Incarnation(2), {}}, checkpoint);
  model_.put_member({ServerId(1), Incarnation(2), 3}, checkpoint);
  commit(checkpoint);
  expect_stored();
}

TEST_F(StoreTest, ALaterChangeReplacesAnEarlierOneOfTheSameCheckpoint) {
  create();
  Checkpoint checkpoint;
  model_.put_node(sample_node(1, "a", "first"), checkpoint);
  model_.put_node(sample_node(1, "a", "second"), checkpoint);
  model_.put_node(sample_node(2, "b", "gone"), checkpoint);
  model_.remove_node(NodeId(2), checkpoint);
  EXPECT_EQ(checkpoint.entries(), 2U);
  commit(checkpoint);
  expect_stored();
}

TEST_F(StoreTest, NullDataIsNotEmptyData) {
  create();
  Checkpoint checkpoint;
  NodeRow null_row = sample_node(1, "null", "");
  null_row.data_is_null = true;
  model_.put_node(null_row, checkpoint);
  model_.put_node(sample_node(2, "empty", ""), checkpoint);
  commit(checkpoint);
  expect_stored();
  EXPECT_NE(model_.nodes.at(NodeId(1)).row.data_is_null,
            model_.nodes.at(NodeId(2)).row.data_is_null);
}

TEST_F(StoreTest, EveryLengthAroundTheLimitsOfARowIsKept) {
  create();
  Checkpoint checkpoint;
  uint64_t id = 0;
  for (const size_t near : {size_t{0}, limits::kInlineRowBytes, limits::kDataChunkBytes,
                            2 * limits::kDataChunkBytes, kAclChunkBytes, 2 * kAclChunkBytes}) {
    for (size_t bytes = near < 2 ? 0 : near - 2; bytes <= near + 2; ++bytes) {
      const std::string data(bytes, static_cast<char>('a' + bytes % 26));
      model_.put_node(sample_node(++id, "", data), checkpoint);
      model_.put_acl(AclId(static_cast<uint32_t>(id)), data, checkpoint);
    }
  }
  commit(checkpoint);
  expect_stored();
}

TEST_F(StoreTest, ANodeOfOneMebibyteGrowsAndShrinks) {
  create();
  for (const size_t bytes : {size_t{1} << 20, size_t{3'000}, size_t{5}, size_t{1} << 20}) {
    Checkpoint checkpoint;
    model_.put_node(sample_node(1, "name", std::string(bytes, 'x')), checkpoint);
    commit(checkpoint);
  }
  Checkpoint checkpoint;
  model_.put_node(sample_node(2, "name", std::string(size_t{1} << 20, 'y')), checkpoint);
  model_.remove_node(NodeId(1), checkpoint);
  commit(checkpoint);
  EXPECT_EQ(store_->totals().rows[static_cast<size_t>(Table::kData)], 527U);
  expect_stored();
}

TEST_F(StoreTest, NoValueTakesAnOverflowPage) {
  std::mt19937_64 random(1);
  create();
  Checkpoint checkpoint;
  for (int change = 0; change < 500; ++change) model_.change_at_random(random, 10'000, checkpoint);
  commit(checkpoint);
  store_.reset();
  auto environment = lmdb::Environment::open(dir_, {.map_bytes = 1 << 30, .read_only = true});
  ASSERT_TRUE(environment);
  auto transaction = environment->begin_read();
  ASSERT_TRUE(transaction);
  const auto tables = open_tables(*transaction, false);
  ASSERT_TRUE(tables);
  for (const MDB_dbi table : *tables) {
    EXPECT_EQ(transaction->stat(table)->ms_overflow_pages, 0U);
  }
  EXPECT_GT(transaction->stat((*tables)[0])->ms_entries, 50U);
}

TEST_F(StoreTest, RandomChangesOverManyCheckpointsEqualTheModel) {
  const char* full = std::getenv("FULL");
  const int rounds = full != nullptr ? 300 : 30;
  const uint64_t seed = full != nullptr ? std::random_device{}() : 20'261'123;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  create();
  for (int round = 0; round < rounds; ++round) {
    Checkpoint checkpoint;
    const uint64_t changes = random() % 200;
    for (uint64_t change = 0; change < changes; ++change) {
      model_.change_at_random(random, 9'000, checkpoint);
    }
    commit(checkpoint);
    if (random() % 4 == 0) {
      expect_stored();
      reopen();
    }
  }
  expect_stored();
}

TEST_F(StoreTest, AFullMapIsDoubledAndTheCheckpointIsWritten) {
  Store::Options options = small_store();
  options.map_bytes = 256 * 1'024;
  create(options);
  Checkpoint checkpoint;
  for (uint64_t id = 1; id <= 2'000; ++id) {
    model_.put_node(sample_node(id, "name", std::string(1'000, 'x')), checkpoint);
  }
  commit(checkpoint);
  EXPECT_GE(store_->map_bytes(), size_t{2} << 20);
  expect_stored();
}

TEST_F(StoreTest, AFullMapWaitsForSnapshotsToEnd) {
  Store::Options options = small_store();
  options.map_bytes = 256 * 1'024;
  create(options);
  std::optional<Snapshot> snapshot;
  {
    auto taken = store_->snapshot();
    ASSERT_TRUE(taken);
    snapshot.emplace(std::move(*taken));
  }
  Checkpoint checkpoint;
  for (uint64_t id = 1; id <= 2'000; ++id) {
    model_.put_node(sample_node(id, "name", std::string(1'000, 'x')), checkpoint);
  }
  std::thread committer([&] { commit(checkpoint); });
  // Whenever it is that the snapshot ends, the image is that of its beginning and the commit
  // goes through.
  EXPECT_EQ(snapshot->meta()->zxid, Zxid(0));
  snapshot.reset();
  committer.join();
  expect_stored();
}

TEST_F(StoreTest, ASnapshotDoesNotSeeLaterCheckpoints) {
  model_.put_node(sample_node(1, "a", "old"), first_);
  create();
  const auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  Checkpoint checkpoint;
  model_.put_node(sample_node(1, "a", "new"), checkpoint);
  model_.put_node(sample_node(2, "b", "new"), checkpoint);
  commit(checkpoint);
  EXPECT_EQ(snapshot->meta()->zxid, Zxid(0));
  int rows = 0;
  const auto end = snapshot->scan(Table::kNodes, {}, [&](std::string_view, std::string_view value) {
    ++rows;
    EXPECT_TRUE(value.ends_with("old"));
    return true;
  });
  EXPECT_TRUE(end && *end);
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(store_->snapshot()->meta()->zxid, Zxid(1));
}

TEST_F(StoreTest, AScanGoesOnBehindTheKeyItIsGiven) {
  for (uint64_t id = 1; id <= 9; ++id) model_.put_node(sample_node(id, "n", ""), first_);
  create();
  const auto snapshot = store_->snapshot();
  std::string position;
  std::string seen;
  for (bool at_end = false; !at_end;) {
    int left = 2;
    const auto end =
        snapshot->scan(Table::kNodes, position, [&](std::string_view key, std::string_view) {
          if (left-- == 0) return false;
          position.assign(key);
          seen += static_cast<char>('0' + key.back());
          return true;
        });
    ASSERT_TRUE(end);
    at_end = *end;
  }
  EXPECT_EQ(seen, "123456789");
}

TEST_F(StoreTest, AFolderWithoutATreeIsMissing) {
  EXPECT_EQ(Store::open(dir_, small_store()).error().kind, StorageError::Kind::kMissing);
  TreeModel loaded;
  EXPECT_EQ(load_tree(dir_, loaded).error().kind, StorageError::Kind::kMissing);
}

TEST_F(StoreTest, LoadingChangesNothingInTheFolder) {
  create();
  store_.reset();
  std::filesystem::remove(dir_ + "/lock.mdb");
  TreeModel loaded;
  ASSERT_TRUE(load_tree(dir_, loaded));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/lock.mdb"));
}

TEST_F(StoreTest, TheVisitorsReasonIsToldWithThePlace) {
  class Refusing final : public LoadVisitor {
   public:
    bool acl(const AclRow&, std::string&) override { return true; }
    bool node(const NodeRow&, std::string& why) override {
      why = "I do not like it";
      return false;
    }
    bool session(const SessionRow&, std::string&) override { return true; }
    bool member(const MemberRow&, std::string&) override { return true; }
  };
  model_.put_node(sample_node(1, "a", "old"), first_);
  create();
  store_.reset();
  Refusing visitor;
  const auto loaded = load_tree(dir_, visitor);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, StorageError::Kind::kDamaged);
  EXPECT_EQ(loaded.error().what,
            dir_ + "/data.mdb: table nodes, row 0000000000000001: I do not like it");
}

}  // namespace
}  // namespace topod::storage
