#include "storage/log_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "proto/check.h"

namespace topod::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "the log is little-endian");

constexpr uint32_t kMagic = 0x424C5054;  // "TPLB"
constexpr size_t kStampBytes = sizeof(uint32_t);
constexpr size_t kSector = limits::kSectorBytes;
constexpr size_t kFirstSectorRecordBytes = kSector - kBatchHeaderBytes;
constexpr size_t kSectorRecordBytes = kSector - kStampBytes;
constexpr size_t kHashOffset = offsetof(BatchHeader, hash);

constexpr size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

template <class Value>
void put(char* at, Value value) {
  std::memcpy(at, &value, sizeof(value));
}

template <class Value>
Value get(const char* at) {
  Value value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint32_t stamp_for(const BatchHeader& header, uint64_t seed) {
  std::array<std::byte, kBatchHeaderBytes> bytes;
  std::memcpy(bytes.data(), &header, bytes.size());
  const uint64_t hash =
      XXH3_64bits_withSeed(bytes.data() + kStampBytes, kHashOffset - kStampBytes, seed);
  return std::max(static_cast<uint32_t>(hash), uint32_t{1});
}

bool known(uint8_t kind) {
  return kind >= static_cast<uint8_t>(LogRecordKind::kTransaction) &&
         kind <= static_cast<uint8_t>(LogRecordKind::kEpochEndsBefore);
}

}  // namespace

std::string LogPosition::to_string() const {
  return "segment " + std::to_string(segment) + " offset " + std::to_string(offset);
}

std::string to_hex(uint64_t value) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

std::string to_hex(Zxid zxid) { return to_hex(static_cast<uint64_t>(zxid.value())); }

void RecordBatch::add(LogRecordKind kind, Zxid zxid, uint64_t number, std::string_view payload) {
  CHECK(payload.size() <= limits::kMaxRecordBytes);
  std::array<char, kRecordHeaderBytes> header{};
  put(header.data(), static_cast<uint32_t>(payload.size()));
  put(header.data() + 4, static_cast<uint8_t>(kind));
  put(header.data() + 8, zxid.value());
  put(header.data() + 16, number);
  bytes_.append(header.data(), header.size());
  bytes_.append(payload);
  ++records_;
}

void RecordBatch::clear() {
  bytes_.clear();
  records_ = 0;
}

std::optional<LogRecordView> RecordCursor::next() {
  if (rest_.empty()) return std::nullopt;
  malformed_ = true;
  if (rest_.size() < kRecordHeaderBytes) return std::nullopt;
  const char* at = rest_.data();
  const auto length = get<uint32_t>(at);
  const auto kind = get<uint8_t>(at + 4);
  if (length > limits::kMaxRecordBytes || length > rest_.size() - kRecordHeaderBytes ||
      !known(kind)) {
    return std::nullopt;
  }
  malformed_ = false;
  const LogRecordView record{static_cast<LogRecordKind>(kind), Zxid(get<int64_t>(at + 8)),
                             get<uint64_t>(at + 16), rest_.substr(kRecordHeaderBytes, length)};
  rest_.remove_prefix(kRecordHeaderBytes + length);
  return record;
}

size_t batch_bytes(size_t record_bytes) {
  size_t sectors = 1;
  if (record_bytes > kFirstSectorRecordBytes) {
    sectors +=
        round_up(record_bytes - kFirstSectorRecordBytes, kSectorRecordBytes) / kSectorRecordBytes;
  }
  return round_up(sectors * kSector, limits::kBatchAlignBytes);
}

uint64_t seed_of(const LogIdentity& identity) {
  std::array<uint8_t, sizeof(InstanceId) + sizeof(uint32_t)> ids;
  const uint32_t server = identity.server.value();
  std::memcpy(ids.data(), identity.instance.data(), sizeof(InstanceId));
  std::memcpy(ids.data() + sizeof(InstanceId), &server, sizeof(server));
  return XXH3_64bits(ids.data(), ids.size());
}

void BatchBuilder::begin(size_t record_bytes) {
  record_bytes_ = record_bytes;
  size_ = batch_bytes(record_bytes);
  buffer_.reserve(size_);
  at_ = kBatchHeaderBytes;
}

void BatchBuilder::add(std::string_view encoded_records) {
  std::byte* const data = buffer_.data();
  while (!encoded_records.empty()) {
    if (at_ % kSector == 0) at_ += kStampBytes;
    const size_t count = std::min(encoded_records.size(), kSector - at_ % kSector);
    std::memcpy(data + at_, encoded_records.data(), count);
    encoded_records.remove_prefix(count);
    at_ += count;
  }
}

std::span<const std::byte> BatchBuilder::finish(BatchHeader& header) {
  CHECK(at_ <= size_ && batch_bytes(record_bytes_) == size_);
  std::byte* const data = buffer_.data();
  std::memset(data + at_, 0, size_ - at_);
  header.magic = kMagic;
  header.version = kLogFormatVersion;
  header.length = static_cast<uint32_t>(record_bytes_);
  header.stamp = stamp_for(header, seed_);
  header.hash = 0;
  for (size_t sector = 0; sector < size_; sector += kSector) {
    std::memcpy(data + sector, &header.stamp, kStampBytes);
  }
  std::memcpy(data, &header, sizeof(header));
  header.hash = XXH3_64bits_withSeed(data, size_, seed_);
  std::memcpy(data + kHashOffset, &header.hash, sizeof(header.hash));
  return {data, size_};
}

std::optional<BatchHeader> read_header(std::span<const std::byte> sector, LogPosition place,
                                       uint64_t seed) {
  BatchHeader header;
  CHECK(sector.size() >= sizeof(header));
  std::memcpy(&header, sector.data(), sizeof(header));
  if (header.magic != kMagic || header.segment != place.segment || header.offset != place.offset ||
      header.stamp != stamp_for(header, seed)) {
    return std::nullopt;
  }
  return header;
}

bool hash_matches(std::span<std::byte> batch, const BatchHeader& header, uint64_t seed) {
  std::memset(batch.data() + kHashOffset, 0, sizeof(header.hash));
  const uint64_t hash = XXH3_64bits_withSeed(batch.data(), batch.size(), seed);
  std::memcpy(batch.data() + kHashOffset, &header.hash, sizeof(header.hash));
  return hash == header.hash;
}

std::string_view extract_records(std::span<std::byte> batch, const BatchHeader& header) {
  CHECK(batch.size() == batch_bytes(header.length));
  std::byte* const begin = batch.data() + kBatchHeaderBytes;
  size_t done = std::min<size_t>(header.length, kFirstSectorRecordBytes);
  for (size_t at = kSector; done < header.length; at += kSector) {
    const size_t count = std::min<size_t>(header.length - done, kSectorRecordBytes);
    std::memmove(begin + done, batch.data() + at + kStampBytes, count);
    done += count;
  }
  return {reinterpret_cast<const char*>(begin), header.length};
}

uint32_t stamp_of(std::span<const std::byte> sector) {
  return get<uint32_t>(reinterpret_cast<const char*>(sector.data()));
}

bool all_zero(std::span<const std::byte> bytes) {
  // Compares the bytes with themselves, one further on: as fast as memcmp.
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace topod::storage
