#include "storage/row_writer.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "proto/check.h"

namespace topod::storage {

namespace {

constexpr std::string_view kNoHash("\0\0\0\0\0\0\0\0", kHashBytes);  // before it is sealed

// Ids in ascending order: neighbours share pages, and equal checkpoints make equal files.
template <class Id>
std::vector<Id> sorted_ids(const Checkpoint::Images<Id>& images) {
  std::vector<Id> ids;
  ids.reserve(images.size());
  for (const auto& [id, image] : images) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Rows that the node takes in `data`, by the value of its row.
uint32_t data_rows(std::string_view key, std::string_view value) {
  if (value.empty()) return 0;
  const Decoded<NodeHeader> header = decode_node_header(key, value);
  if (!header || !header->in_data_table) return 0;
  return chunk_count(header->content_bytes(), limits::kDataChunkBytes);
}

uint32_t acl_rows(std::string_view key, std::string_view first_value) {
  if (first_value.empty()) return 0;
  const Decoded<AclChunk> chunk = decode_acl_chunk(key, first_value);
  return chunk ? chunk_count(chunk->list_bytes, kAclChunkBytes) : 0;
}

}  // namespace

lmdb::Result<TableHandles> open_tables(lmdb::Transaction& transaction, bool create) {
  TableHandles handles{};
  for (size_t index = 0; index < kTableCount; ++index) {
    const lmdb::Result<MDB_dbi> handle =
        transaction.open_table(name_of(static_cast<Table>(index)), create);
    if (!handle) return tl::unexpected(handle.error());
    handles[index] = *handle;
  }
  return handles;
}

lmdb::Result<void> RowWriter::write(const Checkpoint& checkpoint) {
  if (auto found = find_last_keys(); !found) return found;
  for (const AclId id : sorted_ids(checkpoint.acls())) {
    if (auto done = write_acl(id, checkpoint.acls().at(id)); !done) return done;
  }
  for (const NodeId id : sorted_ids(checkpoint.nodes())) {
    if (auto done = write_node(id, checkpoint.nodes().at(id)); !done) return done;
  }
  for (const SessionId id : sorted_ids(checkpoint.sessions())) {
    auto done = write_fixed(Table::kSessions, RowKey::of(id), checkpoint.sessions().at(id));
    if (!done) return done;
  }
  for (const ServerId id : sorted_ids(checkpoint.members())) {
    auto done = write_fixed(Table::kMembers, RowKey::of(id), checkpoint.members().at(id));
    if (!done) return done;
  }
  return {};
}

lmdb::Result<void> RowWriter::finish(const CheckpointMeta& meta) {
  std::string row;
  encode(meta, row);
  seal_row(Table::kMeta, kCheckpointKey, row.data(), row.size());
  if (auto done = transaction_.put(handle(Table::kMeta), kCheckpointKey, row); !done) return done;
  totals_.transaction_id = transaction_.id();
  row.clear();
  encode(totals_, row);
  seal_row(Table::kMeta, kTotalsKey, row.data(), row.size());
  return transaction_.put(handle(Table::kMeta), kTotalsKey, row);
}

lmdb::Result<void> RowWriter::write_node(NodeId id, const Checkpoint::Image& image) {
  const RowKey key = RowKey::of(id);
  const lmdb::Result<std::string_view> before = existing(Table::kNodes, key.view());
  if (!before) return tl::unexpected(before.error());
  const uint32_t rows_before = data_rows(key.view(), *before);

  uint32_t rows_after = 0;
  if (image.removed) {
    if (auto done = erase(Table::kNodes, key.view()); !done) return done;
  } else {
    const std::string_view bytes = image.bytes;
    const std::string_view header = bytes.substr(0, kNodeHeaderBytes);
    const std::string_view content = bytes.substr(kNodeHeaderBytes);
    const bool fits = content.size() <= limits::kInlineRowBytes;
    auto done =
        replace(Table::kNodes, key.view(), header, fits ? content : std::string_view(), *before);
    if (!done) return done;
    if (!fits) rows_after = chunk_count(content.size(), limits::kDataChunkBytes);
    for (uint32_t chunk = 0; chunk < rows_after; ++chunk) {
      const size_t offset = size_t{chunk} * limits::kDataChunkBytes;
      done = put(Table::kData, RowKey::of(id, chunk).view(), kNoHash,
                 content.substr(offset, limits::kDataChunkBytes));
      if (!done) return done;
    }
  }
  for (uint32_t chunk = rows_after; chunk < rows_before; ++chunk) {
    if (auto done = erase(Table::kData, RowKey::of(id, chunk).view()); !done) return done;
  }
  return {};
}

lmdb::Result<void> RowWriter::write_acl(AclId id, const Checkpoint::Image& image) {
  const RowKey first = RowKey::of(id, 0);
  const lmdb::Result<std::string_view> before = existing(Table::kAcls, first.view());
  if (!before) return tl::unexpected(before.error());
  const uint32_t rows_before = acl_rows(first.view(), *before);

  uint32_t rows_after = 0;
  if (!image.removed) {
    std::string header(kAclHeaderBytes, '\0');
    const auto list_bytes = static_cast<uint32_t>(image.bytes.size());
    std::memcpy(header.data() + kHashBytes, &list_bytes, sizeof list_bytes);
    rows_after = chunk_count(image.bytes.size(), kAclChunkBytes);
    for (uint32_t chunk = 0; chunk < rows_after; ++chunk) {
      const auto content =
          std::string_view(image.bytes).substr(size_t{chunk} * kAclChunkBytes, kAclChunkBytes);
      auto done = put(Table::kAcls, RowKey::of(id, chunk).view(), header, content);
      if (!done) return done;
    }
  }
  for (uint32_t chunk = rows_after; chunk < rows_before; ++chunk) {
    if (auto done = erase(Table::kAcls, RowKey::of(id, chunk).view()); !done) return done;
  }
  return {};
}

lmdb::Result<void> RowWriter::write_fixed(Table table, const RowKey& key,
                                          const Checkpoint::Image& image) {
  if (image.removed) return erase(table, key.view());
  return put(table, key.view(), image.bytes, {});
}

lmdb::Result<void> RowWriter::put(Table table, std::string_view key, std::string_view header,
                                  std::string_view content) {
  const lmdb::Result<std::string_view> before = existing(table, key);
  if (!before) return tl::unexpected(before.error());
  return replace(table, key, header, content, *before);
}

lmdb::Result<void> RowWriter::replace(Table table, std::string_view key, std::string_view header,
                                      std::string_view content, std::string_view before) {
  char value[kRowBytesMax];
  const size_t bytes = header.size() + content.size();
  CHECK(bytes <= sizeof value);
  header.copy(value, header.size());
  content.copy(value + header.size(), content.size());
  seal_row(table, key, value, bytes);

  const auto index = static_cast<size_t>(table);
  if (before.empty()) {
    ++totals_.rows[index];
  } else {
    totals_.hash_sum -= stored_hash(before);
  }
  totals_.hash_sum += stored_hash({value, bytes});
  const bool is_last = key > std::string_view(last_keys_[index]);
  if (is_last) last_keys_[index].assign(key);
  return transaction_.put(handle(table), key, {value, bytes}, is_last);
}

lmdb::Result<void> RowWriter::erase(Table table, std::string_view key) {
  const lmdb::Result<std::string_view> before = existing(table, key);
  if (!before) return tl::unexpected(before.error());
  if (before->empty()) return {};
  totals_.hash_sum -= stored_hash(*before);
  --totals_.rows[static_cast<size_t>(table)];
  return transaction_.erase(handle(table), key);
}

lmdb::Result<std::string_view> RowWriter::existing(Table table, std::string_view key) {
  // Ids are never used again, so most new rows lie beyond the last: no search for them.
  if (key > std::string_view(last_keys_[static_cast<size_t>(table)])) return std::string_view();
  const auto found = transaction_.get(handle(table), key);
  if (!found) return tl::unexpected(found.error());
  if (!found->has_value()) return std::string_view();
  if (!row_is_intact(table, key, **found)) {
    return tl::unexpected(lmdb::Error{MDB_CORRUPTED, "replace a row whose hash is wrong"});
  }
  return **found;
}

lmdb::Result<void> RowWriter::find_last_keys() {
  for (size_t index = 0; index < kCountedTables; ++index) {
    auto cursor = lmdb::Cursor::open(transaction_, tables_[index]);
    if (!cursor) return tl::unexpected(cursor.error());
    const auto last = cursor->last();
    if (!last) return tl::unexpected(last.error());
    last_keys_[index] = last->has_value() ? std::string((*last)->key) : std::string();
  }
  return {};
}

}  // namespace topod::storage
