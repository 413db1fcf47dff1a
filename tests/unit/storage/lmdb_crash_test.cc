// Power failures within LMDB's own writes. A program that writes checkpoints is run with its
// system calls recorded; then the record is played up to each of its points, where of the writes
// that were not synced any subset of sectors may have reached the disk. What is loaded must be the
// checkpoint before or the one being written, whole.
#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "proto/limits.h"
#include "storage/loader.h"
#include "storage/store.h"
#include "tests/unit/storage/crash_history.h"
#include "tests/unit/storage/temporary_folder.h"
#include "tests/unit/storage/tree_model.h"

namespace topod::storage {
namespace {

struct Recorded {
  char kind = 0;
  uint64_t offset = 0;
  std::string bytes;
};

std::vector<Recorded> read_record(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<Recorded> record;
  std::array<char, 17> head{};
  while (in.read(head.data(), head.size())) {
    Recorded call;
    uint64_t length = 0;
    call.kind = head[0];
    std::memcpy(&call.offset, head.data() + 1, sizeof call.offset);
    std::memcpy(&length, head.data() + 9, sizeof length);
    call.bytes.resize(length);
    in.read(call.bytes.data(), static_cast<std::streamsize>(length));
    record.push_back(std::move(call));
  }
  return record;
}

// Runs the workload to its end under the recorder.
void record_workload(const std::string& dir, const std::string& record, uint64_t seed,
                     int64_t count) {
  std::vector<std::string> arguments{CRASH_WORKLOAD, dir, std::to_string(seed),
                                     std::to_string(count)};
  std::vector<std::string> environment{"LD_PRELOAD=" LMDB_RECORDER, "LMDB_RECORD=" + record,
                                       "ASAN_OPTIONS=verify_asan_link_order=0"};
  std::vector<char*> argument_pointers;
  for (std::string& argument : arguments) argument_pointers.push_back(argument.data());
  argument_pointers.push_back(nullptr);
  std::vector<char*> environment_pointers;
  for (std::string& variable : environment) environment_pointers.push_back(variable.data());
  environment_pointers.push_back(nullptr);
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, CRASH_WORKLOAD, nullptr, nullptr, argument_pointers.data(),
                          environment_pointers.data()),
            0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

// A disk as the calls so far have left it.
class Disk {
 public:
  void apply(const Recorded& call) {
    switch (call.kind) {
      case 'w': pending_.push_back(&call); break;
      case 'd': write(durable_, call.offset, call.bytes); break;
      case 's':
        for (const Recorded* write_call : pending_) {
          write(durable_, write_call->offset, write_call->bytes);
        }
        pending_.clear();
        break;
      default: break;
    }
  }
  // After a crash: of each unsynced sector, whether it was written is up to `is_written`.
  template <class Choice>
  [[nodiscard]] std::string after_crash(Choice is_written) const {
    std::string image = durable_;
    for (const Recorded* call : pending_) {
      for (size_t done = 0; done < call->bytes.size();) {
        const size_t offset = call->offset + done;
        const size_t to_boundary = limits::kSectorBytes - offset % limits::kSectorBytes;
        const size_t bytes = std::min(call->bytes.size() - done, to_boundary);
        if (is_written()) write(image, offset, std::string_view(call->bytes).substr(done, bytes));
        done += bytes;
      }
    }
    return image;
  }
  [[nodiscard]] bool has_pending() const { return !pending_.empty(); }

 private:
  static void write(std::string& image, size_t offset, std::string_view bytes) {
    if (image.size() < offset + bytes.size()) image.resize(offset + bytes.size());
    image.replace(offset, bytes.size(), bytes);
  }
  std::string durable_;
  std::vector<const Recorded*> pending_;
};

class LmdbCrashTest : public ::testing::Test {
 protected:
  // What the store may hold, by zxid.
  std::map<int64_t, TreeModel> expected_;

  void expect_previous_or_next(const std::string& image, int64_t previous, bool go_on) {
    const std::string dir = folder_ / "crashed";
    std::filesystem::create_directories(dir);
    {
      std::ofstream out(dir + "/data.mdb", std::ios::binary | std::ios::trunc);
      out << image;
    }
    TreeModel loaded;
    const auto result = load_tree(dir, loaded);
    ASSERT_TRUE(result) << result.error().what;
    const int64_t zxid = result->meta.zxid.value();
    EXPECT_TRUE(zxid == previous || zxid == previous + 1) << zxid << " after " << previous;
    ASSERT_TRUE(loaded.equals(expected_.at(zxid)));
    seen_next_ += zxid == previous + 1 ? 1 : 0;
    if (go_on) expect_usable(dir, loaded);
    std::filesystem::remove_all(dir);
  }
  // The file that survived the crash takes further checkpoints.
  static void expect_usable(const std::string& dir, TreeModel model) {
    {
      auto store = Store::open(dir, small_store());
      ASSERT_TRUE(store) << store.error().what;
      std::mt19937_64 random(1);
      for (int64_t zxid = 1'000; zxid < 1'003; ++zxid) {
        Checkpoint checkpoint;
        for (int change = 0; change < 30; ++change) {
          model.change_at_random(random, 3'000, checkpoint);
        }
        ASSERT_TRUE(store->commit(checkpoint, model.meta(zxid)));
      }
    }
    TreeModel loaded;
    const auto result = load_tree(dir, loaded);
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_TRUE(loaded.equals(model));
  }

  TemporaryFolder folder_;
  uint64_t seen_next_ = 0;
};

TEST_F(LmdbCrashTest, AfterEveryCallTheStoreHoldsThePreviousOrTheNextCheckpoint) {
  const bool full = std::getenv("FULL") != nullptr;
  const uint64_t seed = full ? std::random_device{}() : 11;
  const int64_t checkpoints = full ? 30 : 12;
  const int subsets = full ? 8 : 3;
  SCOPED_TRACE("seed " + std::to_string(seed));
  record_workload(folder_ / "tree.1", folder_ / "record", seed, checkpoints);
  if (HasFatalFailure()) return;
  const std::vector<Recorded> record = read_record(folder_ / "record");
  CrashHistory history(seed);
  expected_[0] = history.model;
  while (history.zxid < checkpoints) {
    (void)history.next();
    expected_[history.zxid] = history.model;
  }
  expected_[checkpoints + 1] = history.model;  // never reached

  std::mt19937_64 random(seed);
  Disk disk;
  std::optional<int64_t> durable;  // nothing can be expected before the first
  uint64_t points = 0;
  for (const Recorded& call : record) {
    if (call.kind == 'm') durable = static_cast<int64_t>(call.offset);
    disk.apply(call);
    if (!durable) continue;
    ++points;
    SCOPED_TRACE("point " + std::to_string(points) + ", checkpoint " + std::to_string(*durable));
    expect_previous_or_next(disk.after_crash([] { return false; }), *durable, points % 5 == 0);
    if (!disk.has_pending()) continue;
    expect_previous_or_next(disk.after_crash([] { return true; }), *durable, false);
    for (int subset = 0; subset < subsets; ++subset) {
      const uint64_t share = 1 + random() % 7;
      expect_previous_or_next(disk.after_crash([&] { return random() % 8 < share; }), *durable,
                              subset == 0 && points % 5 == 1);
      if (HasFailure()) return;
    }
  }
  EXPECT_EQ(durable, checkpoints);
  // Between a commit's last call and its return the new checkpoint is already there.
  EXPECT_GE(seen_next_, static_cast<uint64_t>(checkpoints));
  EXPECT_GT(points, static_cast<uint64_t>(checkpoints) * 4);
}

// Were the record of syncs ignored, the test above must notice: it is not blind.
TEST_F(LmdbCrashTest, WithoutSyncsDataWouldBeLost) {
  constexpr uint64_t kSeed = 5;
  record_workload(folder_ / "tree.1", folder_ / "record", kSeed, 8);
  if (HasFatalFailure()) return;
  std::mt19937_64 random(kSeed);
  Disk disk;
  const std::vector<Recorded> record = read_record(folder_ / "record");
  for (const Recorded& call : record) {
    if (call.kind != 's') disk.apply(call);
  }
  const std::string dir = folder_ / "crashed";
  std::filesystem::create_directories(dir);
  std::ofstream(dir + "/data.mdb", std::ios::binary)
      << disk.after_crash([&] { return random() % 2 == 0; });
  TreeModel loaded;
  EXPECT_FALSE(load_tree(dir, loaded));
}

}  // namespace
}  // namespace topod::storage
