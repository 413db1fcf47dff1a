// What the adapters to the disk do for peers: history from the log, which is kept meanwhile, and
// the switch to a received tree. Real files and threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "server/node/log_adapter.h"
#include "server/node/stored_tree.h"
#include "server/node/tree_adapter.h"
#include "storage/log_segment.h"
#include "tests/unit/storage/temporary_folder.h"

namespace topod::node {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class LoopTest : public ::testing::Test {
 protected:
  void run_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      io_.run_one_for(std::chrono::milliseconds(50));
    }
  }

  storage::TemporaryFolder folder_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
};

class LogAdapterTest : public LoopTest {
 protected:
  LogAdapterTest() {
    auto log = storage::Log::open(storage::posix_file_system(), dir_, {{1}, ServerId(1)},
                                  {.segment_bytes = 65'536, .retain_bytes = 0}, std::nullopt);
    CHECK(log.has_value());
    adapter_ = std::make_unique<LogAdapter>(
        io_, std::move(*log),
        LogAdapter::Events{
            .durable = [this](const storage::LogDurable& d) { durable_ = d.last_sequence; },
            .no_space = [](bool) {},
            .fatal = [](const storage::IoError& error) { FAIL() << error.message(); },
            .history_read =
                [this](LinkId link, std::vector<zab::HistoryEntry> entries, bool gone) {
                  EXPECT_EQ(link, LinkId(3));
                  entries_ = std::move(entries);
                  gone_ = gone;
                }},
        1'000);
    adapter_->start_positions({});
  }
  ~LogAdapterTest() override { adapter_->stop(); }

  // Transactions up to this one, each in its own flush.
  void log_through(int64_t last) {
    const std::string payload(2'000, 'x');
    for (int64_t zxid = last_ + 1; zxid <= last; ++zxid) {
      adapter_->add(
          {LogRecordKind::kTransaction, Zxid(zxid), static_cast<uint64_t>(zxid - 1), payload});
      adapter_->submit();
      ++records_;
      run_until([&] { return durable_ == records_; });
    }
    last_ = last;
  }
  void read(int64_t after, size_t max_bytes) {
    gone_.reset();
    adapter_->read_history({LinkId(3), Zxid(after), Zxid(last_), max_bytes});
    run_until([&] { return gone_.has_value(); });
  }
  [[nodiscard]] bool has_segment(uint64_t number) const {
    return fs::exists(storage::segment_path(dir_, number));
  }
  // The trimming is done when the next records are on disk.
  void trim_to_end() {
    adapter_->trim(adapter_->restart_position(Zxid(last_)));
    log_through(last_ + 1);
    log_through(last_ + 1);
  }

  const std::string dir_ = folder_ / "wal";
  std::unique_ptr<LogAdapter> adapter_;
  int64_t last_ = 0;
  uint64_t records_ = 0;
  uint64_t durable_ = 0;
  std::vector<zab::HistoryEntry> entries_;
  std::optional<bool> gone_;
};

TEST_F(LogAdapterTest, HistoryComesBackOnTheLoopWithItsPredecessors) {
  log_through(10);
  read(4, 1 << 20);
  EXPECT_FALSE(*gone_);
  ASSERT_EQ(entries_.size(), 6U);
  EXPECT_EQ(entries_.front().zxid, Zxid(5));
  EXPECT_EQ(entries_.front().predecessor, Zxid(4));
  EXPECT_EQ(entries_.front().bytes, std::string(2'000, 'x'));
  EXPECT_EQ(entries_.back().zxid, Zxid(10));
}

TEST_F(LogAdapterTest, TheLogIsKeptForAReaderAndGivenUpWhenItHasAll) {
  log_through(60);
  read(0, 1'000);
  ASSERT_EQ(entries_.size(), 1U);
  trim_to_end();
  EXPECT_TRUE(has_segment(1)) << "the reader has not gone further";
  // First what was there when reading began, then the rest.
  for (int64_t read_through = 1; read_through < last_;) {
    read(read_through, size_t{1} << 30);
    ASSERT_FALSE(*gone_);
    read_through = entries_.back().zxid.value();
  }
  trim_to_end();
  EXPECT_FALSE(has_segment(1));
  read(1, 1'000);
  EXPECT_TRUE(*gone_);
}

TEST_F(LogAdapterTest, TheLogIsKeptWhileATreeIsStreamed) {
  log_through(60);
  adapter_->hold(LinkId(3), {1, 0});
  trim_to_end();
  EXPECT_TRUE(has_segment(1));
  adapter_->end_hold(LinkId(3));
  trim_to_end();
  EXPECT_TRUE(has_segment(1)) << "the peer asks for what follows in a moment";
  read(last_ - 1, 1'000);
  trim_to_end();
  EXPECT_FALSE(has_segment(1));
}

TEST_F(LogAdapterTest, WhatHasBeenCutIsNotReadWhateverWasReadBefore) {
  log_through(10);
  read(0, 5'000);
  ASSERT_EQ(entries_.size(), 3U);
  adapter_->add({LogRecordKind::kTruncate, Zxid(6), 0, {}});
  adapter_->add({LogRecordKind::kTransaction, Zxid(20), 6, "other"});
  adapter_->submit();
  records_ += 2;
  run_until([&] { return durable_ == records_; });
  last_ = 20;
  read(3, 1 << 20);
  std::vector<int64_t> zxids;
  for (const zab::HistoryEntry& entry : entries_) zxids.push_back(entry.zxid.value());
  EXPECT_THAT(zxids, ElementsAre(4, 5, 6, 20));
}

TEST_F(LogAdapterTest, AnInstalledTreeIsKnownOnceItIsLogged) {
  EXPECT_EQ(adapter_->logged_generation(), 0U);
  adapter_->add({LogRecordKind::kSnapshot, Zxid(50), 4, "digest"});
  adapter_->submit();
  EXPECT_EQ(adapter_->logged_generation(), 4U);
}

class TreeAdapterTest : public LoopTest {
 protected:
  TreeAdapterTest() {
    config_.data_dir = folder_ / "data";
    config_.map_bytes = size_t{1} << 30;
    config_.checkpoint_interval_ms = 0;
    fs::create_directories(config_.data_dir);
    adapter_ = std::make_unique<TreeAdapter>(
        io_, make_tree(1), 1, config_, storage::DirectoryIdentity{},
        TreeAdapter::Events{
            .log_trimmable = [this](storage::LogPosition keep) { trimmable_ = keep; },
            .no_space = [](bool) {},
            .fatal = [](const std::string& why) { FAIL() << why; }});
  }
  storage::Store make_tree(uint64_t generation) {
    const state::State state = state::State::initial();
    auto store = create_stored_tree(storage::tree_path(config_.data_dir, generation),
                                    {.map_bytes = config_.map_bytes}, state,
                                    checkpoint_meta(state, {}, {}, {}));
    CHECK(store.has_value());
    return std::move(*store);
  }
  [[nodiscard]] bool has_tree(uint64_t generation) const {
    return fs::exists(storage::tree_path(config_.data_dir, generation));
  }

  Config config_;
  std::unique_ptr<TreeAdapter> adapter_;
  std::optional<storage::LogPosition> trimmable_;
};

TEST_F(TreeAdapterTest, AfterASwitchTheOldTreeGoesAndCheckpointsGoToTheNewOne) {
  static_cast<void>(make_tree(2));
  const std::shared_ptr<const storage::Store> old = adapter_->store();
  const auto frozen = old->snapshot();
  ASSERT_TRUE(frozen.has_value());

  zab::ReplicaConfig replica_config;
  replica_config.self = ServerId(1);
  zab::Replica replica(replica_config, state::State::initial(), Incarnation(1));
  adapter_->switch_generation(2, ReplacedTree::kRemoved);
  EXPECT_EQ(adapter_->generation(), 2U);
  EXPECT_EQ(adapter_->path(), storage::tree_path(config_.data_dir, 2));
  EXPECT_TRUE(frozen->meta().has_value()) << "what was being streamed can still be read";

  adapter_->collect(replica.state(), replica.changes());
  adapter_->set_position({5, 4'096});
  adapter_->checkpoint_if_due(replica, 10);
  run_until([&] { return adapter_->checkpoint_times().count == 1; });
  EXPECT_EQ(trimmable_, std::nullopt) << "the log before the switch covers the first checkpoint";
  adapter_->stop(replica);
  adapter_.reset();
  EXPECT_FALSE(has_tree(1));
  const auto tree = load_stored_tree(storage::tree_path(config_.data_dir, 2));
  ASSERT_TRUE(tree.has_value()) << tree.error().what;
  EXPECT_EQ(tree->meta.log_segment, 5U);
}

TEST_F(TreeAdapterTest, TheTreeOfAStateThatHadDivergedIsKept) {
  static_cast<void>(make_tree(2));
  zab::ReplicaConfig replica_config;
  replica_config.self = ServerId(1);
  zab::Replica replica(replica_config, state::State::initial(), Incarnation(1));
  adapter_->switch_generation(2, ReplacedTree::kPutAside);
  adapter_->stop(replica);
  adapter_.reset();
  EXPECT_FALSE(has_tree(1));
  const auto kept = load_stored_tree(config_.data_dir + "/damaged-1/tree.1");
  EXPECT_TRUE(kept.has_value()) << kept.error().what;
}

}  // namespace
}  // namespace topod::node
