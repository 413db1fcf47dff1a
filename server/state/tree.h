// The tree of znodes in memory. It knows structure, data and Stat rules; permissions, sessions,
// versions to compare and quotas are evaluate's business. Pure; one thread.
//
// Memory is what decides how large a topology a small machine can hold, so a znode is one slot
// in a slab (links are 32-bit slot numbers) and one blob with name and data (node_slab.h), found
// by (parent, name) and by id through hash chains in the slots (slot_index.h). Target: at most
// 260 bytes for a znode of 100 bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"
#include "proto/ids.h"
#include "proto/records.h"

namespace topod::state {

enum class NodeKind : uint8_t { kPersistent = 0, kEphemeral = 1, kContainer = 2, kTtl = 3 };

// A slot of the slab; stays the same for the life of a znode, is used again after its deletion.
using NodeSlot = uint32_t;
inline constexpr NodeSlot kNoNode = 0xffffffffU;

struct NodeTimes {
  Zxid zxid;
  int64_t time_ms = 0;
};

// All that is stored of a znode, besides its place in the tree.
struct NodeFields {
  NodeId id;
  Zxid czxid, mzxid, pzxid;
  int64_t ctime_ms = 0, mtime_ms = 0;
  int32_t version = 0;
  int32_t aversion = 0;
  // Children ever created: sequence numbers and the visible cversion
  // (2 * created - present, low 32 bits) come from it. Signed: the root starts at 0 with one
  // child that was never counted.
  int64_t children_created = 0;
  int64_t owner_or_ttl_ms = 0;  // session of an ephemeral, time to live of a TTL node, else 0
  AclId acl;
  NodeKind kind = NodeKind::kPersistent;
};

class Tree {
 public:
  // A new tree holds nothing at all; `create_permanent_nodes` of state.h or a loader fills it.
  Tree();
  ~Tree();
  Tree(Tree&&) noexcept;
  Tree& operator=(Tree&&) noexcept;

  // ---- reading -----------------------------------------------------------------------------
  // Exact path; "" and "/" are the root. kNoNode if missing.
  [[nodiscard]] NodeSlot find(std::string_view path) const;
  [[nodiscard]] NodeSlot child(NodeSlot parent, std::string_view name) const;
  [[nodiscard]] NodeSlot by_id(NodeId id) const;  // O(1) expected
  [[nodiscard]] NodeSlot root() const;

  [[nodiscard]] const NodeFields& fields(NodeSlot slot) const;
  [[nodiscard]] std::string_view name(NodeSlot slot) const;
  [[nodiscard]] NullableBytes data(NodeSlot slot) const;
  // Name and data with their lengths, in one piece: what a digest is made of.
  [[nodiscard]] std::string_view content(NodeSlot slot) const;
  [[nodiscard]] uint32_t data_length(NodeSlot slot) const;  // of null: 0
  [[nodiscard]] NodeSlot parent(NodeSlot slot) const;       // of the root: kNoNode
  [[nodiscard]] uint32_t child_count(NodeSlot slot) const;
  [[nodiscard]] Stat stat(NodeSlot slot) const;
  [[nodiscard]] std::string path(NodeSlot slot) const;
  // Names in ascending byte order; views live until the next change of the tree.
  void children(NodeSlot slot, std::vector<std::string_view>& names) const;
  // Children in no defined order, to walk subtrees: first, then next until kNoNode.
  [[nodiscard]] NodeSlot first_child(NodeSlot slot) const;
  [[nodiscard]] NodeSlot next_sibling(NodeSlot slot) const;
  // Calls visit(slot) for a znode and all below it, parents first; where it returns false, what
  // lies below is left out. Needs no stack: a path may have half a million components.
  template <class Visit>
  void for_each_in_subtree(NodeSlot top, Visit visit) const {
    NodeSlot slot = top;
    bool descend = visit(slot);
    while (true) {
      NodeSlot next = descend ? first_child(slot) : kNoNode;
      while (next == kNoNode) {
        if (slot == top) return;
        next = next_sibling(slot);
        if (next == kNoNode) slot = parent(slot);
      }
      slot = next;
      descend = visit(slot);
    }
  }
  // All below it, itself excluded.
  [[nodiscard]] uint64_t descendant_count(NodeSlot slot) const;

  [[nodiscard]] uint64_t size() const;        // znodes, the permanent ones included
  [[nodiscard]] uint64_t data_bytes() const;  // approximate: paths are not counted, names are
  [[nodiscard]] uint64_t next_node_id() const;
  void set_next_node_id(uint64_t next);

  // ---- changing ----------------------------------------------------------------------------
  // Adds a child with these fields (their id included) without touching the parent's fields.
  // `name` must not exist there. Also the loader's way in: parents come before children.
  NodeSlot insert(NodeSlot parent, std::string_view name, NullableBytes data,
                  const NodeFields& fields);
  void remove(NodeSlot slot);  // must have no children and not be the root
  void set_data(NodeSlot slot, NullableBytes data);
  // Fields may be changed freely but for id, which `insert` fixed.
  [[nodiscard]] NodeFields& mutable_fields(NodeSlot slot);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topod::state
