// What a start makes of trees and logs that are damaged, missing or left by a crash in between.
#include "server/node/startup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "storage/data_dir.h"
#include "storage/log_recovery.h"
#include "storage/log_segment.h"
#include "tests/scenario/one_node.h"

namespace topod::node {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Rots a byte of the batch that has so many behind it, and itself counted.
void damage_batch(OneNode& node, size_t from_the_end) {
  const auto dir =
      storage::DataDir::open_existing(storage::posix_file_system(), node.config.data_dir);
  ASSERT_TRUE(dir.has_value());
  storage::BatchWalker walker(node.log_disk(), "/log",
                              {dir->identity().instance, dir->identity().server},
                              storage::list_segments(node.log_disk(), "/log").value());
  std::vector<storage::LogPosition> batches;
  for (auto step = walker.next(); step && *step == storage::BatchWalker::Step::kBatch;
       step = walker.next()) {
    batches.push_back(walker.position());
  }
  ASSERT_GE(batches.size(), from_the_end);
  const storage::LogPosition chosen = batches[batches.size() - from_the_end];
  node.log_disk().flip(storage::segment_path("/log", chosen.segment), chosen.offset + 100, 1);
}

class Startup : public ::testing::Test {
 protected:
  // Znodes "/<name>0" to "/<name><count - 1>", and what they weigh in the log.
  void create_some(const std::string& name, int count) {
    const ConnectionId client = node_.connect();
    for (int i = 0; i < count; ++i) {
      const std::string path = "/" + name + std::to_string(i);
      ASSERT_EQ(node_.error_of(client, state::create(path, std::string(2'000, 'x'))),
                ErrorCode::kOk);
    }
  }
  // A tree and a log that goes on from it, none of which is complete without the other.
  void write_history() {
    node_.start();
    create_some("first", 40);
    node_.checkpoint();
    create_some("second", 40);
    node_.checkpoint();
    create_some("stored", 1);
    node_.checkpoint();
    create_some("logged", 12);
    epoch_ = node_.replica().promises().accepted_epoch;
  }
  [[nodiscard]] bool log_reaches_back() {
    return node_.log_disk().exists(storage::segment_path("/log", 1)).value();
  }
  void damage_tree() {
    std::fstream file(node_.tree_dir() + "/data.mdb",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3 * 4'096);
    file << std::string(4 * 4'096, '\xa5');
    ASSERT_TRUE(file.flush());
  }
  [[nodiscard]] std::vector<uint64_t> segments() {
    return storage::list_segments(node_.log_disk(), "/log").value();
  }
  void remove_log() {
    for (const uint64_t segment : segments()) {
      ASSERT_TRUE(node_.log_disk().remove(storage::segment_path("/log", segment)).has_value());
    }
  }
  void remove_tree() { fs::remove_all(node_.tree_dir()); }
  // Rots a byte of the log that has others behind it and that no checkpoint covers.
  void damage_log() { damage_batch(node_, 5); }
  std::string refusal() {
    const std::string before = everything();
    const auto started = node_.try_start();
    if (started) return "it started";
    EXPECT_EQ(started.error().exit_code, kExitDamaged) << started.error().what;
    EXPECT_EQ(everything(), before) << "a refused start has changed something";
    return started.error().what;
  }
  void start_by_order() {
    const auto started = node_.try_start(true);
    ASSERT_TRUE(started.has_value()) << started.error().what;
  }
  // Names and bytes of all files, but for the lock's.
  std::string everything() {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(node_.config.data_dir)) {
      const std::string name = entry.path().string();
      if (!entry.is_regular_file() || name.ends_with("/lock") || name.ends_with("lock.mdb")) {
        continue;
      }
      std::ifstream in(name, std::ios::binary);
      files[name].assign(std::istreambuf_iterator<char>(in), {});
    }
    const std::vector<std::string> of_the_log = node_.log_disk().list("/log").value();
    for (const std::string& name : of_the_log) {
      files["/log/" + name] =
          name.ends_with(".seg") ? node_.log_disk().contents("/log/" + name) : "";
    }
    std::string all;
    for (const auto& [name, bytes] : files) all += name + "\n" + bytes + "\n";
    return all;
  }
  [[nodiscard]] std::vector<std::string> kept_of_the_log() {
    const auto names = node_.log_disk().list("/log/damaged-1");
    return names ? *names : std::vector<std::string>();
  }
  void expect_trimmed_log_is_put_aside() {
    EXPECT_THAT(refusal(), HasSubstr("does not reach back"));
    start_by_order();
    EXPECT_FALSE(node_.has_node("/logged0"));
    EXPECT_THAT(kept_of_the_log(), Not(IsEmpty()));
    expect_goes_on();
  }
  void expect_goes_on() {
    EXPECT_GT(node_.replica().promises().accepted_epoch, epoch_);
    create_some("later", 3);
    node_.checkpoint();
    node_.restart_after_crash();
    EXPECT_TRUE(node_.has_node("/later2"));
  }

  OneNode node_;
  Epoch epoch_;  // of the history
};

TEST_F(Startup, TreeAndLogTogetherAreEverything) {
  write_history();
  node_.restart_after_crash();
  for (const char* path : {"/first0", "/second39", "/stored0", "/logged11"}) {
    EXPECT_TRUE(node_.has_node(path)) << path;
  }
  EXPECT_FALSE(log_reaches_back()) << "the tests below need a log that has been trimmed";
  expect_goes_on();
}

TEST_F(Startup, ADamagedLogIsRefusedAndNothingIsChanged) {
  write_history();
  node_.crash();
  damage_log();
  EXPECT_THAT(refusal(), HasSubstr("--discard-damaged"));
}

TEST_F(Startup, ByOrderADamagedLogIsCutAndTheTreeIsKept) {
  write_history();
  node_.crash();
  damage_log();
  start_by_order();
  EXPECT_TRUE(node_.has_node("/stored0"));
  EXPECT_FALSE(node_.has_node("/logged11"));
  EXPECT_THAT(kept_of_the_log(), Not(IsEmpty()));
  expect_goes_on();
}

TEST_F(Startup, ALogThatIsGoneIsRefusedAndByOrderTheTreeIsServed) {
  write_history();
  node_.crash();
  remove_log();
  EXPECT_THAT(refusal(), HasSubstr("is missing"));
  start_by_order();
  EXPECT_TRUE(node_.has_node("/stored0"));
  EXPECT_FALSE(node_.has_node("/logged0"));
  expect_goes_on();
}

TEST_F(Startup, ACrashBetweenTheRepairOfTheLogAndItsCheckpointIsTakenUpAgain) {
  write_history();
  node_.crash();
  remove_log();
  storage::TemporaryFolder copies;
  const std::string copy = copies / "tree";
  fs::copy(node_.tree_dir(), copy, fs::copy_options::recursive);
  start_by_order();
  const Zxid applied = node_.state().applied;
  node_.crash();
  remove_tree();
  fs::copy(copy, node_.tree_dir(), fs::copy_options::recursive);
  node_.start();
  EXPECT_TRUE(node_.has_node("/stored0"));
  EXPECT_GT(node_.state().applied, applied);
  expect_goes_on();
}

TEST_F(Startup, ADamagedTreeIsRefusedEvenWhereTheLogCouldDoWithoutIt) {
  node_.start();
  create_some("logged", 5);
  node_.crash();
  damage_tree();
  EXPECT_THAT(refusal(), HasSubstr("can do without it"));
  start_by_order();
  EXPECT_TRUE(node_.has_node("/logged4"));
  EXPECT_TRUE(fs::exists(node_.config.data_dir + "/damaged-1/tree.1"));
  expect_goes_on();
}

TEST_F(Startup, AMissingTreeIsMadeAgainFromAWholeLog) {
  node_.start();
  create_some("logged", 5);
  node_.crash();
  remove_tree();
  node_.start();
  EXPECT_TRUE(node_.has_node("/logged4"));
  expect_goes_on();
}

TEST_F(Startup, WithoutItsTreeALogThatHasBeenTrimmedIsRefusedAndByOrderPutAside) {
  write_history();
  node_.crash();
  remove_tree();
  expect_trimmed_log_is_put_aside();
}

TEST_F(Startup, WithADamagedTreeALogThatHasBeenTrimmedIsRefusedAndByOrderPutAside) {
  write_history();
  node_.crash();
  damage_tree();
  expect_trimmed_log_is_put_aside();
}

// A log may hold nothing but what its segments repeat, and yet have had a history.
TEST_F(Startup, WithoutATreeATrimmedLogWithoutTransactionsIsNoNewLog) {
  write_history();
  node_.stop();
  {
    const auto log = node_.open_log();
    const auto begun = log->begin_segment();
    ASSERT_TRUE(begun.has_value());
    ASSERT_TRUE(log->trim(*begun).has_value());
  }
  remove_tree();
  EXPECT_THAT(refusal(), HasSubstr("does not reach back"));
}

TEST_F(Startup, WhateverCallOfARepairCrashesTheOrderCanBeGivenAgain) {
  for (const bool tree_is_damaged : {false, true}) {
    int crashes = 0;
    for (uint64_t call = 1;; ++call) {
      OneNode node;
      node.start();
      const ConnectionId client = node.connect();
      const auto fill = [&](const char* name) {
        for (int i = 0; i < 12; ++i) {
          node.call(client, state::create(name + std::to_string(i), std::string(2'000, 'x')));
        }
        node.checkpoint();
      };
      fill("/a");
      fill("/b");
      node.call(client, state::create("/c", std::string(2'000, 'x')));
      node.call(client, state::create("/d", std::string(2'000, 'x')));
      node.crash();
      damage_batch(node, 2);
      if (tree_is_damaged) {
        std::ofstream(node.tree_dir() + "/data.mdb", std::ios::binary) << "rotten";
      }
      ASSERT_FALSE(node.try_start().has_value());
      node.log_disk().crash_at_call(node.log_disk().calls() + call, storage::CallPhase::kAfter);
      const auto interrupted = node.try_start(true);
      if (interrupted) {
        EXPECT_GT(crashes, 3);
        break;
      }
      ++crashes;
      node.crash();
      const auto again = node.try_start();
      if (!again) {
        EXPECT_EQ(again.error().exit_code, kExitDamaged) << again.error().what;
        const auto ordered = node.try_start(true);
        ASSERT_TRUE(ordered.has_value()) << "call " << call << ": " << ordered.error().what;
      }
      EXPECT_EQ(node.has_node("/b11"), !tree_is_damaged) << "call " << call;
      node.restart_after_crash();
    }
  }
}

}  // namespace
}  // namespace topod::node
