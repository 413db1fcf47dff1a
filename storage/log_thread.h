// The thread that owns the log. What arrives while a flush is in flight becomes the next batch:
// that is the group commit, and there is no other delay. When idle it seals the log and prepares
// the next segment; under load it prepares in small steps between flushes.
//
// One other thread, the loop, calls the public functions; the callbacks run on the log thread and
// must only post. A batch handed in is owned by the log until it is durable and is then handed out
// again by `make_batch`.
//
// Errors: any failed write or flush, and any failure of preparing other than a full disk, is
// reported once by `on_fatal`; nothing is written after it, and the process must end. A full disk
// while preparing is a state, not an error: it is tried again every second, and what does not fit
// into prepared space waits, unacknowledged.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "storage/doorbell.h"
#include "storage/log.h"

namespace topod::storage {

struct LogDurable {
  uint64_t last_sequence = 0;  // all records up to this one, counted from 1 as they were submitted
  LogPosition end;             // of the log; a checkpoint of exactly these records continues here
  int64_t flush_ns = 0;
  uint64_t records = 0;  // in this flush
  size_t bytes = 0;      // of them
};

struct LogThreadOptions {
  std::chrono::milliseconds seal_after{limits::kSealAfterMs};
  std::chrono::milliseconds retry_space_after{1'000};
  size_t max_batch_bytes = limits::kMaxBatchBytes;
  uint32_t max_batch_records = limits::kMaxBatchRecords;
};

struct LogCallbacks {
  std::function<void(const LogDurable&)> on_durable;
  std::function<void(const IoError&)> on_fatal;
  std::function<void(bool no_space)> on_no_space;  // when it changes
};

class LogThread {
 public:
  LogThread(std::unique_ptr<Log> log, const LogThreadOptions& options, LogCallbacks callbacks);
  // As `stop`.
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;

  // An empty batch, if possible one whose memory was used before.
  [[nodiscard]] RecordBatchPtr make_batch();
  // Returns the sequence number of its last record. An empty batch is taken back at once.
  uint64_t submit(RecordBatchPtr batch);
  // See Log::trim; carried out soon.
  void trim(LogPosition keep);
  // Makes durable what was submitted (unless there is no space for it), seals, ends the thread.
  void stop();

  // Bytes of records that wait or are being written.
  [[nodiscard]] size_t queued_bytes() const {
    return queued_bytes_.load(std::memory_order_relaxed);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  // Waits for something to do; false when it is time to end.
  bool wait_for_work();
  [[nodiscard]] Clock::time_point next_deadline() const;
  bool write_queue();
  bool write_pieces(uint64_t records, size_t bytes);
  bool wait_for_room(size_t bytes);
  bool trim_log();
  bool housekeep();
  bool prepare(size_t budget_bytes);
  void set_no_space(bool no_space);
  void fail(const IoError& error);

  const LogThreadOptions options_;
  const LogCallbacks callbacks_;
  std::unique_ptr<Log> log_;  // of the log thread

  std::atomic<size_t> queued_bytes_ = 0;

  Doorbell wake_;

  // Shared, under the mutex.
  std::mutex mutex_;
  std::vector<RecordBatchPtr> queue_;
  std::vector<RecordBatchPtr> free_;
  std::optional<LogPosition> keep_;
  uint64_t submitted_ = 0;
  bool sleeping_ = false;
  bool stopping_ = false;

  // Of the log thread alone.
  std::vector<RecordBatchPtr> taken_;
  std::vector<std::string_view> pieces_;
  std::optional<LogPosition> taken_keep_;
  uint64_t durable_ = 0;
  bool spare_ready_ = false;
  bool no_space_ = false;
  bool unsealed_ = true;
  Clock::time_point seal_at_;
  Clock::time_point prepare_at_;

  std::thread thread_;  // last: everything else exists when it starts
};

}  // namespace topod::storage
