#include "storage/log_reader.h"

#include <optional>
#include <utility>

#include "proto/check.h"

namespace topod::storage {
namespace {

std::vector<uint64_t> segments_between(const std::vector<uint64_t>& segments, LogPosition from,
                                       LogPosition end) {
  std::vector<uint64_t> result;
  for (const uint64_t number : segments) {
    if (number >= from.segment && number <= end.segment) result.push_back(number);
  }
  return result;
}

}  // namespace

tl::expected<LogReader, std::string> LogReader::open(FileSystem& file_system,
                                                     const std::string& dir,
                                                     const LogIdentity& identity, LogPosition from,
                                                     LogPosition end) {
  const auto segments = list_segments(file_system, dir);
  if (!segments) return tl::make_unexpected(segments.error().message());
  LogScan scan;
  scan.segments = *segments;
  scan.begin = {from.segment, 0};
  scan.end = end;
  const auto range = segments_between(scan.segments, scan.begin, end);
  if (range.empty() || range.front() != from.segment) {
    return tl::make_unexpected("segment " + std::to_string(from.segment) + " is gone");
  }
  BatchWalker walker(file_system, dir, identity, range);
  while (walker.end() < end) {
    const auto step = walker.next();
    if (!step) return tl::make_unexpected(step.error().message());
    if (*step == BatchWalker::Step::kStop) {
      return tl::make_unexpected("the log cannot be read at " + walker.end().to_string());
    }
    const std::string reason = apply_batch(walker.batch(), walker.position(), scan);
    if (!reason.empty()) return tl::make_unexpected(reason);
  }
  return LogReader(file_system, dir, identity, scan, from);
}

LogReader::LogReader(FileSystem& file_system, const std::string& dir, const LogIdentity& identity,
                     const LogScan& scan, LogPosition from)
    : contents_(scan.contents),
      walker_(file_system, dir, identity, segments_between(scan.segments, scan.begin, scan.end)),
      from_(from),
      end_(scan.end),
      place_{from, 0} {
  CHECK(from >= scan.begin);
  contents_.give_up_pending_snapshot();
}

tl::expected<const LogRecordView*, std::string> LogReader::next() {
  while (true) {
    while (const auto record = cursor_.next()) {
      ++place_.index;
      if (record->kind != LogRecordKind::kTransaction) continue;
      if (!contents_.survives(record->zxid, place_)) continue;
      record_ = *record;
      return &record_;
    }
    const auto more = next_batch();
    if (!more) return tl::make_unexpected(more.error());
    if (!*more) return nullptr;
  }
}

tl::expected<bool, std::string> LogReader::next_batch() {
  while (walker_.end() < end_) {
    const auto step = walker_.next();
    if (!step) return tl::make_unexpected(step.error().message());
    if (*step == BatchWalker::Step::kStop) {
      return tl::make_unexpected("the log cannot be read at " + walker_.end().to_string());
    }
    if (walker_.position() < from_) continue;
    Batch& batch = walker_.batch();
    cursor_ = RecordCursor(extract_records(batch.bytes, batch.header));
    place_ = {walker_.position(), UINT32_MAX};  // the first record becomes number 0
    return true;
  }
  return false;
}

}  // namespace topod::storage
