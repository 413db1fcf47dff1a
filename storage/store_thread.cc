#include "storage/store_thread.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "proto/check.h"

namespace topod::storage {

namespace {
constexpr size_t kManyBytes = size_t{4} * 1024 * 1024;
}  // namespace

StoreThread::StoreThread(Store store, const StoreThreadOptions& options, StoreCallbacks callbacks)
    : store_(std::move(store)),
      options_(options),
      callbacks_(std::move(callbacks)),
      scrubber_(store_),
      scrub_at_(Clock::now() + options.scrub_slice),
      thread_([this] { run(); }) {}

StoreThread::~StoreThread() { stop(); }

bool StoreThread::busy() const {
  const std::lock_guard lock(mutex_);
  return work_.has_value();
}

void StoreThread::submit(Checkpoint checkpoint, const CheckpointMeta& meta) {
  const std::lock_guard lock(mutex_);
  CHECK(!work_.has_value() && !stopping_);
  work_.emplace(Work{std::move(checkpoint), meta});
  changed_.notify_all();
}

bool StoreThread::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !work_.has_value() || no_space_ || failed_; });
  return !work_.has_value();
}

void StoreThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void StoreThread::run() {
  while (true) {
    switch (wait_for_work()) {
      case Step::kCommit: commit(); break;
      case Step::kScrub: scrub(); break;
      case Step::kEnd: return;
    }
  }
}

StoreThread::Step StoreThread::wait_for_work() {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto now = Clock::now();
    if (failed_) return Step::kEnd;
    if (work_.has_value() && (!no_space_ || now >= retry_at_ || stopping_)) return Step::kCommit;
    if (stopping_) return Step::kEnd;
    if (now >= scrub_at_) return Step::kScrub;
    changed_.wait_until(lock, work_.has_value() ? std::min(retry_at_, scrub_at_) : scrub_at_);
  }
}

void StoreThread::commit() {
  // `work_` stays in place: only this thread takes it away.
  const auto begin = Clock::now();
  const Expected<void> done = store_.commit(work_->checkpoint, work_->meta);
  const auto duration = Clock::now() - begin;
  if (!done && done.error().kind == StorageError::Kind::kNoSpace) {
    retry_at_ = Clock::now() + options_.retry_space_after;
    set_no_space(true);
    const std::lock_guard lock(mutex_);
    // The last attempt was this one; the log has it all.
    if (stopping_) failed_ = true;
    return;
  }
  if (!done) {
    callbacks_.on_fatal(done.error());
    const std::lock_guard lock(mutex_);
    failed_ = true;
    changed_.notify_all();
    return;
  }
  set_no_space(false);
  const CheckpointMeta meta = work_->meta;
  committed_bytes_ += work_->checkpoint.bytes();
  std::optional<Work> finished;  // freed outside of the lock
  {
    const std::lock_guard lock(mutex_);
    finished = std::exchange(work_, std::nullopt);
    changed_.notify_all();
  }
  callbacks_.on_checkpoint(meta,
                           std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

void StoreThread::scrub() {
  scrub_at_ = Clock::now() + options_.scrub_slice;
  trim_memory();
  const uint64_t rows =
      scrubber_.rows_per_slice(options_.scrub_slice.count(), options_.scrub_period.count());
  const Expected<uint64_t> seen = scrubber_.step(rows);
  if (!seen) callbacks_.on_damage(seen.error());
}

void StoreThread::trim_memory() {
  if (committed_bytes_ >= kManyBytes) {
    trim_due_ = true;
  } else if (trim_due_) {
    malloc_trim(0);
    trim_due_ = false;
  }
  committed_bytes_ = 0;
}

void StoreThread::set_no_space(bool no_space) {
  {
    const std::lock_guard lock(mutex_);
    if (no_space_ == no_space) return;
    no_space_ = no_space;
    changed_.notify_all();
  }
  callbacks_.on_no_space(no_space);
}

}  // namespace topod::storage
