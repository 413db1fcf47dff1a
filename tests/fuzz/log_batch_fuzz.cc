// What stands in the segments of a log. Batches come with right hashes around arbitrary records,
// or are then changed, so that both the checks and what lies behind them are reached. A log is
// damaged or usable, and after a repair it is usable; usable means: what is read comes in order,
// and what is appended comes back.
//
// Input: steps of one byte and what they take:
//   0  a batch: flags, length of the records (2 bytes), the records
//   1  the next segment
//   2  a change: block (1 byte), offset in it (2 bytes), mask (1 byte)
//   3  a sector of zeros: block, sector in it (1 byte each)
//   4  a block of bytes that are no batch: block (1 byte), a byte to fill it with
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/check.h"
#include "storage/log_reader.h"
#include "storage/log_repair.h"
#include "tests/unit/storage/simulated_file.h"

namespace topod::storage {
namespace {

constexpr LogIdentity kIdentity{{7}, ServerId(1)};
constexpr size_t kSegmentBytes = size_t{64} << 10;
constexpr size_t kBlock = limits::kBatchAlignBytes;
constexpr size_t kBlocks = kSegmentBytes / kBlock;
constexpr size_t kMaxSegments = 3;
constexpr size_t kMaxRecordBytes = 2'000;
const std::string kDir = "/data/wal";

class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  size_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  size_t two_bytes() {
    const size_t high = byte();
    return high << 8 | byte();
  }
  std::string_view take(size_t length) {
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

// Lays out segments as the input says.
class Writer {
 public:
  Writer() { next_segment(); }

  void step(Input& in) {
    switch (in.byte()) {
      case 0: add_batch(in); break;
      case 1: next_segment(); break;
      case 2: {
        const size_t at = in.byte() % kBlocks * kBlock + in.two_bytes() % kBlock;
        char& byte = segments_.back()[at];
        byte = static_cast<char>(static_cast<uint8_t>(byte) ^ in.byte());
        break;
      }
      case 3: {
        const size_t at = in.byte() % kBlocks * kBlock + in.byte() % 8 * limits::kSectorBytes;
        std::memset(&segments_.back()[at], 0, limits::kSectorBytes);
        break;
      }
      case 4: {
        const size_t at = in.byte() % kBlocks * kBlock;
        std::memset(&segments_.back()[at], static_cast<int>(in.byte()), kBlock);
        break;
      }
      default: break;
    }
  }

  [[nodiscard]] const std::vector<std::string>& segments() const { return segments_; }

 private:
  void next_segment() {
    if (segments_.size() == kMaxSegments) return;
    segments_.emplace_back(kSegmentBytes, '\0');
    offset_ = 0;
  }

  void add_batch(Input& in) {
    BatchHeader header;
    header.flags = static_cast<uint16_t>(in.byte());
    const std::string_view records = in.take(in.two_bytes() % kMaxRecordBytes);
    if (offset_ + batch_bytes(records.size()) > kSegmentBytes) return;
    header.segment = segments_.size();
    header.offset = static_cast<uint32_t>(offset_);
    header.previous_hash = hash_;
    RecordCursor cursor(records);
    while (const auto record = cursor.next()) {
      const bool head = (header.flags & kFlagHead) != 0;
      const RecordPlace place{{header.segment, offset_}, header.record_count++};
      static_cast<void>(contents_.apply(*record, place, head));
    }
    header.last_zxid = contents_.last_zxid().value();
    builder_.begin(records.size());
    builder_.add(records);
    const auto bytes = builder_.finish(header);
    std::memcpy(&segments_.back()[offset_], bytes.data(), bytes.size());
    offset_ += bytes.size();
    hash_ = header.hash;
  }

  BatchBuilder builder_{kIdentity};
  LogContents contents_;
  std::vector<std::string> segments_;
  size_t offset_ = 0;
  uint64_t hash_ = 0;
};

void put(SimulatedFileSystem& disk, const std::vector<std::string>& segments) {
  CHECK(disk.make_dir("/data") && disk.make_dir(kDir));
  CHECK(disk.sync_dir("/") && disk.sync_dir("/data"));
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::string path = segment_path(kDir, i + 1);
    CHECK(disk.open(path, {.write = true, .create = true}).has_value());
    disk.set_contents(path, segments[i]);
  }
  CHECK(disk.sync_dir(kDir));
}

std::vector<std::string> payloads_of(SimulatedFileSystem& disk, const Log& log) {
  std::vector<std::string> payloads;
  const LogScan& scan = log.recovered();
  if (scan.batches == 0) return payloads;
  LogReader reader(disk, kDir, kIdentity, scan, scan.begin);
  while (true) {
    const auto record = reader.next();
    CHECK(record.has_value());
    if (*record == nullptr) return payloads;
    payloads.emplace_back((*record)->payload);
  }
}

std::unique_ptr<Log> open_usable(SimulatedFileSystem& disk) {
  auto log =
      Log::open(disk, kDir, kIdentity, {.segment_bytes = kSegmentBytes, .retain_bytes = 0}, {});
  CHECK(log.has_value());
  return std::move(*log);
}

void append_and_read_again(SimulatedFileSystem& disk) {
  std::unique_ptr<Log> log = open_usable(disk);
  std::vector<std::string> expected = payloads_of(disk, *log);
  const Zxid last = log->contents().last_zxid();
  if (last.value() < INT64_MAX) {
    RecordBatch batch;
    batch.add(LogRecordKind::kTransaction, Zxid(last.value() + 1),
              static_cast<uint64_t>(last.value()), "appended");
    const std::string_view piece = batch.bytes();
    if (!log->has_room(piece.size())) CHECK(log->begin_segment().has_value());
    CHECK(log->append({&piece, 1}).has_value());
    expected.emplace_back("appended");
  }
  log.reset();
  disk.restart();
  log = open_usable(disk);
  CHECK(log->recovered().verdict == LogVerdict::kClean);
  CHECK(payloads_of(disk, *log) == expected);
}

void run(std::string_view bytes) {
  Input in(bytes);
  Writer writer;
  while (!in.empty()) writer.step(in);
  SimulatedFileSystem disk(1);
  put(disk, writer.segments());

  const auto scan = scan_log(disk, kDir, kIdentity, std::nullopt);
  CHECK(scan.has_value());
  CHECK((scan->verdict == LogVerdict::kDamaged) == scan->damage.has_value());
  if (scan->damage) {
    CHECK(!scan->damage->describe().empty());
    const auto repaired =
        set_aside_damaged(disk, kDir, "/data/damaged-1", kIdentity,
                          {.segment_bytes = kSegmentBytes, .retain_bytes = 0}, *scan->damage, {});
    CHECK(repaired.has_value());
  }
  append_and_read_again(disk);
}

}  // namespace
}  // namespace topod::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  topod::storage::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
