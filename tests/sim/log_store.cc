#include "tests/sim/log_store.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"
#include "proto/mutants.h"

namespace topod::sim {

namespace {
// Small, so that a world of a minute sees batches cut and segments change.
constexpr size_t kMaxBatchBytes = size_t{64} * 1024;
constexpr size_t kPrepareBytes = size_t{64} * 1024;
constexpr int64_t kRetrySpaceUs = 1 * kSecond;
}  // namespace

LogStore::LogStore(World& world, Disk& disk, std::unique_ptr<storage::Log> log,
                   const DiskSpeed& speed, size_t batch_records, storage::LogPosition covered,
                   storage::HistoryReader reader, Events events)
    : world_(world),
      disk_(disk),
      log_(std::move(log)),
      speed_(speed),
      batch_records_(batch_records),
      events_(std::move(events)),
      reader_(std::move(reader)),
      durable_end_(log_->end()),
      position_(covered) {
  flushed_.push_back({log_->end(), log_->contents().last_zxid()});
}

World::Action LogStore::alive(std::function<void()> action) {
  return [is_alive = std::weak_ptr<bool>(is_alive_), action = std::move(action)] {
    if (!is_alive.expired()) action();
  };
}

void LogStore::add(const zab::Append& record) {
  events_.added(record);
  queue_.push_back({record.kind, record.zxid, record.number, std::string(record.payload)});
  queued_bytes_ += storage::kRecordHeaderBytes + record.payload.size();
}

void LogStore::submit() {
  submitted_ = queue_.size();
  if (!flushing_) begin_flush();
}

storage::RecordBatch LogStore::take_batch(Zxid& greatest) {
  storage::RecordBatch batch;
  while (submitted_ > 0 && batch.records() < batch_records_) {
    const LogRecord& record = queue_.front();
    const size_t bytes = storage::kRecordHeaderBytes + record.payload.size();
    if (batch.records() > 0 && batch.bytes().size() + bytes > kMaxBatchBytes) break;
    batch.add(record.kind, record.zxid, record.number, record.payload);
    if (record.kind == LogRecordKind::kTransaction) greatest = std::max(greatest, record.zxid);
    if (record.kind == LogRecordKind::kTruncate || record.kind == LogRecordKind::kSnapshot) {
      ++revision_;
    }
    queue_.pop_front();
    --submitted_;
  }
  return batch;
}

// Prepares space if need be; false: there is none.
bool LogStore::has_room(size_t bytes) {
  while (!log_->has_room(bytes)) {
    if (!prepare()) return false;
  }
  return true;
}

void LogStore::begin_flush() {
  if ((submitted_ == 0 && batch_.records() == 0) || failed_) return;
  flushing_ = true;
  disk_.begin_operation();
  if (batch_.records() == 0) batch_ = take_batch(greatest_in_batch_ = Zxid{});
  const std::string_view piece = batch_.bytes();
  if (!has_room(piece.size())) {
    disk_.end_operation();
    world_.after(kRetrySpaceUs, alive([this] { begin_flush(); }));
    return;
  }
  Flushed flushed;
  flushed.greatest = greatest_in_batch_;
  const auto end = log_->append({&piece, 1});
  if (!end) return fail(end.error());
  flushed.end = *end;
  world_.after(world_.random().skewed(speed_.flush_min_us, speed_.flush_max_us),
               alive([this, records = batch_.records(), bytes = piece.size(), flushed] {
                 end_flush(records, bytes, flushed);
               }));
}

void LogStore::end_flush(uint64_t records, size_t bytes, Flushed flushed) {
  disk_.end_operation();
  batch_.clear();
  durable_end_ = flushed.end;
  flushing_ = false;
  durable_ += records;
  queued_bytes_ -= bytes;
  flushed_.push_back(flushed);
  if (log_->preparation_is_late()) static_cast<void>(prepare());
  begin_flush();
  if (!flushing_) seal_when_idle();
  events_.durable(durable_);
}

void LogStore::fail(const storage::IoError& error) {
  disk_.end_operation();
  failed_ = true;
  world_.after(0, alive([this, error] { events_.failed(error); }));
}

// False: the disk is full, or has failed.
bool LogStore::prepare() {
  const auto ready = log_->prepare_spare(kPrepareBytes);
  if (!ready) {
    if (!ready.error().no_space()) {
      fail(ready.error());
      return false;
    }
    if (!std::exchange(no_space_, true)) {
      events_.no_space(true);
      world_.after(kRetrySpaceUs, alive([this] { try_space_again(); }));
    }
    return false;
  }
  if (*ready && std::exchange(no_space_, false)) events_.no_space(false);
  return true;
}

// Writes are refused meanwhile, so nobody else would.
void LogStore::try_space_again() {
  if (!flushing_ && !failed_) {
    disk_.begin_operation();
    while (no_space_ && prepare()) {
    }
    disk_.end_operation();
  }
  if (no_space_) world_.after(kRetrySpaceUs, alive([this] { try_space_again(); }));
}

void LogStore::seal_when_idle() {
  world_.after(limits::kSealAfterMs * kMillisecond, alive([this, then = durable_] {
                 if (flushing_ || durable_ != then || failed_) return;
                 disk_.begin_operation();
                 const auto end = log_->seal();
                 if (!end) return fail(end.error());
                 durable_end_ = *end;
                 disk_.end_operation();
               }));
}

void LogStore::read_history(const zab::HistoryRead& read) {
  const int64_t duration_us = world_.random().skewed(100, 20 * kMillisecond);
  world_.after(duration_us, alive([this, read] {
                 storage::HistoryAnswer answer =
                     reader_.read({read.link, read.after, read.through, read.max_bytes,
                                   durable_end_, revision_});
                 std::vector<zab::HistoryEntry> entries;
                 for (LogRecord& record : answer.transactions) {
                   entries.push_back({record.zxid, Zxid(static_cast<int64_t>(record.number)),
                                      std::move(record.payload)});
                 }
                 const bool gone = entries.empty();
                 events_.history(read.link, std::move(entries), gone);
               }));
}

storage::LogPosition LogStore::position_after(Zxid applied) {
  if (MUTANT(CheckpointPlaceTooLate)) return durable_end_;
  while (!flushed_.empty() && flushed_.front().greatest <= applied) {
    position_ = flushed_.front().end;
    flushed_.pop_front();
  }
  return position_;
}

void LogStore::trim(storage::LogPosition keep) {
  if (flushing_ || failed_) return;  // another time
  disk_.begin_operation();
  const auto trimmed = log_->trim(keep);
  if (!trimmed) return fail(trimmed.error());
  disk_.end_operation();
}

}  // namespace topod::sim
