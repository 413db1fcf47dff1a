// Access control lists: what a list grants, how a client's list becomes the stored one, and the
// table in which equal lists are stored once. Pure; one thread (the state's owner).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "proto/codes.h"
#include "proto/ids.h"
#include "proto/records.h"

namespace topod::state {

// An identity that a connection holds: ("ip", address) from the start, more by auth requests.
struct AuthId {
  std::string scheme;
  std::string id;
  bool operator==(const AuthId&) const = default;
};

inline constexpr std::string_view kSchemeWorld = "world";
inline constexpr std::string_view kSchemeAuth = "auth";
inline constexpr std::string_view kSchemeIp = "ip";
inline constexpr std::string_view kSchemeDigest = "digest";
inline constexpr std::string_view kSchemeSuper = "super";
inline constexpr std::string_view kSchemeX509 = "x509";
inline constexpr std::string_view kSchemeSasl = "sasl";

struct StoredAclEntry {
  int32_t perms = 0;
  std::string scheme;
  std::string id;
  auto operator<=>(const StoredAclEntry&) const = default;
};
using Acl = std::vector<StoredAclEntry>;

// world:anyone with these permissions.
[[nodiscard]] Acl world_acl(int32_t perms);

// Whether the list grants any of the `wanted` bits to a caller with these ids. An empty list
// grants everything; so does an id of scheme "super".
[[nodiscard]] bool permits(const Acl& acl, int32_t wanted, std::span<const AuthId> ids);

// Whether it grants one of them to everybody: no ids need to be looked at then.
[[nodiscard]] bool permits_anyone(const Acl& acl, int32_t wanted);

// Longest list that is stored: "auth" stands for all of the caller's ids, so that a short request
// could ask for a list that no server can hold.
inline constexpr size_t kAclBytesMax = size_t{1} * 1024 * 1024;

// The list to store for one a client sent: duplicates removed, "auth" replaced by the caller's
// authenticating ids, every entry checked. InvalidACL otherwise.
[[nodiscard]] tl::expected<Acl, ErrorCode> normalise_acl(std::span<const AclEntry> requested,
                                                         std::span<const AuthId> ids);

// The id as getACL shows it to a caller without ADMIN: a digest's hash becomes "x".
[[nodiscard]] std::string masked_id(const StoredAclEntry& entry);

// Jute vector<ACL>, also the stored form.
[[nodiscard]] std::string serialize_acl(const Acl& acl);
[[nodiscard]] tl::expected<Acl, ErrorCode> parse_acl(std::string_view bytes);

// ---- what an auth request proves (server/state/authentication.cc) --------------------------

struct AuthenticationConfig {
  bool digest_enabled = true;
  std::string digest_algorithm = "SHA1";  // SHA1, SHA-256, SHA-512, ... as OpenSSL names them
  std::string super_digest;               // "user:base64", empty: nobody is super
};

// "user:password" -> "user:BASE64(HASH(user:password))".
[[nodiscard]] std::string digest_id(std::string_view user_password, const std::string& algorithm);

// Ids that an auth packet adds to its connection (none for "ip"), or AuthFailed.
[[nodiscard]] tl::expected<std::vector<AuthId>, ErrorCode> authenticate(
    NullableBytes scheme, NullableBytes auth, const AuthenticationConfig& config);

// ---- the table -----------------------------------------------------------------------------

// Interned lists with reference counts. Ids are handed out by a counter that is part of the
// replicated state. A list that nobody refers to any more stays readable until
// `purge_unreferenced`, for the events of the change that dropped it are still to be filtered.
class AclTable {
 public:
  // Finds or adds, and takes one reference. `added` says that the list is new.
  AclId acquire(const Acl& acl, bool& added);
  void acquire(AclId id);
  void release(AclId id);
  [[nodiscard]] const Acl& get(AclId id) const;   // must be there
  [[nodiscard]] const Acl* find(AclId id) const;  // nullptr if it is gone
  // Removes unreferenced lists and returns them in ascending order of id.
  std::vector<std::pair<AclId, Acl>> purge_unreferenced();
  // Lists added since the counter stood there, and taking these back: their references are gone
  // already, those of all others are as they were then.
  [[nodiscard]] std::vector<AclId> added_since(uint32_t counter) const;
  void roll_back(uint32_t counter);

  // Loading: puts a list at its id without a reference. False: id or list is there already.
  [[nodiscard]] bool restore(AclId id, Acl acl);
  [[nodiscard]] uint32_t counter() const { return counter_; }
  void set_counter(uint32_t counter) { counter_ = counter; }
  [[nodiscard]] AclId greatest_id() const {
    return lists_.empty() ? AclId{} : AclId(lists_.rbegin()->first);
  }
  [[nodiscard]] size_t size() const { return lists_.size(); }
  // visit(id, list), in ascending order of id.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [id, row] : lists_) visit(AclId(id), row.acl);
  }

 private:
  struct Row {
    Acl acl;
    uint64_t references = 0;
  };
  std::map<uint32_t, Row>::iterator erase(std::map<uint32_t, Row>::iterator row);

  std::map<uint32_t, Row> lists_;
  std::unordered_map<std::string, uint32_t> by_content_;  // looked up, never iterated
  std::vector<uint32_t> unreferenced_;                    // candidates of the next purge
  uint32_t counter_ = 0;
};

}  // namespace topod::state
