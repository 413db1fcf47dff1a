#include "storage/tree_schema.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <xxhash.h>

#include "proto/check.h"

namespace topod::storage {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr uint8_t kFlagDataIsNull = 1;
constexpr uint8_t kFlagInDataTable = 2;
constexpr size_t kSessionBytes = 48;
constexpr size_t kMemberBytes = 40;
constexpr size_t kCheckpointBytes = 104;
constexpr size_t kTotalsBytes = 24 + kCountedTables * 8;

template <class Number>
Number big_endian(Number value) {
  if constexpr (sizeof(Number) == 8) {
    return __builtin_bswap64(value);
  } else {
    return __builtin_bswap32(value);
  }
}

// Appends fixed fields in order.
class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out), begin_(out.size()) { number(uint64_t{0}); }
  template <class Number>
  FieldWriter& number(Number value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
    return *this;
  }
  template <class Id>
  FieldWriter& id(Id value) {
    return number(value.value());
  }
  [[nodiscard]] size_t written() const { return out_.size() - begin_; }

 private:
  std::string& out_;
  size_t begin_;
};

// Reads fixed fields in order; the caller has checked the length.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : next_(bytes.data()) {}
  template <class Number>
  FieldReader& number(Number& value) {
    std::memcpy(&value, next_, sizeof value);
    next_ += sizeof value;
    return *this;
  }
  template <class Id>
  FieldReader& id(Id& value) {
    typename Id::rep raw{};
    number(raw);
    value = Id(raw);
    return *this;
  }

 private:
  const char* next_;
};

template <class Number>
Number key_number(std::string_view key, size_t offset) {
  Number value;
  std::memcpy(&value, key.data() + offset, sizeof value);
  return big_endian(value);
}

tl::unexpected<const char*> nonsense(const char* why) { return tl::unexpected(why); }

uint64_t hash_of(Table table, std::string_view key, std::string_view value) {
  // One contiguous piece: for rows of this size a copy is cheaper than a streaming hash.
  char joined[1 + 16 + kRowBytesMax];
  CHECK(key.size() <= 16 && value.size() <= kRowBytesMax);
  joined[0] = static_cast<char>(table);
  std::memcpy(joined + 1, key.data(), key.size());
  const std::string_view rest = value.substr(kHashBytes);
  std::memcpy(joined + 1 + key.size(), rest.data(), rest.size());
  return XXH3_64bits(joined, 1 + key.size() + rest.size());
}

}  // namespace

const char* name_of(Table table) {
  switch (table) {
    case Table::kNodes: return "nodes";
    case Table::kData: return "data";
    case Table::kAcls: return "acls";
    case Table::kSessions: return "sessions";
    case Table::kMembers: return "members";
    case Table::kMeta: return "meta";
  }
  return "unknown";
}

template <class Unsigned>
void RowKey::append(Unsigned value) {
  const Unsigned ordered = big_endian(value);
  std::memcpy(bytes_.data() + size_, &ordered, sizeof ordered);
  size_ += sizeof ordered;
}

RowKey RowKey::of(NodeId id) {
  RowKey key;
  key.append(id.value());
  return key;
}

RowKey RowKey::of(NodeId id, uint32_t chunk) {
  RowKey key = of(id);
  key.append(chunk);
  return key;
}

RowKey RowKey::of(AclId id, uint32_t chunk) {
  RowKey key;
  key.append(id.value());
  key.append(chunk);
  return key;
}

RowKey RowKey::of(SessionId id) {
  RowKey key;
  key.append(static_cast<uint64_t>(id.value()));
  return key;
}

RowKey RowKey::of(ServerId id) {
  RowKey key;
  key.append(id.value());
  return key;
}

std::string hex_of(std::string_view key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : key.substr(0, 16)) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

void seal_row(Table table, std::string_view key, char* value, size_t bytes) {
  CHECK(bytes >= kHashBytes);
  const uint64_t hash = hash_of(table, key, {value, bytes});
  std::memcpy(value, &hash, sizeof hash);
}

bool row_is_intact(Table table, std::string_view key, std::string_view value) {
  if (key.size() > 16 || value.size() < kHashBytes || value.size() > kRowBytesMax) return false;
  return hash_of(table, key, value) == stored_hash(value);
}

uint64_t stored_hash(std::string_view value) {
  CHECK(value.size() >= kHashBytes);
  uint64_t hash = 0;
  std::memcpy(&hash, value.data(), sizeof hash);
  return hash;
}

void encode(const NodeRow& row, std::string& out) {
  const size_t content_bytes = row.name.size() + row.data.size();
  CHECK(content_bytes <= UINT32_MAX);
  out.reserve(out.size() + kNodeHeaderBytes + content_bytes);
  uint8_t flags = row.data_is_null ? kFlagDataIsNull : 0;
  if (content_bytes > limits::kInlineRowBytes) flags |= kFlagInDataTable;
  FieldWriter fields(out);
  fields.id(row.parent).id(row.czxid).id(row.mzxid).id(row.pzxid);
  fields.number(row.ctime_ms).number(row.mtime_ms);
  fields.number(row.children_created).number(row.owner_or_ttl_ms);
  fields.number(row.version).number(row.aversion).id(row.acl);
  fields.number(static_cast<uint32_t>(row.name.size()));
  fields.number(static_cast<uint32_t>(row.data.size()));
  fields.number(static_cast<uint8_t>(row.kind)).number(flags).number(uint16_t{0});
  CHECK(fields.written() == kNodeHeaderBytes);
  out.append(row.name).append(row.data);
}

void encode(const SessionRow& row, std::string& out) {
  FieldWriter fields(out);
  fields.number(row.timeout_ms).id(row.server).id(row.incarnation).id(row.connection);
  fields.number(row.secret);
  CHECK(fields.written() == kSessionBytes);
}

void encode(const MemberRow& row, std::string& out) {
  FieldWriter fields(out);
  fields.id(row.incarnation).number(row.last_forward_number).number(row.instance);
  CHECK(fields.written() == kMemberBytes);
}

void encode(const CheckpointMeta& meta, std::string& out) {
  FieldWriter fields(out);
  fields.number(kTreeFormatVersion).number(meta.feature_level).id(meta.server);
  fields.number(meta.acl_counter).id(meta.ensemble).id(meta.zxid);
  fields.id(meta.accepted_epoch).id(meta.current_epoch);
  fields.number(meta.log_segment).number(meta.log_offset_bytes);
  fields.number(meta.digest_low).number(meta.digest_high);
  fields.number(meta.znode_count).number(meta.data_bytes).number(meta.next_node_id);
  CHECK(fields.written() == kCheckpointBytes);
}

void encode(const Totals& totals, std::string& out) {
  FieldWriter fields(out);
  fields.number(totals.transaction_id).number(totals.hash_sum).number(totals.rows);
  CHECK(fields.written() == kTotalsBytes);
}

Decoded<NodeHeader> decode_node_header(std::string_view key, std::string_view value) {
  if (key.size() != 8) return nonsense("key of a node has a wrong length");
  if (value.size() < kNodeHeaderBytes) return nonsense("row of a node is too short");
  NodeHeader header;
  NodeRow& row = header.row;
  row.id = NodeId(key_number<uint64_t>(key, 0));
  uint8_t kind = 0;
  uint8_t flags = 0;
  uint16_t zero = 0;
  FieldReader fields(value.substr(kHashBytes));
  fields.id(row.parent).id(row.czxid).id(row.mzxid).id(row.pzxid);
  fields.number(row.ctime_ms).number(row.mtime_ms);
  fields.number(row.children_created).number(row.owner_or_ttl_ms);
  fields.number(row.version).number(row.aversion).id(row.acl);
  fields.number(header.name_bytes).number(header.data_bytes);
  fields.number(kind).number(flags).number(zero);
  if (row.parent >= row.id) return nonsense("a node is not younger than its parent");
  if (kind > static_cast<uint8_t>(StoredKind::kTtl)) return nonsense("unknown kind of node");
  if ((flags & ~(kFlagDataIsNull | kFlagInDataTable)) != 0 || zero != 0) {
    return nonsense("unknown flags of a node");
  }
  row.kind = static_cast<StoredKind>(kind);
  row.data_is_null = (flags & kFlagDataIsNull) != 0;
  header.in_data_table = (flags & kFlagInDataTable) != 0;
  if (row.data_is_null && header.data_bytes != 0) {
    return nonsense("a node has null data of some length");
  }
  const size_t inline_bytes = value.size() - kNodeHeaderBytes;
  if (header.in_data_table != (header.content_bytes() > limits::kInlineRowBytes) ||
      inline_bytes != (header.in_data_table ? 0 : header.content_bytes())) {
    return nonsense("row of a node has a wrong length");
  }
  return header;
}

NodeRow with_content(const NodeHeader& header, std::string_view content) {
  CHECK(content.size() == header.content_bytes());
  NodeRow row = header.row;
  row.name = content.substr(0, header.name_bytes);
  row.data = content.substr(header.name_bytes);
  return row;
}

Decoded<DataChunk> decode_data_chunk(std::string_view key, std::string_view value) {
  if (key.size() != 12) return nonsense("key of a data row has a wrong length");
  if (value.size() <= kHashBytes || value.size() > kHashBytes + limits::kDataChunkBytes) {
    return nonsense("data row has a wrong length");
  }
  return DataChunk{NodeId(key_number<uint64_t>(key, 0)), key_number<uint32_t>(key, 8),
                   value.substr(kHashBytes)};
}

Decoded<AclChunk> decode_acl_chunk(std::string_view key, std::string_view value) {
  if (key.size() != 8) return nonsense("key of an acl has a wrong length");
  if (value.size() < kAclHeaderBytes) return nonsense("row of an acl is too short");
  AclChunk chunk;
  chunk.id = AclId(key_number<uint32_t>(key, 0));
  chunk.chunk = key_number<uint32_t>(key, 4);
  FieldReader(value.substr(kHashBytes)).number(chunk.list_bytes);
  chunk.content = value.substr(kAclHeaderBytes);
  const size_t offset = size_t{chunk.chunk} * kAclChunkBytes;
  if (chunk.chunk >= chunk_count(chunk.list_bytes, kAclChunkBytes) ||
      chunk.content.size() != std::min(kAclChunkBytes, chunk.list_bytes - offset)) {
    return nonsense("row of an acl has a wrong length");
  }
  return chunk;
}

Decoded<SessionRow> decode_session(std::string_view key, std::string_view value) {
  if (key.size() != 8) return nonsense("key of a session has a wrong length");
  if (value.size() != kSessionBytes) return nonsense("row of a session has a wrong length");
  SessionRow row;
  row.id = SessionId(static_cast<int64_t>(key_number<uint64_t>(key, 0)));
  FieldReader fields(value.substr(kHashBytes));
  fields.number(row.timeout_ms).id(row.server).id(row.incarnation).id(row.connection);
  fields.number(row.secret);
  return row;
}

Decoded<MemberRow> decode_member(std::string_view key, std::string_view value) {
  if (key.size() != 4) return nonsense("key of a member has a wrong length");
  if (value.size() != kMemberBytes) return nonsense("row of a member has a wrong length");
  MemberRow row;
  row.id = ServerId(key_number<uint32_t>(key, 0));
  FieldReader(value.substr(kHashBytes))
      .id(row.incarnation)
      .number(row.last_forward_number)
      .number(row.instance);
  return row;
}

Decoded<CheckpointMeta> decode_checkpoint(std::string_view value) {
  if (value.size() < kHashBytes + 4) return nonsense("the checkpoint row is too short");
  CheckpointMeta meta;
  FieldReader fields(value.substr(kHashBytes));
  fields.number(meta.format_version);
  // The fields of another version are unknown; its number is all that can be said.
  if (meta.format_version != kTreeFormatVersion) return meta;
  if (value.size() != kCheckpointBytes) {
    return nonsense("the checkpoint row has a wrong length");
  }
  fields.number(meta.feature_level).id(meta.server);
  fields.number(meta.acl_counter).id(meta.ensemble).id(meta.zxid);
  fields.id(meta.accepted_epoch).id(meta.current_epoch);
  fields.number(meta.log_segment).number(meta.log_offset_bytes);
  fields.number(meta.digest_low).number(meta.digest_high);
  fields.number(meta.znode_count).number(meta.data_bytes).number(meta.next_node_id);
  return meta;
}

Decoded<Totals> decode_totals(std::string_view value) {
  if (value.size() != kTotalsBytes) return nonsense("the totals row has a wrong length");
  Totals totals;
  FieldReader(value.substr(kHashBytes))
      .number(totals.transaction_id)
      .number(totals.hash_sum)
      .number(totals.rows);
  return totals;
}

}  // namespace topod::storage
