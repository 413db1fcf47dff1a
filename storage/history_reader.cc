#include "storage/history_reader.h"

#include <utility>

#include "proto/check.h"
#include "storage/log_segment.h"

namespace topod::storage {
namespace {

constexpr size_t kCursorsMax = 8;

// What holds where a segment begins; nothing if that cannot be read.
std::optional<LogContents> contents_at_head(FileSystem& file_system, const std::string& dir,
                                            const LogIdentity& identity, uint64_t segment) {
  auto reader = SegmentReader::open(file_system, dir, segment);
  if (!reader || !reader->well_sized()) return std::nullopt;
  Batch batch;
  const auto state = reader->read_batch(0, seed_of(identity), batch);
  if (!state || *state != BatchState::kValid) return std::nullopt;
  LogScan scan;
  if (!apply_batch(batch, {segment, 0}, scan).empty()) return std::nullopt;
  return std::move(scan.contents);
}

}  // namespace

HistoryReader::HistoryReader(FileSystem& file_system, std::string dir, const LogIdentity& identity)
    : file_system_(file_system), dir_(std::move(dir)), identity_(identity) {}

HistoryAnswer HistoryReader::read(const HistoryRequest& request) {
  HistoryAnswer answer;
  Cursor* cursor = cursor_for(request, answer.why);
  if (cursor == nullptr) return answer;
  const bool readable = fill(*cursor, request, answer);
  if (answer.transactions.empty() && readable && cursor->end < request.end) {
    // The log has grown since this cursor was made.
    forget(request.link);
    cursor = cursor_for(request, answer.why);
    if (cursor == nullptr) return answer;
    fill(*cursor, request, answer);
  }
  if (answer.transactions.empty()) {
    if (answer.why.empty()) answer.why = "nothing in the log follows " + to_hex(request.after);
    forget(request.link);
    return answer;
  }
  cursor->last = answer.transactions.back().zxid;
  answer.needed = {cursor->reader.position().segment, 0};
  return answer;
}

HistoryReader::Cursor* HistoryReader::cursor_for(const HistoryRequest& request, std::string& why) {
  const auto known = cursors_.find(request.link);
  if (known != cursors_.end()) {
    const Cursor& cursor = known->second;
    if (cursor.last == request.after && cursor.revision == request.revision) return &known->second;
    cursors_.erase(known);
  }
  const auto start = start_for(request, why);
  if (!start) return nullptr;
  auto reader = LogReader::open(file_system_, dir_, identity_, *start, request.end);
  if (!reader) {
    why = reader.error();
    return nullptr;
  }
  // Links are numbered: the first is the oldest.
  if (cursors_.size() == kCursorsMax) cursors_.erase(cursors_.begin());
  Cursor cursor{std::move(*reader), request.end, request.revision, request.after, std::nullopt};
  return &cursors_.emplace(request.link, std::move(cursor)).first->second;
}

std::optional<LogPosition> HistoryReader::start_for(const HistoryRequest& request,
                                                    std::string& why) {
  const auto segments = list_segments(file_system_, dir_);
  if (!segments) {
    why = segments.error().message();
    return std::nullopt;
  }
  std::map<uint64_t, Zxid> heads;
  std::optional<LogPosition> start;
  for (const uint64_t segment : *segments) {
    if (segment > request.end.segment) break;
    const auto known = heads_.find(segment);
    if (known != heads_.end()) {
      heads.insert(*known);
    } else if (const auto contents = contents_at_head(file_system_, dir_, identity_, segment)) {
      heads.emplace(segment, contents->last_zxid());
    } else {
      continue;
    }
    // Nothing above `last` that still stands lies before this segment.
    if (heads.at(segment) <= request.after) start = LogPosition{segment, 0};
  }
  heads_ = std::move(heads);
  if (!start) why = "the log no longer reaches back to " + to_hex(request.after);
  return start;
}

bool HistoryReader::fill(Cursor& cursor, const HistoryRequest& request, HistoryAnswer& answer) {
  size_t bytes = 0;
  Zxid last = request.after;
  while (bytes < request.max_bytes && last < request.through) {
    if (!cursor.ahead) {
      const auto next = cursor.reader.next();
      if (!next) {
        answer.why = next.error();
        return false;
      }
      if (*next == nullptr) return true;
      const LogRecordView& view = **next;
      if (view.zxid <= request.after) continue;
      cursor.ahead = LogRecord{view.kind, view.zxid, view.number, std::string(view.payload)};
    }
    if (cursor.ahead->zxid > request.through) return true;
    if (Zxid(static_cast<int64_t>(cursor.ahead->number)) != last) {
      answer.why = "in the log " + to_hex(cursor.ahead->zxid) + " follows " +
                   to_hex(cursor.ahead->number) + " and not " + to_hex(last);
      return false;
    }
    last = cursor.ahead->zxid;
    bytes += cursor.ahead->payload.size();
    answer.transactions.push_back(std::move(*cursor.ahead));
    cursor.ahead.reset();
  }
  return true;
}

Zxid history_begin(FileSystem& file_system, const std::string& dir, const LogIdentity& identity,
                   const LogScan& scan) {
  const LogContents& contents = scan.contents;
  if (scan.batches == 0) return contents.last_zxid();
  const auto& snapshot = contents.snapshot();
  for (const uint64_t segment : {scan.segments.front(), scan.begin.segment}) {
    const auto head = contents_at_head(file_system, dir, identity, segment);
    if (!head) continue;
    const bool installed_before =
        !snapshot ||
        (head->snapshot().has_value() && head->snapshot()->generation == snapshot->generation);
    return installed_before ? head->last_zxid() : snapshot->zxid;
  }
  return contents.last_zxid();
}

}  // namespace topod::storage
