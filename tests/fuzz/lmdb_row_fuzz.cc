// The decoders of stored rows: whatever the bytes are, they are refused or understood without
// reading beyond them; and what was understood is written back to the same bytes.
//
// Input: the number of a table, the length of the key, the key, the value.
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/check.h"
#include "storage/tree_schema.h"

namespace topod::storage {
namespace {

template <class Row>
void expect_same_bytes(const Row& row, std::string_view value) {
  std::string again;
  encode(row, again);
  CHECK(again.substr(kHashBytes) == value.substr(kHashBytes));
}

void decode_node(std::string_view key, std::string_view value) {
  const auto header = decode_node_header(key, value);
  if (!header) return;
  CHECK(header->content_bytes() <= limits::kInlineRowBytes || header->in_data_table);
  if (header->in_data_table) return;
  const std::string_view content = value.substr(kNodeHeaderBytes);
  const NodeRow row = with_content(*header, content);
  CHECK(RowKey::of(row.id).view() == key);
  expect_same_bytes(row, value);
}

void decode_row(Table table, std::string_view key, std::string_view value) {
  switch (table) {
    case Table::kNodes: return decode_node(key, value);
    case Table::kData: {
      const auto chunk = decode_data_chunk(key, value);
      if (chunk) CHECK(RowKey::of(chunk->id, chunk->chunk).view() == key);
      return;
    }
    case Table::kAcls: {
      const auto chunk = decode_acl_chunk(key, value);
      if (!chunk) return;
      CHECK(RowKey::of(chunk->id, chunk->chunk).view() == key);
      CHECK(chunk->content.size() <= chunk->list_bytes);
      return;
    }
    case Table::kSessions: {
      const auto session = decode_session(key, value);
      if (session) expect_same_bytes(*session, value);
      return;
    }
    case Table::kMembers: {
      const auto member = decode_member(key, value);
      if (member) expect_same_bytes(*member, value);
      return;
    }
    case Table::kMeta: {
      const auto meta = decode_checkpoint(value);
      if (meta && meta->format_version == kTreeFormatVersion) expect_same_bytes(*meta, value);
      const auto totals = decode_totals(value);
      if (totals) expect_same_bytes(*totals, value);
      return;
    }
  }
}

}  // namespace
}  // namespace topod::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace topod::storage;
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  if (input.size() < 2) return 0;
  const auto table = static_cast<Table>(static_cast<uint8_t>(input[0]) % kTableCount);
  const size_t key_bytes = static_cast<uint8_t>(input[1]) % 16;
  input.remove_prefix(2);
  const std::string_view key = input.substr(0, key_bytes);
  // Copies of exact length, so that a sanitizer sees a read beyond.
  const std::string value(input.substr(key.size()));
  (void)row_is_intact(table, key, value);
  decode_row(table, key, value);
  return 0;
}
