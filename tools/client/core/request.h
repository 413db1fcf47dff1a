// Requests as values that own what they carry, and what their answers hold. Nothing is sent here.
//
// A request is made by one of the functions below and its answer's body is read by the function
// named after it; a body that makes no sense is Failure::kProtocol. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"
#include "proto/records.h"
#include "tools/client/core/error.h"

namespace topod::client {

// What a request leaves at the server, to be told of changes.
enum class Watch : uint8_t { kNone, kData, kExists, kChildren, kPersistent, kRecursive };

struct Request {
  OpCode op = OpCode::kError;
  std::string path = {};
  std::string body = {};  // the record, without a header
  Watch watch = Watch::kNone;
};

struct Reply {
  Zxid zxid;
  std::string body;
};

struct Acl {
  int32_t perms = kPermAll;
  std::string scheme = "world";
  std::string id = "anyone";
  bool operator==(const Acl&) const = default;
};
using Acls = std::vector<Acl>;
[[nodiscard]] Acls open_acls();

// A null value is not an empty one.
using Data = std::optional<std::string>;

struct Node {
  Data data;
  Stat stat;
  [[nodiscard]] std::string_view bytes() const { return data ? *data : std::string_view{}; }
};
struct Created {
  std::string path;  // with the sequence number, if there is one
  Stat stat;
};
struct Children {
  std::vector<std::string> names;
  Stat stat;
};
struct AclsOf {
  Acls acls;
  Stat stat;
};
// Of one operation of a multi.
struct MultiResult {
  ErrorCode error = ErrorCode::kOk;
  std::string path = {};  // of create
  Stat stat = {};         // of create and set
};
struct Identity {
  std::string scheme;
  std::string name;  // the user's part
};

struct CreateOptions {
  CreateMode mode = CreateMode::kPersistent;
  Acls acls = open_acls();
  int64_t ttl_ms = -1;  // of the TTL modes
};

[[nodiscard]] Request create_request(std::string_view path, NullableBytes data,
                                     const CreateOptions& options);
[[nodiscard]] Request remove_request(std::string_view path, int32_t version);
[[nodiscard]] Request set_request(std::string_view path, NullableBytes data, int32_t version);
[[nodiscard]] Request check_request(std::string_view path, int32_t version);  // in a multi only
[[nodiscard]] Request set_acls_request(std::string_view path, const Acls& acls, int32_t version);
[[nodiscard]] Request get_request(std::string_view path, bool watch = false);
[[nodiscard]] Request exists_request(std::string_view path, bool watch = false);
[[nodiscard]] Request children_request(std::string_view path, bool watch = false);
[[nodiscard]] Request acls_request(std::string_view path);
[[nodiscard]] Request sync_request(std::string_view path);
[[nodiscard]] Request ephemerals_request(std::string_view prefix);
[[nodiscard]] Request who_am_i_request();
[[nodiscard]] Request add_watch_request(std::string_view path, bool recursive);
[[nodiscard]] Request remove_watches_request(std::string_view path, WatcherType type);
[[nodiscard]] Request authenticate_request(std::string_view scheme, std::string_view auth);
// Of create, remove, set and check requests: all or nothing.
[[nodiscard]] Request multi_request(const std::vector<Request>& operations);

[[nodiscard]] Result<Created> created(const Reply& reply);
[[nodiscard]] Result<Stat> stat_of(const Reply& reply);  // set, exists, set_acls
[[nodiscard]] Result<Node> node(const Reply& reply);
[[nodiscard]] Result<Children> children(const Reply& reply);  // in no order
[[nodiscard]] Result<AclsOf> acls(const Reply& reply);
[[nodiscard]] Result<std::vector<std::string>> ephemerals(const Reply& reply);
[[nodiscard]] Result<std::vector<Identity>> who_am_i(const Reply& reply);
// One per operation. If one of them was refused, all say why none took place: kOk before it,
// kRuntimeInconsistency behind it.
[[nodiscard]] Result<std::vector<MultiResult>> multi_results(const Reply& reply);

}  // namespace topod::client
