#include "storage/log_recovery.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proto/check.h"
#include "storage/log_tail.h"

namespace topod::storage {

std::string LogDamage::describe() const {
  std::string text = "the log is damaged at " + position.to_string() + ": " + reason +
                     ". Transactions after " + to_hex(last_good_zxid) +
                     " that the stored tree does not hold would be lost; ";
  if (batches_behind == 0) return text + "nothing behind the damage can be read.";
  text += std::to_string(batches_behind) + " batches behind the damage are still readable";
  if (last_zxid_behind == Zxid()) return text + ", without transactions.";
  return text + ", with transactions from " + to_hex(first_zxid_behind) + " to " +
         to_hex(last_zxid_behind) + ".";
}

// ---- walking -------------------------------------------------------------------------------

BatchWalker::BatchWalker(FileSystem& file_system, std::string dir, const LogIdentity& identity,
                         std::vector<uint64_t> segments)
    : file_system_(file_system),
      dir_(std::move(dir)),
      seed_(seed_of(identity)),
      segments_(std::move(segments)) {
  CHECK(!segments_.empty());
  end_ = {segments_.front(), 0};
}

IoResult<BatchWalker::Step> BatchWalker::next() {
  if (!reader_) {
    auto reader = SegmentReader::open(file_system_, dir_, segments_[index_]);
    if (!reader) return stop_or_fail(reader.error());
    if (!reader->well_sized()) {
      return stop("the segment's size, " + std::to_string(reader->size()) + " bytes, is wrong");
    }
    reader_ = std::move(*reader);
  }
  BatchState state = BatchState::kBlank;
  if (end_.offset < reader_->size()) {
    const auto read = reader_->read_batch(end_.offset, seed_, batch_);
    if (!read) return stop_or_fail(read.error());
    state = *read;
  }
  if (state == BatchState::kBad) return stop({});
  if (state == BatchState::kBlank) {
    const auto entered = enter_next_segment();
    if (!entered) return stop_or_fail(entered.error());
    if (!*entered) return Step::kStop;
  }
  const BatchHeader& header = batch_.header;
  if (header.version != kLogFormatVersion) {
    return stop("version " + std::to_string(header.version) + " of the log is not known");
  }
  if (hash_known_ && header.previous_hash != hash_) {
    return stop("the batch does not follow the one before it");
  }
  if ((end_.offset == 0) != ((header.flags & kFlagHead) != 0)) {
    return stop("a segment's head is missing or misplaced");
  }
  position_ = end_;
  end_.offset += batch_.bytes.size();
  hash_ = header.hash;
  hash_known_ = true;
  return Step::kBatch;
}

IoResult<bool> BatchWalker::enter_next_segment() {
  if (index_ + 1 == segments_.size()) return false;
  auto reader = SegmentReader::open(file_system_, dir_, segments_[index_ + 1]);
  if (!reader) return tl::make_unexpected(reader.error());
  if (!reader->well_sized()) {
    reason_ = "the size of segment " + std::to_string(reader->number()) + ", " +
              std::to_string(reader->size()) + " bytes, is wrong";
    return false;
  }
  const auto state = reader->read_batch(0, seed_, batch_);
  if (!state) return tl::make_unexpected(state.error());
  if (*state != BatchState::kValid) return false;
  if (!hash_known_ || batch_.header.previous_hash != hash_) {
    reason_ = "segment " + std::to_string(reader->number()) + " does not go on from here";
    return false;
  }
  ++index_;
  end_ = {segments_[index_], 0};
  // Moving the reader keeps its window, in which `batch_` lies.
  reader_ = std::move(*reader);
  return true;
}

IoResult<BatchWalker::Step> BatchWalker::stop(std::string reason) {
  reason_ = std::move(reason);
  return Step::kStop;
}

IoResult<BatchWalker::Step> BatchWalker::stop_or_fail(const IoError& error) {
  if (error.code != EIO) return tl::make_unexpected(error);
  return stop("it cannot be read (" + error.message() + ")");
}

// ---- scanning ------------------------------------------------------------------------------

std::string apply_batch(Batch& batch, LogPosition position, LogScan& scan) {
  const BatchHeader& header = batch.header;
  const bool head = (header.flags & kFlagHead) != 0;
  if (scan.batches == 0) scan.contents.start(Zxid(header.last_zxid));
  RecordCursor cursor(extract_records(batch.bytes, header));
  uint32_t index = 0;
  while (const auto record = cursor.next()) {
    const auto applied = scan.contents.apply(*record, {position, index++}, head);
    if (!applied) return applied.error();
    if (record->kind == LogRecordKind::kTransaction) ++scan.transactions;
  }
  if (cursor.malformed() || index != header.record_count) return "malformed records in a batch";
  if (scan.contents.last_zxid().value() != header.last_zxid) {
    return "the last zxid of a batch does not add up";
  }
  ++scan.batches;
  scan.sealed = (header.flags & kFlagSeal) != 0;
  return {};
}

namespace {

void set_damage(LogScan& scan, Zxid last_good, std::string reason, const LogTail& tail) {
  scan.verdict = LogVerdict::kDamaged;
  scan.damage = LogDamage{
      scan.begin,      scan.end,       std::move(reason),   last_good,         tail.valid_batches,
      tail.first_zxid, tail.last_zxid, tail.accepted_epoch, tail.current_epoch};
}

}  // namespace

IoResult<LogScan> scan_log(FileSystem& file_system, const std::string& dir,
                           const LogIdentity& identity, std::optional<LogPosition> from) {
  LogScan scan;
  auto segments = list_segments(file_system, dir);
  if (!segments) return tl::make_unexpected(segments.error());
  scan.segments = *segments;
  if (from) std::erase_if(*segments, [&](uint64_t number) { return number < from->segment; });
  if (from && (segments->empty() || segments->front() != from->segment)) {
    scan.begin = scan.end = *from;
    set_damage(scan, Zxid(), "segment " + std::to_string(from->segment) + " is missing", {});
    return scan;
  }
  if (segments->empty()) return scan;
  scan.begin = scan.end = {segments->front(), 0};

  BatchWalker walker(file_system, dir, identity, *segments);
  std::string reason;
  Zxid last_good;
  while (reason.empty()) {
    const auto step = walker.next();
    if (!step) return tl::make_unexpected(step.error());
    if (*step == BatchWalker::Step::kStop) {
      reason = walker.reason();
      break;
    }
    reason = apply_batch(walker.batch(), walker.position(), scan);
    if (!reason.empty()) break;
    last_good = scan.contents.last_zxid();
    scan.end = walker.end();
    scan.end_hash = walker.hash();
  }

  auto tail = examine_tail(file_system, dir, identity, scan.segments, scan.end);
  if (!tail) return tl::make_unexpected(tail.error());
  if (reason.empty()) reason = tail->damage;
  if (reason.empty() && from && scan.end < *from) {
    reason = "the checkpoint was made at " + from->to_string() + ", but the log ends here";
  }
  if (!reason.empty()) {
    set_damage(scan, last_good, std::move(reason), *tail);
    return scan;
  }
  if (tail->torn) scan.verdict = LogVerdict::kTornTail;
  scan.dirty = std::move(tail->dirty);
  return scan;
}

}  // namespace topod::storage
