// The bytes of the log.
//
// A segment is a file of fixed size, filled with zeros before its first use, that holds batches
// from its beginning. A batch is what one flush makes durable. All numbers are little-endian.
//
//   offset  bytes  batch
//        0      4  stamp: never zero; a hash of bytes 4 to 55 and the identity
//        4      4  magic "TPLB"
//        8      2  version of this format
//       10      2  flags: 1 = head of a segment, 2 = seal
//       12      4  length of the records, without stamps and padding
//       16      4  number of records
//       20      4  offset of this batch in its segment
//       24      8  number of the segment
//       32      8  zxid of the first transaction in this batch; 0 if there is none
//       40      8  last zxid of the whole log after this batch
//       48      8  hash of the batch before; 0 in the very first
//       56      8  XXH3-64 of the whole batch, padding included, with these eight bytes zero
//       64         records; then zeros up to a multiple of 4,096 bytes
//
// The 4 bytes at the beginning of every further sector of 512 bytes repeat the stamp; the records
// flow around them. Unwritten space is zero, so a sector without the stamp was never written: that
// is how an interrupted write (torn) is told from rot. Because the stamp covers the header, a
// header sector is known to be whole before its length is believed; because it covers the place
// and the batch before, no other batch has the same; and because the records flow around it, no
// client can write bytes that look like a batch. The padding to 4,096 keeps a torn write of the
// next batch away from this one, whatever the drive's own sector is. Place, segment number and
// previous hash are hashed, too: a misdirected write, a stale segment and a missing one show.
//
//   offset  bytes  record
//        0      4  length of the payload
//        4      1  kind (LogRecordKind)
//        5      3  zero
//        8      8  zxid
//       16      8  number
//       24         payload
//
// The seed of both hashes comes from the data directory's instance and the server's id: a log of
// another server is not read by mistake. The ensemble's id cannot take part, for an ensemble is
// founded after its logs exist. Pure functions and plain values; no threading rule.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/ids.h"
#include "proto/limits.h"
#include "proto/log_record.h"
#include "storage/file.h"

namespace topod::storage {

struct LogIdentity {
  InstanceId instance{};  // of the data directory
  ServerId server;
  bool operator==(const LogIdentity&) const = default;
};

// Place of a batch's first byte, or the one after its last.
struct LogPosition {
  uint64_t segment = 0;  // numbered from 1
  uint64_t offset = 0;   // bytes
  auto operator<=>(const LogPosition&) const = default;
  [[nodiscard]] std::string to_string() const;
};

// For messages: 0x and digits.
[[nodiscard]] std::string to_hex(uint64_t value);
[[nodiscard]] std::string to_hex(Zxid zxid);

// A LogRecord whose payload lies elsewhere.
struct LogRecordView {
  LogRecordKind kind = LogRecordKind::kTransaction;
  Zxid zxid;
  uint64_t number = 0;
  std::string_view payload;
};

inline constexpr size_t kRecordHeaderBytes = 24;
inline constexpr size_t kBatchHeaderBytes = 64;
inline constexpr uint16_t kLogFormatVersion = 1;
inline constexpr uint16_t kFlagHead = 1;  // repeats the promises at the start of a segment
inline constexpr uint16_t kFlagSeal = 2;  // empty; proves that the batch before was durable

// Encoded records in the order of `add`: what the loop hands to the log thread.
class RecordBatch {
 public:
  void add(LogRecordKind kind, Zxid zxid, uint64_t number, std::string_view payload);
  void clear();
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] uint32_t records() const { return records_; }
  [[nodiscard]] size_t capacity() const { return bytes_.capacity(); }

 private:
  std::string bytes_;
  uint32_t records_ = 0;
};
using RecordBatchPtr = std::unique_ptr<RecordBatch>;

// Steps through encoded records.
class RecordCursor {
 public:
  explicit RecordCursor(std::string_view bytes) : rest_(bytes) {}
  // Nothing at the end, and at bytes that are no record: then `malformed` is true.
  [[nodiscard]] std::optional<LogRecordView> next();
  [[nodiscard]] bool malformed() const { return malformed_; }
  [[nodiscard]] size_t rest_bytes() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool malformed_ = false;
};

struct BatchHeader {
  uint32_t stamp = 0;
  uint32_t magic = 0;
  uint16_t version = 0;
  uint16_t flags = 0;
  uint32_t length = 0;
  uint32_t record_count = 0;
  uint32_t offset = 0;
  uint64_t segment = 0;
  int64_t first_zxid = 0;
  int64_t last_zxid = 0;
  uint64_t previous_hash = 0;
  uint64_t hash = 0;
};
static_assert(sizeof(BatchHeader) == kBatchHeaderBytes);

// Size on disk of a batch whose records take this many bytes.
[[nodiscard]] size_t batch_bytes(size_t record_bytes);

[[nodiscard]] uint64_t seed_of(const LogIdentity& identity);

// Builds the bytes of one batch in a buffer that is used again and again.
class BatchBuilder {
 public:
  explicit BatchBuilder(const LogIdentity& identity) : seed_(seed_of(identity)) {}
  // Begins a batch with this many bytes of records.
  void begin(size_t record_bytes);
  void add(std::string_view encoded_records);
  // Takes flags, record count, place, zxids and previous hash from `header`; sets the rest in it.
  // The bytes stay valid until the next `begin`.
  std::span<const std::byte> finish(BatchHeader& header);

 private:
  uint64_t seed_;
  AlignedBuffer buffer_;
  size_t record_bytes_ = 0;
  size_t size_ = 0;  // of the batch on disk
  size_t at_ = 0;    // where the next record byte goes
};

// The header, if this sector is the whole first sector of a batch at this place.
[[nodiscard]] std::optional<BatchHeader> read_header(std::span<const std::byte> sector,
                                                     LogPosition place, uint64_t seed);
// True if the whole batch hashes to what its header says. Changes nothing that is left to see.
[[nodiscard]] bool hash_matches(std::span<std::byte> batch, const BatchHeader& header,
                                uint64_t seed);
// Takes the stamps out: the encoded records, moved together inside `batch`.
[[nodiscard]] std::string_view extract_records(std::span<std::byte> batch,
                                               const BatchHeader& header);
[[nodiscard]] uint32_t stamp_of(std::span<const std::byte> sector);
[[nodiscard]] bool all_zero(std::span<const std::byte> bytes);

}  // namespace topod::storage
