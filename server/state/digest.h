// A 128-bit digest of the whole state that is updated in O(1) per change: the sum modulo 2^128
// of XXH3-128 over each item's canonical record (AdHash, as in ZOOKEEPER-3114). Servers at the
// same zxid must have the same digest. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "proto/ids.h"
#include "server/state/acl.h"
#include "server/state/tree.h"

namespace topod::state {

struct Session;
struct Member;

class Digest {
 public:
  void add(const Digest& item);
  void subtract(const Digest& item);
  [[nodiscard]] uint64_t low() const { return low_; }
  [[nodiscard]] uint64_t high() const { return high_; }
  bool operator==(const Digest&) const = default;

  Digest() = default;
  Digest(uint64_t low, uint64_t high) : low_(low), high_(high) {}

 private:
  uint64_t low_ = 0;
  uint64_t high_ = 0;
};

// A znode is two items, so that a child's creation does not hash its parent's data again:
// its place and fields, and its name and data.
[[nodiscard]] Digest digest_of_fields(const Tree& tree, NodeSlot slot);
[[nodiscard]] Digest digest_of_content(const Tree& tree, NodeSlot slot);
[[nodiscard]] Digest digest_of_node(const Tree& tree, NodeSlot slot);  // their sum
[[nodiscard]] Digest digest_of_acl(AclId id, const Acl& acl);
[[nodiscard]] Digest digest_of_session(const Session& session);
[[nodiscard]] Digest digest_of_member(const Member& member);

}  // namespace topod::state
