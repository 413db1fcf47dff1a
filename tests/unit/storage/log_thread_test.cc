#include "storage/log_thread.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "tests/unit/storage/log_workload.h"

namespace topod::storage {
namespace {

using namespace std::chrono_literals;

constexpr auto kDeadline = 20s;

// Collects what the log thread reports; waits for it with a deadline.
class Reports {
 public:
  LogCallbacks callbacks() {
    return {[this](const LogDurable& durable) { on_durable(durable); },
            [this](const IoError& error) {
              const std::lock_guard lock(mutex_);
              fatal_ = error;
              changed_.notify_all();
            },
            [this](bool no_space) {
              const std::lock_guard lock(mutex_);
              no_space_ = no_space;
              changed_.notify_all();
            }};
  }

  bool wait_durable(uint64_t sequence) {
    return wait([&] { return !durable_.empty() && durable_.back().last_sequence >= sequence; });
  }
  bool wait_fatal() {
    return wait([&] { return fatal_.has_value(); });
  }
  bool wait_no_space(bool expected) {
    return wait([&] { return no_space_ == expected; });
  }
  // The log thread stays in its next callback until `release`.
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  bool wait_held() {
    return wait([&] { return waiting_; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  std::vector<LogDurable> durable() {
    const std::lock_guard lock(mutex_);
    return durable_;
  }

 private:
  void on_durable(const LogDurable& durable) {
    std::unique_lock lock(mutex_);
    durable_.push_back(durable);
    waiting_ = held_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    waiting_ = false;
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kDeadline, condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LogDurable> durable_;
  std::optional<IoError> fatal_;
  bool no_space_ = false;
  bool held_ = false;
  bool waiting_ = false;
};

class LogThreadTest : public testing::Test {
 protected:
  LogThreadTest() {
    EXPECT_TRUE(disk_.make_dir("/data").has_value());
    EXPECT_TRUE(disk_.sync_dir("/").has_value());
  }

  std::unique_ptr<Log> open_log(size_t segment_bytes = 1 << 20) {
    auto log = Log::open(disk_, kTestDir, kTestIdentity,
                         {.segment_bytes = segment_bytes, .retain_bytes = 0}, std::nullopt);
    EXPECT_TRUE(log.has_value());
    return log ? std::move(*log) : nullptr;
  }

  void start(LogThreadOptions options = {}, size_t segment_bytes = 1 << 20) {
    thread_ = std::make_unique<LogThread>(open_log(segment_bytes), options, reports_.callbacks());
  }

  // Submits one batch of so many transactions.
  uint64_t submit(int count, size_t payload_bytes = 10) {
    RecordBatchPtr batch = thread_->make_batch();
    for (int i = 0; i < count; ++i) {
      batch->add(LogRecordKind::kTransaction, Zxid(last_ + 1), static_cast<uint64_t>(last_),
                 std::string(payload_bytes, 'x'));
      ++last_;
    }
    return thread_->submit(std::move(batch));
  }

  std::vector<int64_t> zxids_on_disk() {
    const auto log = open_log();
    const auto state = recovered_state(disk_, *log, std::nullopt);
    EXPECT_TRUE(state.has_value());
    std::vector<int64_t> zxids;
    for (const LogRecord& record : state->transactions) zxids.push_back(record.zxid.value());
    return zxids;
  }

  std::vector<int64_t> zxids_submitted() const {
    std::vector<int64_t> zxids;
    for (int64_t zxid = 1; zxid <= last_; ++zxid) zxids.push_back(zxid);
    return zxids;
  }

  SimulatedFileSystem disk_{7};
  Reports reports_;
  std::unique_ptr<LogThread> thread_;
  int64_t last_ = 0;
};

TEST_F(LogThreadTest, ReportsARecordOnlyWhenAPowerLossCannotTakeIt) {
  start();
  for (int i = 0; i < 50; ++i) {
    const uint64_t sequence = submit(1);
    ASSERT_TRUE(reports_.wait_durable(sequence));
    const auto disk_after_power_loss = disk_.clone(static_cast<uint64_t>(i));
    disk_after_power_loss->restart();
    const auto scan = scan_log(*disk_after_power_loss, kTestDir, kTestIdentity, std::nullopt);
    ASSERT_TRUE(scan.has_value());
    EXPECT_FALSE(scan->damage.has_value());
    EXPECT_GE(scan->contents.last_zxid().value(), last_);
  }
}

TEST_F(LogThreadTest, WhatArrivesDuringAFlushIsTheNextBatch) {
  start();
  reports_.hold();
  submit(1);
  ASSERT_TRUE(reports_.wait_held());
  for (int i = 0; i < 100; ++i) submit(3);
  reports_.release();
  ASSERT_TRUE(reports_.wait_durable(301));
  const auto durable = reports_.durable();
  ASSERT_EQ(durable.size(), 2U);
  EXPECT_EQ(durable[0].last_sequence, 1U);
  EXPECT_EQ(durable[1].last_sequence, 301U);
  EXPECT_EQ(thread_->queued_bytes(), 0U);
}

TEST_F(LogThreadTest, BatchesKeepWithinTheLimitsAndCutBetweenRecords) {
  start({.max_batch_bytes = 10'000, .max_batch_records = 20});
  reports_.hold();
  submit(1);
  ASSERT_TRUE(reports_.wait_held());
  submit(50);          // cut by the number of records
  submit(5, 4'000);    // cut by bytes
  submit(1, 100'000);  // a single larger record is allowed
  const uint64_t last = submit(7);
  reports_.release();
  ASSERT_TRUE(reports_.wait_durable(last));
  uint64_t before = 0;
  LogPosition begin;
  for (const LogDurable& durable : reports_.durable()) {
    const uint64_t records = durable.last_sequence - before;
    EXPECT_LE(records, 20U);
    if (begin.segment == durable.end.segment && records > 1) {
      EXPECT_LE(durable.end.offset - begin.offset, batch_bytes(10'000));
    }
    before = durable.last_sequence;
    begin = durable.end;
  }
  EXPECT_EQ(before, 64U);
  thread_.reset();
  EXPECT_EQ(zxids_on_disk(), zxids_submitted());
}

// ZOOKEEPER-4541 and ZOOKEEPER-4712: the log was written to after the server had stopped.
TEST_F(LogThreadTest, StopMakesEverythingDurableAndSeals) {
  start();
  submit(100);
  submit(100);
  thread_->stop();
  disk_.restart();
  const auto scan = scan_log(disk_, kTestDir, kTestIdentity, std::nullopt);
  ASSERT_TRUE(scan.has_value());
  EXPECT_TRUE(scan->sealed);
  EXPECT_EQ(zxids_on_disk(), zxids_submitted());
}

TEST_F(LogThreadTest, AnIdleLogIsSealed) {
  start({.seal_after = 1ms});
  ASSERT_TRUE(reports_.wait_durable(submit(1)));
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  bool sealed = false;
  while (!sealed && std::chrono::steady_clock::now() < deadline) {
    const auto disk = disk_.clone(1);
    const auto scan = scan_log(*disk, kTestDir, kTestIdentity, std::nullopt);
    ASSERT_TRUE(scan.has_value());
    sealed = scan->sealed;
    std::this_thread::yield();
  }
  EXPECT_TRUE(sealed);
}

// ZOOKEEPER-3701: a truncation that failed was ignored. What becomes of the process: ZOOKEEPER-602.
TEST_F(LogThreadTest, AFailedFlushIsReportedOnceAndNothingIsWrittenAfterIt) {
  start({.seal_after = 1h});
  ASSERT_TRUE(reports_.wait_durable(submit(1)));
  thread_->stop();
  thread_.reset();
  auto log = open_log();
  while (!log->prepare_spare(1 << 20).value()) {
  }
  disk_.fail_call(disk_.calls() + 1, EIO);
  Reports reports;
  thread_ = std::make_unique<LogThread>(std::move(log), LogThreadOptions{.seal_after = 1h},
                                        reports.callbacks());
  submit(1);
  ASSERT_TRUE(reports.wait_fatal());
  const uint64_t calls = disk_.calls();
  submit(1);
  thread_.reset();
  EXPECT_EQ(disk_.calls(), calls);
  EXPECT_TRUE(reports.durable().empty());
}

TEST_F(LogThreadTest, AFullDiskMakesWritesWaitAndFreeSpaceLetsThemGoOn) {
  disk_.set_capacity(64 << 10);
  start({.retry_space_after = 1ms, .max_batch_bytes = 8'000}, 64 << 10);
  ASSERT_TRUE(reports_.wait_no_space(true));
  uint64_t last = 0;
  for (int i = 0; i < 40; ++i) last = submit(1, 3'000);  // more than one segment
  ASSERT_TRUE(reports_.wait_durable(10));
  EXPECT_LT(reports_.durable().back().last_sequence, last);
  disk_.set_capacity(10 << 20);
  ASSERT_TRUE(reports_.wait_durable(last));
  ASSERT_TRUE(reports_.wait_no_space(false));
  thread_.reset();
  EXPECT_EQ(zxids_on_disk(), zxids_submitted());
}

TEST_F(LogThreadTest, WhatWaitsForSpaceGoesOnWhenACheckpointMakesSegmentsSuperfluous) {
  disk_.set_capacity(2 * (64 << 10));
  start({.retry_space_after = 1h, .max_batch_bytes = 8'000}, 64 << 10);
  uint64_t last = 0;
  for (int i = 0; i < 40; ++i) last = submit(1, 3'000);  // more than two segments hold
  ASSERT_TRUE(reports_.wait_no_space(true));
  ASSERT_TRUE(reports_.wait_durable(28));
  thread_->trim({2, 0});
  EXPECT_TRUE(reports_.wait_durable(last));
}

TEST_F(LogThreadTest, StopsWithoutWhatHasNoSpace) {
  disk_.set_capacity(64 << 10);
  start({.retry_space_after = 1h, .max_batch_bytes = 8'000}, 64 << 10);
  ASSERT_TRUE(reports_.wait_no_space(true));
  for (int i = 0; i < 40; ++i) submit(1, 3'000);
  thread_.reset();
  const auto zxids = zxids_on_disk();
  ASSERT_FALSE(reports_.durable().empty());
  EXPECT_EQ(zxids.size(), reports_.durable().back().last_sequence);
}

TEST_F(LogThreadTest, TrimGivesUpSegmentsBeforeTheCheckpoint) {
  start({}, 64 << 10);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(reports_.wait_durable(submit(1, 3'000)));
  const LogPosition end = reports_.durable().back().end;
  ASSERT_GT(end.segment, 3U);
  thread_->trim(end);
  thread_.reset();
  const auto segments = list_segments(disk_, kTestDir);
  ASSERT_TRUE(segments.has_value());
  EXPECT_EQ(segments->front(), end.segment);
}

TEST_F(LogThreadTest, MemoryOfADurableBatchIsUsedAgain) {
  start();
  ASSERT_TRUE(reports_.wait_durable(submit(100)));
  thread_->stop();
  EXPECT_GT(thread_->make_batch()->capacity(), 1'000U);
}

}  // namespace
}  // namespace topod::storage
