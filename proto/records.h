// The records of the client protocol. Each has `read(JuteReader&)`, which fills it and leaves the
// verdict in the reader's `ok()`, and `write(JuteWriter&)`. Strings and buffers are views into
// what was read or into what the caller owns; bytes after a record's last field are ignored
// (newer clients append fields). Plain values, not shared between threads. Every field has a
// default, so that designated initializers may name only those that matter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"
#include "proto/ids.h"
#include "proto/jute.h"

namespace topod {

struct ConnectRequest {
  int32_t protocol_version = 0;
  int64_t last_zxid_seen = 0;
  int32_t timeout_ms = 0;
  int64_t session = 0;  // 0: a new one
  NullableBytes password = {};
  // Clients of 3.3 and today's go-zookeeper send no flag; the answer then carries none either.
  bool has_read_only = false;
  bool read_only = false;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

struct ConnectResponse {
  int32_t protocol_version = 0;  // always: others mean something to ClickHouse's client
  int32_t timeout_ms = 0;
  int64_t session = 0;
  std::string_view password = {};  // always 16 bytes: the C client reads a fixed-size struct
  bool has_read_only = false;
  bool read_only = false;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

struct RequestHeader {
  int32_t xid = 0;
  int32_t op = 0;  // unchecked: may be no OpCode at all
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

struct ReplyHeader {
  int32_t xid = 0;
  int64_t zxid = 0;
  ErrorCode error = ErrorCode::kOk;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};
inline constexpr size_t kReplyHeaderBytes = 16;

struct Stat {
  int64_t czxid = 0;
  int64_t mzxid = 0;
  int64_t ctime_ms = 0;
  int64_t mtime_ms = 0;
  int32_t version = 0;
  int32_t cversion = 0;
  int32_t aversion = 0;
  int64_t ephemeral_owner = 0;
  int32_t data_length = 0;
  int32_t num_children = 0;
  int64_t pzxid = 0;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
  bool operator==(const Stat&) const = default;
};
inline constexpr size_t kStatBytes = 68;

struct AclEntry {
  int32_t perms = 0;
  NullableBytes scheme = {};
  NullableBytes id = {};
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
  bool operator==(const AclEntry&) const = default;
};

// create, create2, createContainer; with `has_ttl` createTTL.
struct CreateRequest {
  NullableBytes path = {};
  NullableBytes data = {};
  std::vector<AclEntry> acl = {};  // a null list reads as an empty one
  int32_t flags = 0;
  int64_t ttl_ms = -1;
  void read(JuteReader& in, bool has_ttl);
  void write(JuteWriter& out, bool has_ttl) const;
};

// delete, check.
struct PathVersionRequest {
  NullableBytes path = {};
  int32_t version = kAnyVersion;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

struct SetDataRequest {
  NullableBytes path = {};
  NullableBytes data = {};
  int32_t version = kAnyVersion;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

struct SetAclRequest {
  NullableBytes path = {};
  std::vector<AclEntry> acl = {};
  int32_t version = kAnyVersion;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

// exists, getData, getChildren, getChildren2.
struct PathWatchRequest {
  NullableBytes path = {};
  bool watch = false;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

// getACL, sync, getAllChildrenNumber, getEphemerals (a prefix).
struct PathRequest {
  NullableBytes path = {};
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

// addWatch (the mode), checkWatches and removeWatches (the watcher type).
struct PathModeRequest {
  NullableBytes path = {};
  int32_t mode = 0;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

// setWatches; with `has_persistent` setWatches2. Null paths read as empty ones.
struct SetWatchesRequest {
  int64_t relative_zxid = 0;
  std::vector<std::string_view> data = {};
  std::vector<std::string_view> exist = {};
  std::vector<std::string_view> child = {};
  std::vector<std::string_view> persistent = {};
  std::vector<std::string_view> persistent_recursive = {};
  void read(JuteReader& in, bool has_persistent);
  void write(JuteWriter& out, bool has_persistent) const;
};

struct AuthRequest {
  int32_t type = 0;
  NullableBytes scheme = {};
  NullableBytes auth = {};
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

// Stands before each operation of a multi and each of its results.
struct MultiHeader {
  int32_t type = 0;
  bool done = false;
  int32_t error = -1;
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
  // The header that ends both lists.
  static MultiHeader end() { return {-1, true, -1}; }
};

struct WatchEvent {
  EventType type = EventType::kNone;
  int32_t state = kStateSyncConnected;
  NullableBytes path = {};
  void read(JuteReader& in);
  void write(JuteWriter& out) const;
};

void read_acl(JuteReader& in, std::vector<AclEntry>& acl);
void write_acl(JuteWriter& out, const std::vector<AclEntry>& acl);
void read_strings(JuteReader& in, std::vector<std::string_view>& strings);
void write_strings(JuteWriter& out, const std::vector<std::string_view>& strings);

}  // namespace topod
