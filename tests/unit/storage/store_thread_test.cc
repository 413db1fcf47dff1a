#include "storage/store_thread.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/loader.h"
#include "tests/unit/storage/temporary_folder.h"
#include "tests/unit/storage/tree_model.h"

namespace topod::storage {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);

// What the callbacks have said, to be waited for.
class Heard {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(what);
    changed_.notify_all();
  }
  bool wait_for(const std::string& what) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kDeadline, [&] {
      return std::find_if(all_.begin(), all_.end(), [&](const std::string& heard) {
               return heard.find(what) != std::string::npos;
             }) != all_.end();
    });
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
};

// The real file system, but that nothing can be allocated while it is full.
class FillableDisk final : public FileSystem {
 public:
  std::atomic<bool> full = false;

  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenFlags flags) override {
    auto file = real_.open(path, flags);
    if (!file) return file;
    return std::make_unique<FillableFile>(*this, std::move(*file));
  }
  IoResult<void> rename(const std::string& from, const std::string& to) override {
    return real_.rename(from, to);
  }
  IoResult<void> remove(const std::string& path) override { return real_.remove(path); }
  IoResult<std::vector<std::string>> list(const std::string& dir) override {
    return real_.list(dir);
  }
  IoResult<bool> exists(const std::string& path) override { return real_.exists(path); }
  IoResult<void> make_dir(const std::string& dir) override { return real_.make_dir(dir); }
  IoResult<void> sync_dir(const std::string& dir) override { return real_.sync_dir(dir); }
  IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return real_.lock(path);
  }
  IoResult<uint64_t> free_bytes(const std::string& dir) override { return real_.free_bytes(dir); }

 private:
  class FillableFile final : public File {
   public:
    FillableFile(FillableDisk& disk, std::unique_ptr<File> real)
        : disk_(disk), real_(std::move(real)) {}
    IoResult<size_t> read(uint64_t offset, std::span<std::byte> into) override {
      return real_->read(offset, into);
    }
    IoResult<void> write(uint64_t offset, std::span<const std::byte> bytes) override {
      return real_->write(offset, bytes);
    }
    IoResult<void> sync() override { return real_->sync(); }
    IoResult<uint64_t> size() override { return real_->size(); }
    IoResult<void> allocate(uint64_t size) override {
      if (disk_.full) return tl::unexpected(IoError{ENOSPC, "allocate", "data.mdb"});
      return real_->allocate(size);
    }

   private:
    FillableDisk& disk_;
    std::unique_ptr<File> real_;
  };

  FileSystem& real_ = posix_file_system();
};

class StoreThreadTest : public ::testing::Test {
 protected:
  void start(const StoreThreadOptions& options = {},
             const Store::Options& store_options = small_store()) {
    Checkpoint first;
    for (uint64_t id = 1; id <= 100; ++id) model_.put_node(sample_node(id, "n", "first"), first);
    auto store = Store::create(dir_, store_options, first, model_.meta(0));
    ASSERT_TRUE(store) << store.error().what;
    run(std::move(*store), options);
  }
  void run(Store store, const StoreThreadOptions& options) {
    StoreCallbacks callbacks;
    callbacks.on_checkpoint = [this](const CheckpointMeta& meta, int64_t) {
      heard_.add("checkpoint " + std::to_string(meta.zxid.value()));
    };
    callbacks.on_fatal = [this](const StorageError& error) { heard_.add("fatal " + error.what); };
    callbacks.on_no_space = [this](bool no_space) {
      heard_.add(no_space ? "no space" : "space again");
    };
    callbacks.on_damage = [this](const StorageError& error) { heard_.add("damage " + error.what); };
    thread_ = std::make_unique<StoreThread>(std::move(store), options, std::move(callbacks));
  }
  void submit(int64_t zxid) {
    Checkpoint checkpoint;
    for (uint64_t id = 1; id <= 20; ++id) {
      model_.put_node(sample_node(id * static_cast<uint64_t>(zxid), "n", "later"), checkpoint);
    }
    thread_->submit(std::move(checkpoint), model_.meta(zxid));
  }
  // Needs more than the file has.
  void submit_large(int64_t zxid) {
    Checkpoint checkpoint;
    for (uint64_t id = 200; id <= 1'000; ++id) {
      model_.put_node(sample_node(id, "n", std::string(1'000, 'x')), checkpoint);
    }
    thread_->submit(std::move(checkpoint), model_.meta(zxid));
  }
  void expect_stored(int64_t zxid) {
    thread_.reset();
    TreeModel loaded;
    const auto result = load_tree(dir_, loaded);
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_TRUE(loaded.equals(model_));
    EXPECT_EQ(result->meta.zxid, Zxid(zxid));
  }

  TemporaryFolder folder_;
  std::string dir_ = folder_ / "tree.1";
  TreeModel model_;
  Heard heard_;
  std::unique_ptr<StoreThread> thread_;
};

TEST_F(StoreThreadTest, EachCheckpointIsReportedWhenItIsDurable) {
  start();
  for (int64_t zxid = 1; zxid <= 3; ++zxid) {
    submit(zxid);
    ASSERT_TRUE(heard_.wait_for("checkpoint " + std::to_string(zxid)));
    EXPECT_FALSE(thread_->busy());
  }
  expect_stored(3);
}

TEST_F(StoreThreadTest, StoppingWritesWhatWasSubmitted) {
  start();
  submit(1);
  thread_->stop();
  EXPECT_EQ(heard_.all(), std::vector<std::string>{"checkpoint 1"});
  expect_stored(1);
}

TEST_F(StoreThreadTest, DrainWaitsForTheCheckpoint) {
  start();
  EXPECT_TRUE(thread_->drain());
  submit(1);
  EXPECT_TRUE(thread_->drain());
  EXPECT_FALSE(thread_->busy());
  expect_stored(1);
}

TEST_F(StoreThreadTest, AFullDiskKeepsTheCheckpointUntilThereIsSpace) {
  FillableDisk disk;
  StoreThreadOptions options;
  options.retry_space_after = std::chrono::milliseconds(5);
  Store::Options store_options = small_store();
  store_options.files = &disk;
  start(options, store_options);
  disk.full = true;
  submit_large(1);
  ASSERT_TRUE(heard_.wait_for("no space"));
  EXPECT_FALSE(thread_->drain());
  EXPECT_TRUE(thread_->busy());
  disk.full = false;
  ASSERT_TRUE(heard_.wait_for("checkpoint 1"));
  EXPECT_EQ(heard_.all(), (std::vector<std::string>{"no space", "space again", "checkpoint 1"}));
  expect_stored(1);
}

TEST_F(StoreThreadTest, StoppingDoesNotWaitForSpaceAndLeavesThePreviousCheckpoint) {
  FillableDisk disk;
  Store::Options store_options = small_store();
  store_options.files = &disk;
  start({}, store_options);
  const TreeModel before = model_;
  disk.full = true;
  submit_large(1);
  thread_->stop();
  EXPECT_EQ(heard_.all(), std::vector<std::string>{"no space"});
  model_ = before;
  expect_stored(0);
}

TEST_F(StoreThreadTest, TheScrubFindsARowThatHasRotted) {
  start();
  thread_.reset();
  {
    // The first znode's data is the first "first" on the page of its row.
    std::fstream file(dir_ + "/data.mdb", std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    size_t at = 0;
    int flipped = 0;
    while ((at = bytes.find("nfirst", at)) != std::string::npos) {
      file.clear();
      file.seekp(static_cast<std::streamoff>(at));
      file.put('m');
      at += 6;
      if (++flipped == 50) break;
    }
    ASSERT_GT(flipped, 0);
  }
  auto store = Store::open(dir_, small_store());
  ASSERT_TRUE(store) << store.error().what;
  StoreThreadOptions options;
  options.scrub_slice = std::chrono::milliseconds(1);
  options.scrub_period = std::chrono::milliseconds(10);
  run(std::move(*store), options);
  EXPECT_TRUE(heard_.wait_for("damage " + dir_ + ": table nodes, row 00000000000000"));
}

TEST_F(StoreThreadTest, TheScrubFindsNothingWrongWithWhatIsWrittenMeanwhile) {
  StoreThreadOptions options;
  options.scrub_slice = std::chrono::milliseconds(1);
  options.scrub_period = std::chrono::milliseconds(3);
  start(options);
  for (int64_t zxid = 1; zxid <= 30; ++zxid) {
    submit(zxid);
    ASSERT_TRUE(thread_->drain());
  }
  for (const std::string& what : heard_.all()) EXPECT_FALSE(what.starts_with("damage")) << what;
  expect_stored(30);
}

TEST(Scrubber, SeesEveryRowOncePerRound) {
  TemporaryFolder folder;
  TreeModel model;
  Checkpoint first;
  for (uint64_t id = 1; id <= 100; ++id) {
    model.put_node(sample_node(id, "n", std::string(id * 40, 'x')), first);
    model.put_acl(AclId(static_cast<uint32_t>(id)), "list", first);
  }
  auto store = Store::create(folder / "tree.1", small_store(), first, model.meta(0));
  ASSERT_TRUE(store);
  uint64_t rows = 2;
  for (const uint64_t of_table : store->totals().rows) rows += of_table;
  Scrubber scrubber(*store);
  uint64_t seen = 0;
  for (int step = 0; scrubber.rounds() == 0; ++step) {
    ASSERT_LT(step, 1'000);
    const auto count = scrubber.step(7);
    ASSERT_TRUE(count) << count.error().what;
    seen += *count;
  }
  // The last step goes on into the next round.
  EXPECT_GE(seen, rows);
  EXPECT_LT(seen, rows + 7);
}

TEST(Scrubber, SpreadsTheRowsOverThePeriod) {
  TemporaryFolder folder;
  Checkpoint first;
  TreeModel model;
  for (uint64_t id = 1; id <= 998; ++id) model.put_node(sample_node(id, "", ""), first);
  auto store = Store::create(folder / "tree.1", small_store(), first, model.meta(0));
  ASSERT_TRUE(store);
  EXPECT_EQ(Scrubber(*store).rows_per_slice(1'000, 86'400'000), 1U);
  EXPECT_EQ(Scrubber(*store).rows_per_slice(1'000, 100'000), 11U);
  EXPECT_EQ(Scrubber(*store).rows_per_slice(1'000, 0), 0U) << "the scrub is off";
}

}  // namespace
}  // namespace topod::storage
