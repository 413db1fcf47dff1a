#include "storage/log_tail.h"

#include <algorithm>
#include <cerrno>
#include <optional>

namespace topod::storage {
namespace {

constexpr size_t kBlock = limits::kBatchAlignBytes;
constexpr size_t kSector = limits::kSectorBytes;

class TailExaminer {
 public:
  TailExaminer(FileSystem& file_system, const std::string& dir, const LogIdentity& identity,
               LogPosition end)
      : file_system_(file_system), dir_(dir), seed_(seed_of(identity)), end_(end) {}

  IoResult<LogTail> examine(const std::vector<uint64_t>& segments) {
    for (const uint64_t number : segments) {
      if (number < end_.segment) continue;
      if (const auto done = examine_segment(number); !done) {
        if (done.error().code != EIO) return tl::make_unexpected(done.error());
        damaged("segment " + std::to_string(number) + " cannot be read (" + done.error().message() +
                ")");
      }
    }
    if (tail_.valid_batches > 0) {
      // Said last, but it is the weightiest reason.
      tail_.damage = "a batch was changed after it had become durable: valid ones follow it";
    }
    if (tail_.damage.empty() && !tail_.dirty.empty()) {
      if (const auto done = judge_torn_write(segments); !done) {
        return tl::make_unexpected(done.error());
      }
    }
    return std::move(tail_);
  }

 private:
  void damaged(std::string reason) {
    if (tail_.damage.empty()) tail_.damage = std::move(reason);
  }

  // Notes every block that is not zero and every valid batch.
  IoResult<void> examine_segment(uint64_t number) {
    auto reader = SegmentReader::open(file_system_, dir_, number);
    if (!reader) return tl::make_unexpected(reader.error());
    if (!reader->well_sized()) {
      damaged("the size of segment " + std::to_string(number) + " is wrong");
      return {};
    }
    uint64_t offset = number == end_.segment ? end_.offset : 0;
    while (offset < reader->size()) {
      const auto block = reader->bytes(offset, kBlock);
      if (!block) {
        if (block.error().code != EIO) return tl::make_unexpected(block.error());
        damaged("segment " + std::to_string(number) + " offset " + std::to_string(offset) +
                " cannot be read");
        offset += kBlock;
        continue;
      }
      if (all_zero(*block)) {
        offset += kBlock;
        continue;
      }
      note_dirty(number, offset);
      Batch batch;
      const auto state = reader->read_batch(offset, seed_, batch);
      const bool valid = state.has_value() && *state == BatchState::kValid;
      if (valid) note_valid(batch);
      offset += valid ? batch.bytes.size() : kBlock;
    }
    return {};
  }

  void note_dirty(uint64_t number, uint64_t offset) {
    if (tail_.dirty.empty() || tail_.dirty.back().segment != number) {
      tail_.dirty.push_back({number, offset, offset});
    }
    tail_.dirty.back().end = offset + kBlock;
  }

  void note_valid(Batch& batch) {
    ++tail_.valid_batches;
    RecordCursor cursor(extract_records(batch.bytes, batch.header));
    while (const auto record = cursor.next()) {
      const Epoch epoch(static_cast<uint32_t>(std::min<uint64_t>(record->number, kEpochMax)));
      if (record->kind == LogRecordKind::kTransaction) {
        if (tail_.first_zxid == Zxid()) tail_.first_zxid = record->zxid;
        tail_.last_zxid = std::max(tail_.last_zxid, record->zxid);
      } else if (record->kind == LogRecordKind::kAcceptedEpoch) {
        tail_.accepted_epoch = std::max(tail_.accepted_epoch, epoch);
      } else if (record->kind == LogRecordKind::kCurrentEpoch) {
        tail_.current_epoch = std::max(tail_.current_epoch, epoch);
      }
    }
  }

  // Only one write can have been in flight: the next batch of this segment, or the head of the
  // next one. Everything that is not zero must belong to it, and a part of it must be missing.
  IoResult<void> judge_torn_write(const std::vector<uint64_t>& segments) {
    const DirtyRange& range = tail_.dirty.front();
    const auto next = std::upper_bound(segments.begin(), segments.end(), end_.segment);
    const bool in_this = range.segment == end_.segment;
    if (tail_.dirty.size() > 1 ||
        (!in_this && (next == segments.end() || *next != range.segment))) {
      damaged("bytes where no write can have been in flight");
      return {};
    }
    auto reader = SegmentReader::open(file_system_, dir_, range.segment);
    if (!reader) return tl::make_unexpected(reader.error());
    const uint64_t begin = in_this ? end_.offset : 0;
    const auto first = reader->bytes(begin, kBlock);
    if (!first) return tl::make_unexpected(first.error());
    const auto sector = first->first(kSector);
    if (all_zero(sector)) return judge_headless(*reader, range);
    const auto header = read_header(sector, {range.segment, begin}, seed_);
    if (!header || batch_bytes(header->length) > reader->size() - begin) {
      damaged("the header of a batch has changed");
      return {};
    }
    return judge_with_header(*reader, range, begin, *header);
  }

  IoResult<void> judge_headless(SegmentReader& reader, const DirtyRange& range) {
    uint32_t stamp = 0;
    for (uint64_t offset = range.begin; offset < range.end; offset += kSector) {
      const auto sector = sector_at(reader, offset);
      if (!sector) return tl::make_unexpected(sector.error());
      const uint32_t here = stamp_of(*sector);
      if (here == 0) continue;  // blank, or rot in space that was never used
      if (stamp != 0 && here != stamp) {
        damaged("sectors of different batches without a header");
        return {};
      }
      stamp = here;
    }
    tail_.torn = stamp != 0;
    return {};
  }

  IoResult<void> judge_with_header(SegmentReader& reader, const DirtyRange& range, uint64_t begin,
                                   const BatchHeader& header) {
    const uint64_t end = begin + batch_bytes(header.length);
    for (uint64_t offset = begin; offset < std::max(end, range.end); offset += kSector) {
      const auto sector = sector_at(reader, offset);
      if (!sector) return tl::make_unexpected(sector.error());
      const uint32_t stamp = stamp_of(*sector);
      if (offset >= end) {
        if (stamp != 0) damaged("bytes behind the last batch");
      } else if (all_zero(*sector)) {
        tail_.torn = true;
      } else if (stamp != header.stamp) {
        damaged("a sector of the last batch has changed");
      }
    }
    if (!tail_.torn) damaged("the last batch is complete, but its bytes have changed");
    if (!tail_.damage.empty()) tail_.torn = false;
    return {};
  }

  static IoResult<std::span<const std::byte>> sector_at(SegmentReader& reader, uint64_t offset) {
    const auto block = reader.bytes(offset / kBlock * kBlock, kBlock);
    if (!block) return tl::make_unexpected(block.error());
    return std::span<const std::byte>(*block).subspan(offset % kBlock, kSector);
  }

  FileSystem& file_system_;
  const std::string& dir_;
  uint64_t seed_;
  LogPosition end_;
  LogTail tail_;
};

}  // namespace

IoResult<LogTail> examine_tail(FileSystem& file_system, const std::string& dir,
                               const LogIdentity& identity, const std::vector<uint64_t>& segments,
                               LogPosition end) {
  return TailExaminer(file_system, dir, identity, end).examine(segments);
}

}  // namespace topod::storage
