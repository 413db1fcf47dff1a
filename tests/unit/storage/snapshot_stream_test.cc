#include "storage/snapshot_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "storage/data_dir.h"
#include "storage/loader.h"
#include "tests/unit/storage/temporary_folder.h"
#include "tests/unit/storage/tree_model.h"

namespace topod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kPieceBytes = size_t{16} << 10;

// A sender's tree of every kind of row, and room for a receiver's.
class SnapshotStreamTest : public ::testing::Test {
 protected:
  void make_source(uint64_t nodes) {
    Checkpoint first;
    for (uint32_t id = 0; id < 20; ++id) {
      model_.put_acl(AclId(id), std::string(id * 500, 'l'), first);
    }
    for (uint64_t id = 1; id <= nodes; ++id) {
      const std::string data(id % 500 == 0 ? 100'000 : id % 200, static_cast<char>(id));
      model_.put_node(sample_node(id, "name" + std::to_string(id), data), first);
      if (id % 100 != 0) continue;
      const auto number = static_cast<uint32_t>(id);
      model_.put_session({SessionId(number), 6'000, {}, ServerId(2), {}, {}}, first);
      model_.put_member({ServerId(number), Incarnation(id), id, {3}}, first);
    }
    auto store = Store::create(folder_ / "source", small_store(), first, model_.meta(100));
    ASSERT_TRUE(store) << store.error().what;
    store_.emplace(std::move(*store));
  }
  SnapshotSource source(size_t piece_bytes = kPieceBytes) {
    auto snapshot = store_->snapshot();
    CHECK(snapshot.has_value());
    auto source = SnapshotSource::open(std::move(*snapshot), piece_bytes);
    CHECK(source.has_value());
    return std::move(*source);
  }
  static std::vector<SnapshotPiece> pieces_of(SnapshotSource& source) {
    std::vector<SnapshotPiece> pieces;
    while (true) {
      SnapshotPiece piece;
      const auto more = source.next(piece);
      CHECK_MSG(more.has_value(), more.error().what.c_str());
      if (!*more) return pieces;
      pieces.push_back(std::move(piece));
    }
  }
  Expected<std::unique_ptr<SnapshotSink>> try_sink(const std::string& meta) {
    return SnapshotSink::create(received_, options_, meta, ServerId(9));
  }
  std::unique_ptr<SnapshotSink> sink(const SnapshotSource& from) {
    auto sink = try_sink(from.encoded_meta());
    CHECK_MSG(sink.has_value(), sink.error().what.c_str());
    return std::move(*sink);
  }
  // Everything arrives.
  void transfer() {
    SnapshotSource from = source();
    auto to = sink(from);
    for (const SnapshotPiece& piece : pieces_of(from)) {
      const auto added = to->add(piece);
      ASSERT_TRUE(added) << added.error().what;
    }
    const auto done = to->finish(from.sums());
    ASSERT_TRUE(done) << done.error().what;
  }
  static std::string all_rows(const Store& store) {
    std::string rows;
    const auto snapshot = store.snapshot();
    for (size_t table = 0; table < kCountedTables; ++table) {
      rows += std::string("table ") + name_of(static_cast<Table>(table)) + "\n";
      const auto end = snapshot->scan(static_cast<Table>(table), {}, [&](auto key, auto value) {
        rows.append(key).append(value);
        return true;
      });
      CHECK(end.has_value() && *end);
    }
    return rows;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TemporaryFolder folder_;
  const std::string received_ = folder_ / "tree.2";
  SnapshotSink::Options options_{.map_bytes = size_t{1} << 30, .transaction_rows = 1'000};
  TreeModel model_;
  std::optional<Store> store_;
};

TEST_F(SnapshotStreamTest, TablesOfSenderAndReceiverAreByteIdentical) {
  make_source(10'000);
  transfer();
  TreeModel loaded;
  const auto result = load_tree(received_, loaded);
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_TRUE(loaded.equals(model_));
  const auto received = Store::open(received_, small_store());
  ASSERT_TRUE(received) << received.error().what;
  EXPECT_TRUE(all_rows(*received) == all_rows(*store_));
}

TEST_F(SnapshotStreamTest, TheReceiverKeepsItsOwnServerPromisesAndLog) {
  make_source(10);
  transfer();
  TreeModel loaded;
  const auto result = load_tree(received_, loaded);
  ASSERT_TRUE(result) << result.error().what;
  CheckpointMeta expected = model_.meta(100);
  expected.server = ServerId(9);
  expected.accepted_epoch = expected.current_epoch = Epoch();
  expected.log_segment = expected.log_offset_bytes = 0;
  EXPECT_EQ(result->meta, expected);
}

TEST_F(SnapshotStreamTest, WritesThatGoOnMeanwhileDoNotArrive) {
  make_source(2'000);
  const std::string before = all_rows(*store_);
  SnapshotSource from = source();
  auto to = sink(from);
  std::mt19937_64 random(5);
  TreeModel changed = model_;
  for (int64_t zxid = 101;; ++zxid) {
    SnapshotPiece piece;
    const auto more = from.next(piece);
    ASSERT_TRUE(more) << more.error().what;
    if (!*more) break;
    ASSERT_TRUE(to->add(piece));
    Checkpoint checkpoint;
    for (int i = 0; i < 20; ++i) changed.change_at_random(random, 5'000, checkpoint);
    ASSERT_TRUE(store_->commit(checkpoint, changed.meta(zxid)));
  }
  ASSERT_TRUE(to->finish(from.sums()));
  const auto received = Store::open(received_, small_store());
  ASSERT_TRUE(received);
  EXPECT_TRUE(all_rows(*received) == before);
  EXPECT_FALSE(all_rows(*store_) == before);
}

TEST_F(SnapshotStreamTest, AReceivedTreeTakesFurtherCheckpoints) {
  make_source(500);
  transfer();
  Checkpoint checkpoint;
  std::mt19937_64 random(6);
  for (int i = 0; i < 200; ++i) model_.change_at_random(random, 5'000, checkpoint);
  {
    auto received = Store::open(received_, small_store());
    ASSERT_TRUE(received && received->commit(checkpoint, model_.meta(101)));
  }
  TreeModel loaded;
  const auto result = load_tree(received_, loaded);
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_TRUE(loaded.equals(model_));
}

TEST_F(SnapshotStreamTest, AMapThatIsTooSmallGrows) {
  options_.map_bytes = size_t{64} << 10;
  make_source(2'000);
  transfer();
  TreeModel loaded;
  ASSERT_TRUE(load_tree(received_, loaded));
  EXPECT_TRUE(loaded.equals(model_));
}

TEST_F(SnapshotStreamTest, AnInterruptionAnywhereLeavesNothingBehind) {
  make_source(1'000);
  SnapshotSource from = source();
  const std::vector<SnapshotPiece> pieces = pieces_of(from);
  ASSERT_GT(pieces.size(), 10U);
  for (size_t count = 0; count <= pieces.size(); ++count) {
    {
      auto to = sink(from);
      for (size_t index = 0; index < count; ++index) ASSERT_TRUE(to->add(pieces[index]));
    }
    ASSERT_THAT(names(), ElementsAre("source")) << "after " << count << " pieces";
  }
}

TEST_F(SnapshotStreamTest, TheRestOfAProcessThatDiedIsNoTree) {
  make_source(1'000);
  SnapshotSource from = source();
  const std::vector<SnapshotPiece> pieces = pieces_of(from);
  {
    auto to = sink(from);
    for (size_t index = 0; index < 5; ++index) ASSERT_TRUE(to->add(pieces[index]));
    std::filesystem::copy(received_ + ".new", folder_ / "kept");
  }
  std::filesystem::rename(folder_ / "kept", received_ + ".new");
  transfer();
  EXPECT_THAT(names(), ElementsAre("source", "tree.2"));
}

TEST_F(SnapshotStreamTest, AnExistingTreeIsNeverReplaced) {
  make_source(10);
  transfer();
  const auto again = try_sink(source().encoded_meta());
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().what, HasSubstr("exists already"));
}

TEST_F(SnapshotStreamTest, AnyChangedByteIsNoticed) {
  make_source(300);
  SnapshotSource from = source(1'000);
  const std::vector<SnapshotPiece> pieces = pieces_of(from);
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    SnapshotPiece piece = pieces.front();
    const size_t at = random() % piece.rows.size();
    piece.rows[at] = static_cast<char>(piece.rows[at] ^ (1 << random() % 8));
    EXPECT_FALSE(sink(from)->add(piece)) << "byte " << at;
    // A sender that computes hashes of pieces over damaged rows.
    piece.hash = XXH3_64bits(piece.rows.data(), piece.rows.size());
    const auto added = sink(from)->add(piece);
    ASSERT_FALSE(added) << "byte " << at;
    EXPECT_EQ(added.error().kind, StorageError::Kind::kDamaged);
  }
}

TEST_F(SnapshotStreamTest, PiecesMustComeInOrderAndOnce) {
  make_source(1'000);
  SnapshotSource from = source();
  std::vector<SnapshotPiece> pieces = pieces_of(from);
  auto to = sink(from);
  EXPECT_FALSE(to->add(pieces[1]));
  to = sink(from);
  ASSERT_TRUE(to->add(pieces[0]));
  EXPECT_FALSE(to->add(pieces[0]));
  to = sink(from);
  pieces[1].number = 1;
  ASSERT_TRUE(to->add(pieces[1]));
  pieces[0].number = 2;
  const auto added = to->add(pieces[0]);
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().what, HasSubstr("out of order"));
}

TEST_F(SnapshotStreamTest, ATreeThatIsNotWhatWasSentIsRefused) {
  make_source(1'000);
  SnapshotSource from = source();
  const std::vector<SnapshotPiece> pieces = pieces_of(from);
  const auto finish = [&](size_t count, const SnapshotSums& sums) {
    auto to = sink(from);
    for (size_t index = 0; index < count; ++index) CHECK(to->add(pieces[index]).has_value());
    const bool finished = to->finish(sums).has_value();
    to.reset();
    return finished || std::filesystem::exists(received_);
  };
  EXPECT_FALSE(finish(pieces.size() - 1, from.sums()));
  SnapshotSums sums = from.sums();
  ++sums.rows;
  EXPECT_FALSE(finish(pieces.size(), sums));
  sums = from.sums();
  sums.hash[3] ^= 1;
  EXPECT_FALSE(finish(pieces.size(), sums));
  EXPECT_TRUE(finish(pieces.size(), from.sums()));
}

TEST_F(SnapshotStreamTest, ADamagedOrNewerCheckpointIsRefused) {
  make_source(10);
  std::string meta = source().encoded_meta();
  meta[40] ^= 1;
  EXPECT_FALSE(try_sink(meta));
  EXPECT_FALSE(try_sink(""));
  CheckpointMeta newer = model_.meta(1);
  std::string row;
  encode(newer, row);
  row[8] = 9;  // the format's version
  seal_row(Table::kMeta, kCheckpointKey, row.data(), row.size());
  const auto sink = try_sink(row);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().kind, StorageError::Kind::kNewerVersion);
}

TEST_F(SnapshotStreamTest, ADamagedRowOfTheSenderDoesNotLeave) {
  make_source(100);
  store_.reset();
  const std::string file = folder_ / "source/data.mdb";
  std::string bytes;
  {
    std::ifstream in(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const size_t at = bytes.find("name57");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'N';
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  auto store = Store::open(folder_ / "source", small_store());
  ASSERT_TRUE(store);
  store_.emplace(std::move(*store));
  SnapshotSource from = source(1'000);
  SnapshotPiece piece;
  Expected<bool> more = true;
  while (more && *more) more = from.next(piece);
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().what, HasSubstr("whose hash is wrong"));
}

}  // namespace
}  // namespace topod::storage
