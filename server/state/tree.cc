#include "server/state/tree.h"

#include <xxhash.h>

#include <algorithm>

#include "proto/check.h"
#include "server/state/node_slab.h"
#include "server/state/slot_index.h"

namespace topod::state {

namespace {

uint32_t hash_of_name(NodeSlot parent, std::string_view name) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), parent));
}

struct ByName {
  NodeSlab* slab;
  [[nodiscard]] uint32_t hash_of(NodeSlot slot) const { return (*slab)[slot].name_hash; }
  [[nodiscard]] NodeSlot& next_of(NodeSlot slot) const { return (*slab)[slot].next_by_name; }
};

struct ById {
  NodeSlab* slab;
  // The golden ratio times the id: ids near each other stay near each other in memory, and those
  // that are left of them with any stride still spread evenly (Knuth 6.4).
  [[nodiscard]] static uint32_t hash(NodeId id) {
    constexpr uint64_t kGoldenRatio = 0x1'9E37'79B9;  // with 32 binary places
    return static_cast<uint32_t>((id.value() * kGoldenRatio) >> 32);
  }
  [[nodiscard]] uint32_t hash_of(NodeSlot slot) const { return hash((*slab)[slot].fields.id); }
  [[nodiscard]] NodeSlot& next_of(NodeSlot slot) const { return (*slab)[slot].next_by_id; }
};

}  // namespace

struct Tree::Impl {
  NodeSlab slab;
  SlotIndex<ByName> by_name{ByName{&slab}};
  SlotIndex<ById> by_id{ById{&slab}};
  NodeSlot root = kNoNode;
  uint64_t size = 0;
  uint64_t data_bytes = 0;
  uint64_t next_node_id = 1;

  void link_child(NodeSlot parent, NodeSlot slot);
  void unlink_child(NodeSlot slot);
};

void Tree::Impl::link_child(NodeSlot parent, NodeSlot slot) {
  Node& above = slab[parent];
  Node& node = slab[slot];
  node.next_sibling = above.first_child;
  node.previous_sibling = kNoNode;
  if (above.first_child != kNoNode) slab[above.first_child].previous_sibling = slot;
  above.first_child = slot;
  ++above.child_count;
}

void Tree::Impl::unlink_child(NodeSlot slot) {
  const Node& node = slab[slot];
  Node& above = slab[node.parent];
  if (node.previous_sibling == kNoNode) {
    above.first_child = node.next_sibling;
  } else {
    slab[node.previous_sibling].next_sibling = node.next_sibling;
  }
  if (node.next_sibling != kNoNode) {
    slab[node.next_sibling].previous_sibling = node.previous_sibling;
  }
  --above.child_count;
}

Tree::Tree() : impl_(std::make_unique<Impl>()) {}
Tree::~Tree() = default;
Tree::Tree(Tree&&) noexcept = default;
Tree& Tree::operator=(Tree&&) noexcept = default;

// ---- reading -------------------------------------------------------------------------------

NodeSlot Tree::find(std::string_view path) const {
  NodeSlot slot = impl_->root;
  if (path.empty() || path == "/") return slot;
  if (path[0] != '/') return kNoNode;
  size_t begin = 1;
  while (slot != kNoNode) {
    const size_t end = path.find('/', begin);
    slot = child(slot, path.substr(begin, end - begin));
    if (end == std::string_view::npos) return slot;
    begin = end + 1;
  }
  return kNoNode;
}

NodeSlot Tree::child(NodeSlot parent, std::string_view name) const {
  return impl_->by_name.find(hash_of_name(parent, name), [&](NodeSlot slot) {
    const Node& node = impl_->slab[slot];
    return node.parent == parent && NodeSlab::name_of(node) == name;
  });
}

NodeSlot Tree::by_id(NodeId id) const {
  return impl_->by_id.find(ById::hash(id),
                           [&](NodeSlot slot) { return impl_->slab[slot].fields.id == id; });
}

NodeSlot Tree::root() const { return impl_->root; }

const NodeFields& Tree::fields(NodeSlot slot) const { return impl_->slab[slot].fields; }

std::string_view Tree::name(NodeSlot slot) const { return NodeSlab::name_of(impl_->slab[slot]); }

NullableBytes Tree::data(NodeSlot slot) const { return NodeSlab::data_of(impl_->slab[slot]); }

std::string_view Tree::content(NodeSlot slot) const { return NodeSlab::blob_of(impl_->slab[slot]); }

uint32_t Tree::data_length(NodeSlot slot) const {
  return NodeSlab::data_size_of(impl_->slab[slot]);
}

NodeSlot Tree::parent(NodeSlot slot) const { return impl_->slab[slot].parent; }

uint32_t Tree::child_count(NodeSlot slot) const { return impl_->slab[slot].child_count; }

Stat Tree::stat(NodeSlot slot) const {
  const Node& node = impl_->slab[slot];
  const NodeFields& fields = node.fields;
  Stat stat;
  stat.czxid = fields.czxid.value();
  stat.mzxid = fields.mzxid.value();
  stat.pzxid = fields.pzxid.value();
  stat.ctime_ms = fields.ctime_ms;
  stat.mtime_ms = fields.mtime_ms;
  stat.version = fields.version;
  stat.aversion = fields.aversion;
  // Creations and deletions of children: those that are not here any more counted twice.
  stat.cversion =
      static_cast<int32_t>(2 * static_cast<uint64_t>(fields.children_created) - node.child_count);
  stat.ephemeral_owner = fields.kind == NodeKind::kEphemeral ? fields.owner_or_ttl_ms : 0;
  stat.data_length = static_cast<int32_t>(NodeSlab::data_size_of(node));
  stat.num_children = static_cast<int32_t>(node.child_count);
  return stat;
}

std::string Tree::path(NodeSlot slot) const {
  if (slot == impl_->root) return "/";
  size_t size = 0;
  for (NodeSlot at = slot; at != impl_->root; at = parent(at)) size += 1 + name(at).size();
  std::string path(size, '/');
  for (NodeSlot at = slot; at != impl_->root; at = parent(at)) {
    const std::string_view component = name(at);
    size -= component.size();
    std::copy(component.begin(), component.end(), path.begin() + static_cast<ptrdiff_t>(size));
    --size;
  }
  return path;
}

void Tree::children(NodeSlot slot, std::vector<std::string_view>& names) const {
  names.clear();
  names.reserve(child_count(slot));
  for (NodeSlot at = first_child(slot); at != kNoNode; at = next_sibling(at)) {
    names.push_back(name(at));
  }
  std::sort(names.begin(), names.end());
}

NodeSlot Tree::first_child(NodeSlot slot) const { return impl_->slab[slot].first_child; }

NodeSlot Tree::next_sibling(NodeSlot slot) const { return impl_->slab[slot].next_sibling; }

uint64_t Tree::descendant_count(NodeSlot slot) const {
  if (slot == root()) return size() - 1;  // monitoring asks this of the largest trees
  uint64_t count = 0;
  for_each_in_subtree(slot, [&](NodeSlot) {
    ++count;
    return true;
  });
  return count - 1;
}

uint64_t Tree::size() const { return impl_->size; }
uint64_t Tree::data_bytes() const { return impl_->data_bytes; }
uint64_t Tree::next_node_id() const { return impl_->next_node_id; }
void Tree::set_next_node_id(uint64_t next) { impl_->next_node_id = next; }

// ---- changing ------------------------------------------------------------------------------

NodeSlot Tree::insert(NodeSlot parent, std::string_view name, NullableBytes data,
                      const NodeFields& fields) {
  CHECK((parent == kNoNode) == (impl_->root == kNoNode));
  const NodeSlot slot = impl_->slab.allocate();
  Node& node = impl_->slab[slot];
  node = {};
  impl_->slab.store(node, name, data);
  node.fields = fields;
  node.parent = parent;
  node.first_child = node.next_sibling = node.previous_sibling = kNoNode;
  if (parent == kNoNode) {
    // Not indexed by name: the root is nobody's child, not even by an empty name.
    impl_->root = slot;
  } else {
    node.name_hash = hash_of_name(parent, name);
    impl_->link_child(parent, slot);
    impl_->by_name.insert(slot);
  }
  impl_->by_id.insert(slot);
  ++impl_->size;
  impl_->data_bytes += name.size() + data.value_or(std::string_view{}).size();
  return slot;
}

void Tree::remove(NodeSlot slot) {
  const Node& node = impl_->slab[slot];
  CHECK(node.child_count == 0 && slot != impl_->root);
  impl_->data_bytes -= NodeSlab::name_of(node).size() + NodeSlab::data_size_of(node);
  impl_->by_id.remove(slot);
  impl_->by_name.remove(slot);
  impl_->unlink_child(slot);
  impl_->slab.release(slot);
  --impl_->size;
}

void Tree::set_data(NodeSlot slot, NullableBytes data) {
  Node& node = impl_->slab[slot];
  impl_->data_bytes -= NodeSlab::data_size_of(node);
  impl_->slab.store_data(node, data);
  impl_->data_bytes += NodeSlab::data_size_of(node);
}

NodeFields& Tree::mutable_fields(NodeSlot slot) { return impl_->slab[slot].fields; }

}  // namespace topod::state
