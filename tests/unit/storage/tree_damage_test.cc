// Damage to the file of a stored tree: either it is found, or it does no harm, now and after the
// next checkpoint.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "storage/lmdb_pages.h"
#include "storage/loader.h"
#include "storage/store.h"
#include "tests/unit/storage/temporary_folder.h"
#include "tests/unit/storage/tree_model.h"

namespace topod::storage {
namespace {

constexpr size_t kPageBytes = 4'096;

class TreeDamageTest : public ::testing::Test {
 protected:
  // A tree of every kind of row, with free pages, after several checkpoints.
  void SetUp() override {
    Checkpoint first;
    for (uint32_t id = 0; id < 3; ++id) model_.put_acl(AclId(id), "some list", first);
    model_.put_acl(AclId(3), std::string(5'000, 'l'), first);
    for (uint64_t id = 1; id <= 60; ++id) {
      model_.put_node(sample_node(id, "name", std::string(id * 7, 'd')), first);
    }
    auto store = Store::create(dir_, small_store(), first, model_.meta(++zxid_));
    ASSERT_TRUE(store) << store.error().what;
    for (uint64_t id = 1; id <= 4; ++id) {
      Checkpoint checkpoint;
      model_.put_node(sample_node(id * 11, "name", std::string(id * 1'500, 'e')), checkpoint);
      model_.remove_node(NodeId(id * 11 + 1), checkpoint);
      model_.put_session({SessionId(static_cast<int64_t>(id)), 6'000, {}, {}, {}, {}}, checkpoint);
      model_.put_member({ServerId(static_cast<uint32_t>(id)), Incarnation(id), id}, checkpoint);
      before_last_ = contents();
      ASSERT_TRUE(store->commit(checkpoint, model_.meta(++zxid_)));
    }
    whole_ = contents();
    whole_.resize(store->used_bytes());
  }

  [[nodiscard]] std::string file() const { return dir_ + "/data.mdb"; }
  [[nodiscard]] std::string contents() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void set_contents(std::string_view bytes) const {
    std::ofstream out(file(), std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(out.good());
  }
  void set_bytes(size_t offset, std::string_view bytes) const {
    const int fd = ::open(file().c_str(), O_WRONLY);
    ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
    ::close(fd);
  }

  // True: found. False: what is loaded is what was written.
  bool is_found() {
    TreeModel loaded;
    const auto result = load_tree(dir_, loaded);
    if (!result) {
      EXPECT_EQ(result.error().kind, StorageError::Kind::kDamaged) << result.error().what;
      return true;
    }
    EXPECT_TRUE(loaded.equals(model_));
    EXPECT_EQ(result->meta, model_.meta(zxid_));
    return false;
  }
  // After damage that was not found: two more checkpoints, which reuse the free pages.
  void expect_harmless_later() {
    TreeModel later = model_;
    {
      auto store = Store::open(dir_, small_store());
      ASSERT_TRUE(store) << store.error().what;
      for (int64_t round = 1; round <= 3; ++round) {
        Checkpoint checkpoint;
        for (uint64_t id = 1; id <= 20; ++id) {
          later.put_node(sample_node(id * 3 + static_cast<uint64_t>(round), "later", "x"),
                         checkpoint);
        }
        ASSERT_TRUE(store->commit(checkpoint, later.meta(zxid_ + round)));
      }
    }
    TreeModel loaded;
    const auto result = load_tree(dir_, loaded);
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_TRUE(loaded.equals(later));
  }

  TemporaryFolder folder_;
  std::string dir_ = folder_ / "tree.1";
  TreeModel model_;
  int64_t zxid_ = 0;
  std::string whole_;        // the file, without the space kept ahead
  std::string before_last_;  // the file at the checkpoint before
};

TEST_F(TreeDamageTest, AnUndamagedFileHasNoPageUnaccountedFor) {
  const auto counts = check_pages(posix_file_system(), file());
  ASSERT_TRUE(counts) << counts.error().what;
  EXPECT_EQ(counts->used + counts->free, counts->pages);
  EXPECT_EQ(counts->pages, whole_.size() / kPageBytes);
  EXPECT_GT(counts->free, 0U);
}

TEST_F(TreeDamageTest, EveryFlippedByteIsFoundOrDoesNoHarm) {
  const bool full = std::getenv("FULL") != nullptr;
  const uint64_t seed = full ? std::random_device{}() : 7;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  uint64_t found = 0;
  uint64_t harmless = 0;
  // By default one byte in a few of the bodies, but all of the headers and the metas.
  const size_t stride = full ? 1 : 7;
  for (size_t offset = 0; offset < whole_.size(); ++offset) {
    const bool in_header = offset % kPageBytes < 160;
    if (!in_header && offset % stride != 0) continue;
    const char flipped =
        static_cast<char>(whole_[offset] ^ (random() % 2 == 0 ? 0xff : 1 << random() % 8));
    set_bytes(offset, {&flipped, 1});
    SCOPED_TRACE("byte " + std::to_string(offset) + " of page " +
                 std::to_string(offset / kPageBytes));
    if (is_found()) {
      ++found;
      set_bytes(offset, {&whole_[offset], 1});
    } else if (++harmless % 40 == 0) {
      expect_harmless_later();
      set_contents(whole_);
    } else {
      set_bytes(offset, {&whole_[offset], 1});
    }
    if (HasFailure()) return;
  }
  // Unused space is about half of such a small file.
  EXPECT_GT(found, harmless / 4);
  EXPECT_GT(harmless, 0U);
}

TEST_F(TreeDamageTest, EveryTruncationIsFound) {
  for (size_t bytes = 0; bytes < whole_.size(); bytes += kPageBytes / 2) {
    set_contents(std::string_view(whole_).substr(0, bytes));
    EXPECT_TRUE(is_found()) << bytes;
  }
}

TEST_F(TreeDamageTest, EveryPageThatWasNotWrittenIsFoundOrDoesNoHarm) {
  before_last_.resize(whole_.size());
  int found = 0;
  for (size_t offset = 0; offset < whole_.size(); offset += kPageBytes) {
    const auto old_page = std::string_view(before_last_).substr(offset, kPageBytes);
    if (old_page == std::string_view(whole_).substr(offset, kPageBytes)) continue;
    // The newest meta alone: that is the previous checkpoint, and replay goes on from there.
    if (offset < 2 * kPageBytes) continue;
    set_bytes(offset, old_page);
    if (is_found()) ++found;
    set_contents(whole_);
  }
  EXPECT_GE(found, 3);
}

TEST_F(TreeDamageTest, EveryPageInAnothersPlaceIsFoundOrDoesNoHarm) {
  std::mt19937_64 random(3);
  for (size_t offset = 0; offset < whole_.size(); offset += kPageBytes) {
    const size_t other = random() % (whole_.size() / kPageBytes) * kPageBytes;
    if (other == offset) continue;
    // With the right number in front, as a misdirected read of an old page would have it.
    std::string page = whole_.substr(other, kPageBytes);
    const std::array<uint64_t, 1> number{offset / kPageBytes};
    std::memcpy(page.data(), number.data(), 8);
    set_bytes(offset, page);
    SCOPED_TRACE("page " + std::to_string(other / kPageBytes) + " at " +
                 std::to_string(offset / kPageBytes));
    if (!is_found()) expect_harmless_later();
    set_contents(whole_);
  }
}

TEST_F(TreeDamageTest, AMissingRowIsFoundByTheTotals) {
  auto environment = lmdb::Environment::open(dir_, {.map_bytes = size_t{1} << 30});
  ASSERT_TRUE(environment);
  {
    auto transaction = environment->begin_write();
    ASSERT_TRUE(transaction);
    const auto tables = open_tables(*transaction, false);
    ASSERT_TRUE(tables);
    ASSERT_TRUE(transaction->erase((*tables)[static_cast<size_t>(Table::kSessions)],
                                   RowKey::of(SessionId(2)).view()));
    ASSERT_TRUE(transaction->commit());
  }
  environment = tl::unexpected(lmdb::Error{});
  TreeModel loaded;
  const auto result = load_tree(dir_, loaded);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, file() + ": table sessions has 3 rows, written were 4");
}

}  // namespace
}  // namespace topod::storage
