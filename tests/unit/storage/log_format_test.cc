#include "storage/log_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tests/unit/storage/log_workload.h"

namespace topod::storage {
namespace {

struct BuiltBatch {
  BatchHeader header;
  std::vector<std::byte> bytes;
};

BuiltBatch build(const std::string& records, LogPosition place, uint64_t previous_hash = 0) {
  BatchBuilder builder(kTestIdentity);
  BatchHeader header;
  header.segment = place.segment;
  header.offset = static_cast<uint32_t>(place.offset);
  header.previous_hash = previous_hash;
  builder.begin(records.size());
  builder.add(records);
  const auto bytes = builder.finish(header);
  return {header, {bytes.begin(), bytes.end()}};
}

std::string counting_bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

TEST(LogFormat, RecordsOfAnyLengthComeBackFromABatch) {
  const uint64_t seed = seed_of(kTestIdentity);
  for (size_t length = 0; length < 9'000; length += length < 1'200 ? 1 : 97) {
    const std::string records = counting_bytes(length);
    BuiltBatch batch = build(records, {3, 8'192}, 5);
    ASSERT_EQ(batch.bytes.size(), batch_bytes(length));
    ASSERT_EQ(batch.bytes.size() % limits::kBatchAlignBytes, 0U);
    const auto header = read_header(std::span(batch.bytes).first(512), {3, 8'192}, seed);
    ASSERT_TRUE(header.has_value());
    ASSERT_TRUE(hash_matches(batch.bytes, *header, seed));
    ASSERT_EQ(extract_records(batch.bytes, *header), records);
  }
}

TEST(LogFormat, EverySectorOfABatchBeginsWithItsStamp) {
  const BuiltBatch batch = build(counting_bytes(5'000), {1, 0});
  ASSERT_NE(batch.header.stamp, 0U);
  for (size_t at = 0; at < batch.bytes.size(); at += limits::kSectorBytes) {
    EXPECT_EQ(stamp_of(std::span(batch.bytes).subspan(at, 512)), batch.header.stamp);
  }
}

TEST(LogFormat, BatchesAtOtherPlacesOrAfterOthersHaveOtherStamps) {
  const uint32_t stamp = build("records", {1, 4'096}, 9).header.stamp;
  EXPECT_NE(stamp, build("records", {2, 4'096}, 9).header.stamp);
  EXPECT_NE(stamp, build("records", {1, 8'192}, 9).header.stamp);
  EXPECT_NE(stamp, build("records", {1, 4'096}, 8).header.stamp);
  EXPECT_NE(stamp, build("record", {1, 4'096}, 9).header.stamp);
}

TEST(LogFormat, ABatchIsNotReadAtAnotherPlaceOrByAnotherServer) {
  const BuiltBatch batch = build("records", {1, 4'096});
  const auto sector = std::span(batch.bytes).first(512);
  const uint64_t seed = seed_of(kTestIdentity);
  EXPECT_TRUE(read_header(sector, {1, 4'096}, seed).has_value());
  EXPECT_FALSE(read_header(sector, {1, 8'192}, seed).has_value());
  EXPECT_FALSE(read_header(sector, {2, 4'096}, seed).has_value());
  const LogIdentity other{kTestIdentity.instance, ServerId(2)};
  EXPECT_FALSE(read_header(sector, {1, 4'096}, seed_of(other)).has_value());
  const LogIdentity elsewhere{InstanceId{1}, kTestIdentity.server};
  EXPECT_FALSE(read_header(sector, {1, 4'096}, seed_of(elsewhere)).has_value());
}

TEST(LogFormat, AnyChangedBitOfABatchShows) {
  const uint64_t seed = seed_of(kTestIdentity);
  BuiltBatch batch = build(counting_bytes(700), {1, 4'096});
  for (size_t at = 0; at < batch.bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      const auto mask = static_cast<std::byte>(1 << bit);
      batch.bytes[at] ^= mask;
      const auto header = read_header(std::span(batch.bytes).first(512), {1, 4'096}, seed);
      const bool accepted = header && batch_bytes(header->length) == batch.bytes.size() &&
                            hash_matches(batch.bytes, *header, seed);
      batch.bytes[at] ^= mask;
      ASSERT_FALSE(accepted) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(LogFormat, RecordsKeepKindZxidNumberAndPayload) {
  RecordBatch batch;
  batch.add(LogRecordKind::kTransaction, Zxid(7), 6, "payload");
  batch.add(LogRecordKind::kSnapshot, Zxid(1LL << 62), ~0ULL, std::string("\0\0", 2));
  batch.add(LogRecordKind::kCommitted, Zxid(), 0, {});
  EXPECT_EQ(batch.records(), 3U);
  RecordCursor cursor(batch.bytes());
  const auto first = cursor.next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->kind, LogRecordKind::kTransaction);
  EXPECT_EQ(first->zxid, Zxid(7));
  EXPECT_EQ(first->number, 6U);
  EXPECT_EQ(first->payload, "payload");
  const auto second = cursor.next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->zxid, Zxid(1LL << 62));
  EXPECT_EQ(second->number, ~0ULL);
  EXPECT_EQ(second->payload.size(), 2U);
  ASSERT_TRUE(cursor.next().has_value());
  EXPECT_FALSE(cursor.next().has_value());
  EXPECT_FALSE(cursor.malformed());
}

TEST(LogFormat, ACutOrUnknownRecordIsMalformed) {
  RecordBatch batch;
  batch.add(LogRecordKind::kTransaction, Zxid(7), 6, "payload");
  const std::string whole(batch.bytes());
  for (size_t length = 1; length < whole.size(); ++length) {
    RecordCursor cursor(std::string_view(whole).substr(0, length));
    EXPECT_FALSE(cursor.next().has_value());
    EXPECT_TRUE(cursor.malformed());
  }
  for (const char kind : {'\0', '\x0c', '\xff'}) {
    std::string unknown = whole;
    unknown[4] = kind;
    RecordCursor cursor(unknown);
    EXPECT_FALSE(cursor.next().has_value());
    EXPECT_TRUE(cursor.malformed());
  }
}

}  // namespace
}  // namespace topod::storage
