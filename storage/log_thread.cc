#include "storage/log_thread.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"

namespace topod::storage {
namespace {

// A step of preparing: short enough that a record which arrives meanwhile hardly waits.
constexpr size_t kPrepareStepBytes = size_t{256} << 10;
// Memory that an unused batch may hold on to, and how many are kept.
constexpr size_t kKeepBatchBytes = size_t{1} << 20;
constexpr size_t kKeepBatches = 16;

}  // namespace

LogThread::LogThread(std::unique_ptr<Log> log, const LogThreadOptions& options,
                     LogCallbacks callbacks)
    : options_(options), callbacks_(std::move(callbacks)), log_(std::move(log)) {
  prepare_at_ = Clock::now();
  seal_at_ = Clock::now() + options_.seal_after;
  thread_ = std::thread([this] { run(); });
}

LogThread::~LogThread() { stop(); }

// ---- the loop's side -----------------------------------------------------------------------

RecordBatchPtr LogThread::make_batch() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      RecordBatchPtr batch = std::move(free_.back());
      free_.pop_back();
      return batch;
    }
  }
  return std::make_unique<RecordBatch>();
}

uint64_t LogThread::submit(RecordBatchPtr batch) {
  const uint32_t records = batch->records();
  const size_t bytes = batch->bytes().size();
  bool wake = false;
  uint64_t last = 0;
  queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    CHECK(!stopping_);
    last = submitted_ += records;
    auto& list = records == 0 ? free_ : queue_;
    list.push_back(std::move(batch));
    wake = sleeping_ && records != 0;
  }
  if (wake) wake_.ring();
  return last;
}

void LogThread::trim(LogPosition keep) {
  {
    const std::lock_guard lock(mutex_);
    keep_ = keep;
  }
  wake_.ring();
}

void LogThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.ring();
  if (thread_.joinable()) thread_.join();
}

// ---- the log thread ------------------------------------------------------------------------

void LogThread::run() {
  while (wait_for_work()) {
    if (!write_queue() || !housekeep()) return;
  }
  if (const auto sealed = log_->seal(); !sealed) fail(sealed.error());
}

LogThread::Clock::time_point LogThread::next_deadline() const {
  Clock::time_point deadline = Clock::now() + std::chrono::hours(1);
  if (unsealed_) deadline = std::min(deadline, seal_at_);
  if (!spare_ready_) deadline = std::min(deadline, prepare_at_);
  return deadline;
}

bool LogThread::wait_for_work() {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !queue_.empty() || keep_.has_value() || stopping_; };
  for (const auto deadline = next_deadline(); !ready() && Clock::now() < deadline;) {
    sleeping_ = true;
    lock.unlock();
    wake_.wait_until(deadline);
    lock.lock();
    sleeping_ = false;
  }
  for (RecordBatchPtr& batch : taken_) {
    if (free_.size() < kKeepBatches && batch->capacity() <= kKeepBatchBytes) {
      free_.push_back(std::move(batch));
    }
  }
  taken_.clear();
  taken_.swap(queue_);
  taken_keep_ = std::exchange(keep_, std::nullopt);
  return !taken_.empty() || taken_keep_.has_value() || !stopping_;
}

// Groups what was taken into batches within the limits. A submitted batch that does not fit is
// cut between two records; one record alone may be larger than the limit.
bool LogThread::write_queue() {
  uint64_t records = 0;
  size_t bytes = 0;
  const auto flush = [&] {
    const bool written = write_pieces(records, bytes);
    pieces_.clear();
    records = 0;
    bytes = 0;
    return written;
  };
  const auto fits = [&](uint64_t more_records, size_t more_bytes) {
    return records + more_records <= options_.max_batch_records &&
           bytes + more_bytes <= options_.max_batch_bytes;
  };
  for (const RecordBatchPtr& batch : taken_) {
    std::string_view rest = batch->bytes();
    if (fits(batch->records(), rest.size())) {
      pieces_.push_back(rest);
      records += batch->records();
      bytes += rest.size();
      continue;
    }
    RecordCursor cursor(rest);
    size_t cut = 0;  // bytes of `rest` that are in the current batch
    while (const auto record = cursor.next()) {
      const size_t size = kRecordHeaderBytes + record->payload.size();
      if (records > 0 && !fits(1, size)) {
        if (cut > 0) pieces_.push_back(rest.substr(0, cut));
        if (!flush()) return false;
        rest.remove_prefix(cut);
        cut = 0;
      }
      cut += size;
      bytes += size;
      ++records;
    }
    if (cut > 0) pieces_.push_back(rest.substr(0, cut));
  }
  if (records > 0 && !flush()) return false;
  for (RecordBatchPtr& batch : taken_) batch->clear();
  return true;
}

bool LogThread::write_pieces(uint64_t records, size_t bytes) {
  if (!wait_for_room(bytes)) return false;
  const auto begin = Clock::now();
  const auto end = log_->append(pieces_);
  if (!end) {
    fail(end.error());
    return false;
  }
  const auto now = Clock::now();
  durable_ += records;
  unsealed_ = true;
  seal_at_ = now + options_.seal_after;
  queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  const auto flush_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now - begin).count();
  callbacks_.on_durable({durable_, *end, flush_ns, records, bytes});
  // Twice what is written: the next segment is ready when this one is half full.
  spare_ready_ = log_->spare_ready();
  if (log_->preparation_is_late() && now >= prepare_at_) {
    return prepare(std::max(kPrepareStepBytes, 2 * batch_bytes(bytes)));
  }
  return true;
}

// True when the batch fits; false when the thread must end without it.
bool LogThread::wait_for_room(size_t bytes) {
  while (!log_->has_room(bytes)) {
    if (!trim_log()) return false;
    if (Clock::now() < prepare_at_) {
      wake_.wait_until(prepare_at_);
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      taken_keep_ = std::exchange(keep_, std::nullopt);
      continue;
    }
    if (!prepare(kPrepareStepBytes)) return false;
    CHECK_MSG(!spare_ready_ || log_->has_room(bytes), "a record is larger than a segment");
  }
  return true;
}

// Carries out what `trim` asked for; false after a fatal error.
bool LogThread::trim_log() {
  const auto keep = std::exchange(taken_keep_, std::nullopt);
  if (!keep) return true;
  if (const auto trimmed = log_->trim(*keep); !trimmed) {
    fail(trimmed.error());
    return false;
  }
  // It may be what the next segment has been waiting for.
  if (no_space_) prepare_at_ = Clock::now();
  return true;
}

bool LogThread::housekeep() {
  if (!trim_log()) return false;
  const auto now = Clock::now();
  if (unsealed_ && now >= seal_at_) {
    const auto sealed = log_->seal();
    if (!sealed) {
      fail(sealed.error());
      return false;
    }
    unsealed_ = false;
  }
  // With records waiting, preparing goes on between flushes, and only as much as needed.
  if (taken_.empty() && !spare_ready_ && now >= prepare_at_) return prepare(kPrepareStepBytes);
  return true;
}

// False after a fatal error.
bool LogThread::prepare(size_t budget_bytes) {
  const auto ready = log_->prepare_spare(budget_bytes);
  if (!ready) {
    if (!ready.error().no_space()) {
      fail(ready.error());
      return false;
    }
    prepare_at_ = Clock::now() + options_.retry_space_after;
    set_no_space(true);
    return true;
  }
  spare_ready_ = *ready;
  if (spare_ready_) set_no_space(false);
  return true;
}

void LogThread::set_no_space(bool no_space) {
  if (no_space_ == no_space) return;
  no_space_ = no_space;
  callbacks_.on_no_space(no_space);
}

void LogThread::fail(const IoError& error) { callbacks_.on_fatal(error); }

}  // namespace topod::storage
