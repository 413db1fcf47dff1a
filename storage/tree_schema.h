// The rows of the stored tree, as values and as bytes. Pure functions; any thread. Views point
// into what was decoded.
//
// Keys are big-endian, so that their byte order is the order of the numbers; values are
// little-endian. Every value begins with a hash: XXH3-64 over the number of the table, the key
// and the rest of the value. No value is longer than kRowBytesMax, so LMDB never needs an
// overflow page (a run of contiguous pages, slow to find in a fragmented file).
//
// nodes     key: node id u64
//     0 hash u64              40 ctime ms i64              76 aversion i32
//     8 parent id u64         48 mtime ms i64              80 acl id u32
//    16 czxid i64             56 children created i64      84 name bytes u32
//    24 mzxid i64             64 owner or ttl i64          88 data bytes u32
//    32 pzxid i64             72 version i32               92 kind u8
//    93 flags u8: 1 data is null, 2 name and data lie in `data`    94 zero u16
//    96 name, then data (unless flag 2)
// data      key: node id u64, chunk u32 (from 0)
//     0 hash u64               8 up to kDataChunkBytes of name and data; only the last is shorter
// acls      key: acl id u32, chunk u32 (from 0)
//     0 hash u64               8 bytes of the whole list u32
//    12 up to kAclChunkBytes of the list; only the last is shorter
// sessions  key: session id u64
//     0 hash u64              16 incarnation u64
//     8 timeout ms i32        24 connection u64
//    12 server u32            32 secret, 16 bytes
// members   key: server id u32
//     0 hash u64               8 incarnation u64           16 last forward number u64
// meta      key: "checkpoint"
//     0 hash u64              32 zxid i64                  72 digest high u64
//     8 format version u32    40 accepted epoch u32        80 znodes u64
//    12 feature level u32     44 current epoch u32         88 data bytes u64
//    16 server u32            48 log segment u64           96 next node id u64
//    20 acl counter u32       56 log offset u64
//    24 ensemble u64          64 digest low u64
// meta      key: "totals"
//     0 hash u64               8 LMDB transaction id u64   16 sum of the hashes of all rows u64
//    24 rows of nodes, data, acls, sessions, members, 5 x u64
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "proto/ids.h"
#include "proto/limits.h"

namespace topod::storage {

inline constexpr uint32_t kTreeFormatVersion = 1;

enum class Table : uint8_t { kNodes, kData, kAcls, kSessions, kMembers, kMeta };
inline constexpr size_t kTableCount = 6;
inline constexpr size_t kCountedTables = 5;  // all but meta
[[nodiscard]] const char* name_of(Table table);

enum class StoredKind : uint8_t { kPersistent = 0, kEphemeral = 1, kContainer = 2, kTtl = 3 };

struct NodeRow {
  NodeId id;
  NodeId parent;  // 0: the root
  Zxid czxid, mzxid, pzxid;
  int64_t ctime_ms = 0, mtime_ms = 0;
  int64_t children_created = 0;
  int64_t owner_or_ttl_ms = 0;  // session of an ephemeral, time to live of a TTL node
  int32_t version = 0;
  int32_t aversion = 0;
  AclId acl;
  StoredKind kind = StoredKind::kPersistent;
  bool data_is_null = false;
  std::string_view name;
  std::string_view data;
  bool operator==(const NodeRow&) const = default;
};

struct AclRow {
  AclId id;
  std::string_view serialized;
  bool operator==(const AclRow&) const = default;
};

struct SessionRow {
  SessionId id;
  int32_t timeout_ms = 0;
  std::array<uint8_t, 16> secret{};
  ServerId server;  // the connection it is attached to
  Incarnation incarnation;
  ConnectionId connection;
  bool operator==(const SessionRow&) const = default;
};

// How far the numbered requests of one server have been evaluated.
struct MemberRow {
  ServerId id;
  Incarnation incarnation;
  uint64_t last_forward_number = 0;
  InstanceId instance{};
  bool operator==(const MemberRow&) const = default;
};

// Where a checkpoint stands. Filled by the owner of the state; format_version by the encoder.
struct CheckpointMeta {
  uint32_t format_version = kTreeFormatVersion;
  uint32_t feature_level = 0;
  ServerId server;
  uint32_t acl_counter = 0;
  EnsembleId ensemble;
  Zxid zxid;
  Epoch accepted_epoch;
  Epoch current_epoch;
  uint64_t log_segment = 0;
  uint64_t log_offset_bytes = 0;
  uint64_t digest_low = 0;
  uint64_t digest_high = 0;
  uint64_t znode_count = 0;
  uint64_t data_bytes = 0;
  uint64_t next_node_id = 0;
  bool operator==(const CheckpointMeta&) const = default;
};

// What the rows must add up to. Kept by the store itself: it catches what no hash of a single
// row can, such as rows that are missing, or are there in an older form.
struct Totals {
  uint64_t transaction_id = 0;
  uint64_t hash_sum = 0;
  std::array<uint64_t, kCountedTables> rows{};
  bool operator==(const Totals&) const = default;
};

inline constexpr size_t kHashBytes = 8;
inline constexpr size_t kNodeHeaderBytes = 96;
inline constexpr size_t kAclHeaderBytes = 12;
inline constexpr size_t kAclChunkBytes = limits::kDataChunkBytes - 4;
inline constexpr size_t kRowBytesMax = 1'998;
static_assert(kNodeHeaderBytes + limits::kInlineRowBytes <= kRowBytesMax);
static_assert(kHashBytes + limits::kDataChunkBytes <= kRowBytesMax);
static_assert(kAclHeaderBytes + kAclChunkBytes <= kRowBytesMax);
// What fits twice in a page of 4,096 bytes, with node header and the longest key.
static_assert(kRowBytesMax + 8 + 12 <= 2'038);

inline constexpr std::string_view kCheckpointKey = "checkpoint";
inline constexpr std::string_view kTotalsKey = "totals";

// A key, up to 12 bytes, without allocation.
class RowKey {
 public:
  static constexpr size_t kBytesMax = 12;
  static RowKey of(NodeId id);
  static RowKey of(NodeId id, uint32_t chunk);
  static RowKey of(AclId id, uint32_t chunk);
  static RowKey of(SessionId id);
  static RowKey of(ServerId id);
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  template <class Unsigned>
  void append(Unsigned value);
  std::array<char, kBytesMax> bytes_{};
  size_t size_ = 0;
};

// A key as it is shown to people.
[[nodiscard]] std::string hex_of(std::string_view key);

// Fills the hash field of a value that is otherwise complete.
void seal_row(Table table, std::string_view key, char* value, size_t bytes);
// Whether the hash is right. False as well for a value of impossible length.
[[nodiscard]] bool row_is_intact(Table table, std::string_view key, std::string_view value);
// The hash as stored.
[[nodiscard]] uint64_t stored_hash(std::string_view value);

// ---- encoding: appends to `out`, hash field left zero (seal_row) ---------------------------

// Header, name and data in one, whatever their length; RowWriter cuts it up.
void encode(const NodeRow& row, std::string& out);
void encode(const SessionRow& row, std::string& out);
void encode(const MemberRow& row, std::string& out);
void encode(const CheckpointMeta& meta, std::string& out);
void encode(const Totals& totals, std::string& out);

// ---- decoding: the reason if the bytes make no sense ---------------------------------------

template <class T>
using Decoded = tl::expected<T, const char*>;

// The fixed part of a value of `nodes`; name and data are not set.
struct NodeHeader {
  NodeRow row;
  uint32_t name_bytes = 0;
  uint32_t data_bytes = 0;
  bool in_data_table = false;
  [[nodiscard]] size_t content_bytes() const { return size_t{name_bytes} + data_bytes; }
};
[[nodiscard]] Decoded<NodeHeader> decode_node_header(std::string_view key, std::string_view value);
// Sets name and data to views into `content`, which is content_bytes() long.
[[nodiscard]] NodeRow with_content(const NodeHeader& header, std::string_view content);

struct DataChunk {
  NodeId id;
  uint32_t chunk = 0;
  std::string_view content;
};
[[nodiscard]] Decoded<DataChunk> decode_data_chunk(std::string_view key, std::string_view value);

struct AclChunk {
  AclId id;
  uint32_t chunk = 0;
  uint32_t list_bytes = 0;
  std::string_view content;
};
[[nodiscard]] Decoded<AclChunk> decode_acl_chunk(std::string_view key, std::string_view value);

[[nodiscard]] Decoded<SessionRow> decode_session(std::string_view key, std::string_view value);
[[nodiscard]] Decoded<MemberRow> decode_member(std::string_view key, std::string_view value);
[[nodiscard]] Decoded<CheckpointMeta> decode_checkpoint(std::string_view value);
[[nodiscard]] Decoded<Totals> decode_totals(std::string_view value);

// Number of rows that `content_bytes` take with `chunk_bytes` each; an empty one takes one.
[[nodiscard]] constexpr uint32_t chunk_count(size_t content_bytes, size_t chunk_bytes) {
  return content_bytes == 0
             ? 1
             : static_cast<uint32_t>((content_bytes + chunk_bytes - 1) / chunk_bytes);
}

}  // namespace topod::storage
