// The rows of a snapshot as they come from another server: whatever the bytes are, they are
// refused or understood without reading beyond them. What is understood are the same bytes again.
//
// Input: a piece as in storage/snapshot_stream.h; it is read as it is, and once more with the
// right hash in each row.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "proto/check.h"
#include "storage/snapshot_stream.h"

namespace topod::storage {
namespace {

// Returns the number of bytes that were understood.
size_t read_rows(std::string_view piece) {
  StreamedRows rows(piece);
  size_t at = 0;
  while (const auto row = rows.next()) {
    CHECK(row_is_intact(row->table, row->key, row->value));
    CHECK(static_cast<size_t>(row->table) == static_cast<uint8_t>(piece[at]));
    CHECK(row->key == piece.substr(at + 4, row->key.size()));
    at += 4 + row->key.size() + row->value.size();
    CHECK(at <= piece.size());
  }
  CHECK(rows.malformed() == (at < piece.size()));
  return at;
}

std::string with_right_hashes(std::string piece) {
  size_t at = 0;
  while (at + 4 <= piece.size()) {
    const auto key_bytes = static_cast<uint8_t>(piece[at + 1]);
    uint16_t value_bytes = 0;
    std::memcpy(&value_bytes, &piece[at + 2], sizeof value_bytes);
    const size_t value_at = at + 4 + key_bytes;
    if (static_cast<uint8_t>(piece[at]) >= kCountedTables || key_bytes > RowKey::kBytesMax ||
        value_bytes < kHashBytes || value_bytes > kRowBytesMax ||
        value_at + value_bytes > piece.size()) {
      break;
    }
    seal_row(static_cast<Table>(piece[at]), std::string_view(piece).substr(at + 4, key_bytes),
             &piece[value_at], value_bytes);
    at = value_at + value_bytes;
  }
  return piece;
}

}  // namespace
}  // namespace topod::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string piece(reinterpret_cast<const char*>(data), size);
  topod::storage::read_rows(piece);
  const std::string sealed = topod::storage::with_right_hashes(piece);
  const size_t understood = topod::storage::read_rows(sealed);
  CHECK(understood <= sealed.size());
  return 0;
}
