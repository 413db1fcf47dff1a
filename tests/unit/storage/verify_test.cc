#include "storage/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>

#include "storage/data_dir.h"
#include "storage/log.h"
#include "storage/store.h"
#include "tests/unit/storage/temporary_folder.h"
#include "tests/unit/storage/tree_model.h"

namespace topod::storage {
namespace {

using ::testing::HasSubstr;

// A data directory with a checkpoint at zxid 0 and transactions 1 to 5 in the log.
class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DirectoryIdentity identity;
    identity.server = ServerId(1);
    identity.ensemble = model_.meta(0).ensemble;
    auto dir = DataDir::open_or_create(posix_file_system(), path_, identity);
    ASSERT_TRUE(dir) << dir.error().what;
    write_log(dir->wal_path(), identity);
    Checkpoint first;
    model_.put_acl(AclId(0), "list", first);
    NodeRow root = sample_node(1, "", "");
    root.acl = AclId(0);
    model_.put_node(root, first);
    NodeRow child = sample_node(2, "child", "some data");
    child.acl = AclId(0);
    model_.put_node(child, first);
    commit(*dir, first, checkpoint_meta(0));
  }
  CheckpointMeta checkpoint_meta(int64_t zxid) {
    CheckpointMeta meta = model_.meta(zxid);
    meta.log_segment = 0;  // from the beginning of the log
    meta.log_offset_bytes = 0;
    return meta;
  }
  static void write_log(const std::string& dir, const DirectoryIdentity& identity) {
    LogOptions options;
    options.segment_bytes = 65'536;
    auto log = Log::open(posix_file_system(), dir, {identity.instance, identity.server}, options,
                         std::nullopt);
    ASSERT_TRUE(log);
    for (int64_t zxid = 1; zxid <= 5; ++zxid) {
      RecordBatch batch;
      batch.add(LogRecordKind::kTransaction, Zxid(zxid), static_cast<uint64_t>(zxid - 1), "entry");
      const std::string_view piece = batch.bytes();
      ASSERT_TRUE((*log)->append({&piece, 1}));
    }
    ASSERT_TRUE((*log)->seal());
  }
  static void commit(const DataDir& dir, const Checkpoint& checkpoint, const CheckpointMeta& meta) {
    if (std::filesystem::exists(dir.tree_path(1))) {
      auto store = Store::open(dir.tree_path(1), small_store());
      ASSERT_TRUE(store && store->commit(checkpoint, meta));
    } else {
      const auto store = Store::create(dir.tree_path(1), small_store(), checkpoint, meta);
      ASSERT_TRUE(store) << store.error().what;
    }
  }
  void replace_once(const std::string& file, const std::string& old_bytes,
                    const std::string& new_bytes) {
    std::fstream stream(path_ + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    const size_t at = bytes.find(old_bytes);
    ASSERT_NE(at, std::string::npos);
    stream.clear();
    stream.seekp(static_cast<std::streamoff>(at));
    stream << new_bytes;
  }
  static std::string joined(const VerifyReport& report) {
    std::string text;
    for (const std::string& line : report.lines) text += line + "\n";
    return text;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "data";
  TreeModel model_;
};

TEST_F(VerifyTest, AnIntactDirectoryIsCalledSo) {
  const VerifyReport report = verify(path_);
  EXPECT_TRUE(report.intact) << joined(report);
  EXPECT_TRUE(report.examined);
  EXPECT_EQ(report.lines.back(), "verdict   intact");
  EXPECT_THAT(joined(report), HasSubstr("2 znodes, 1 acl"));
  EXPECT_THAT(joined(report), HasSubstr("5 transactions in"));
}

TEST_F(VerifyTest, ADamagedRowIsNamed) {
  replace_once("tree.1/data.mdb", "childsome data", "childsame data");
  const VerifyReport report = verify(path_);
  EXPECT_FALSE(report.intact);
  EXPECT_TRUE(report.examined);
  EXPECT_EQ(report.lines.back(), "verdict   DAMAGED");
  EXPECT_THAT(joined(report), HasSubstr("tree.1    DAMAGED: " + path_ +
                                        "/tree.1/data.mdb: table nodes, row 0000000000000002"));
}

TEST_F(VerifyTest, ADamagedLogIsNamed) {
  const auto segments = std::filesystem::directory_iterator(path_ + "/wal");
  std::string segment;
  for (const auto& entry : segments) {
    if (segment.empty() || entry.path().string() < segment) segment = entry.path();
  }
  replace_once(std::filesystem::relative(segment, path_), "entry", "entrY");
  const VerifyReport report = verify(path_);
  EXPECT_FALSE(report.intact);
  EXPECT_THAT(joined(report), HasSubstr("log       DAMAGED: "));
}

TEST_F(VerifyTest, ALogThatEndsBeforeTheCheckpointIsDamaged) {
  auto dir = DataDir::open_existing(posix_file_system(), path_);
  ASSERT_TRUE(dir);
  commit(*dir, {}, checkpoint_meta(6));
  dir = storage_error(StorageError::Kind::kMissing, "closed");
  const VerifyReport report = verify(path_);
  EXPECT_FALSE(report.intact);
  EXPECT_THAT(joined(report), HasSubstr("it ends at zxid 0x5, before the checkpoint at 0x6"));
}

TEST_F(VerifyTest, ATreeOfAnotherServerIsNamed) {
  auto dir = DataDir::open_existing(posix_file_system(), path_);
  ASSERT_TRUE(dir);
  CheckpointMeta meta = checkpoint_meta(1);
  meta.server = ServerId(2);
  commit(*dir, {}, meta);
  dir = storage_error(StorageError::Kind::kMissing, "closed");
  const VerifyReport report = verify(path_);
  EXPECT_FALSE(report.intact);
  EXPECT_THAT(joined(report), HasSubstr("DAMAGED: belongs to server 2"));
}

TEST_F(VerifyTest, ANodeWithoutItsParentIsNamed) {
  auto dir = DataDir::open_existing(posix_file_system(), path_);
  ASSERT_TRUE(dir);
  Checkpoint checkpoint;
  NodeRow orphan = sample_node(9, "orphan", "");
  orphan.acl = AclId(0);
  model_.put_node(orphan, checkpoint);
  commit(*dir, checkpoint, checkpoint_meta(1));
  dir = storage_error(StorageError::Kind::kMissing, "closed");
  EXPECT_THAT(joined(verify(path_)), HasSubstr("its parent 4 is missing"));
}

TEST_F(VerifyTest, ADirectoryInUseIsNotExamined) {
  const auto dir = DataDir::open_existing(posix_file_system(), path_);
  ASSERT_TRUE(dir);
  const VerifyReport report = verify(path_);
  EXPECT_FALSE(report.intact);
  EXPECT_FALSE(report.examined);
  EXPECT_THAT(joined(report), HasSubstr("is in use by process"));
}

TEST_F(VerifyTest, AForeignDirectoryIsNotExaminedNorChanged) {
  const VerifyReport report = verify(folder_.path());
  EXPECT_FALSE(report.examined);
  EXPECT_THAT(joined(report), HasSubstr("is no data directory of topod"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "lock"));
}

TEST_F(VerifyTest, NothingIsChangedButTheLocksHolder) {
  const auto contents = [&] {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (!entry.is_regular_file() || entry.path().filename() == "lock") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      found[entry.path()] = std::string((std::istreambuf_iterator<char>(in)), {});
    }
    return found;
  };
  const auto before = contents();
  ASSERT_TRUE(verify(path_).intact);
  EXPECT_EQ(contents(), before);
}

}  // namespace
}  // namespace topod::storage
