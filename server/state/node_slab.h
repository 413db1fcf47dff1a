// The memory of the tree: slots in pages that never move, and for each slot one blob with name
// and data (blob_arena.h). Pure; one thread.
//
// A slot takes 120 bytes and a blob of 8 + name + data the rest: with a name of 12 bytes and 100
// bytes of data that is 120 bytes as well.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "proto/check.h"
#include "server/state/blob_arena.h"
#include "server/state/tree.h"

namespace topod::state {

struct Node {
  NodeFields fields;
  char* blob;  // BlobHeader, name, data
  NodeSlot parent;
  NodeSlot first_child;
  NodeSlot next_sibling;  // of a free slot: the next free one
  NodeSlot previous_sibling;
  uint32_t child_count;
  uint32_t name_hash;
  NodeSlot next_by_name;
  NodeSlot next_by_id;
};
static_assert(sizeof(Node) == 120, "memory per znode is a promise");

struct BlobHeader {
  static constexpr uint32_t kNullData = 0xffffffffU;
  uint32_t name_size;
  uint32_t data_size;  // kNullData: null, which is not the same as empty
};

class NodeSlab {
 public:
  NodeSlab() = default;
  NodeSlab(const NodeSlab&) = delete;
  NodeSlab& operator=(const NodeSlab&) = delete;
  ~NodeSlab() {
    for (NodeSlot slot = 0; slot < used_; ++slot) release_blob((*this)[slot]);
  }

  [[nodiscard]] Node& operator[](NodeSlot slot) const {
    return (*pages_[slot >> kPageBits])[slot & (kPageNodes - 1)];
  }

  [[nodiscard]] NodeSlot allocate() {
    if (first_free_ != kNoNode) {
      const NodeSlot slot = first_free_;
      first_free_ = (*this)[slot].next_sibling;
      return slot;
    }
    CHECK(used_ < kNoNode);
    if ((used_ & (kPageNodes - 1)) == 0) pages_.push_back(std::make_unique<Page>());
    return used_++;
  }

  void release(NodeSlot slot) {
    Node& node = (*this)[slot];
    release_blob(node);
    node = {};
    node.next_sibling = first_free_;
    first_free_ = slot;
  }

  // Replaces the blob; name and data may lie in the old one.
  void store(Node& node, std::string_view name, NullableBytes data) {
    const std::string_view bytes = data.value_or(std::string_view{});
    CHECK(name.size() < BlobHeader::kNullData && bytes.size() < BlobHeader::kNullData);
    const BlobHeader header{static_cast<uint32_t>(name.size()),
                            data ? static_cast<uint32_t>(bytes.size()) : BlobHeader::kNullData};
    char* const blob = blobs_.allocate(sizeof header + name.size() + bytes.size());
    std::memcpy(blob, &header, sizeof header);
    if (!name.empty()) std::memcpy(blob + sizeof header, name.data(), name.size());
    if (!bytes.empty()) std::memcpy(blob + sizeof header + name.size(), bytes.data(), bytes.size());
    release_blob(node);
    node.blob = blob;
  }

  // Overwrites the data in place if its size stays the same.
  void store_data(Node& node, NullableBytes data) {
    const BlobHeader header = header_of(node);
    if (!data || data->size() != header.data_size) {
      store(node, name_of(node), data);
    } else if (!data->empty()) {
      std::memmove(node.blob + sizeof header + header.name_size, data->data(), data->size());
    }
  }

  [[nodiscard]] static BlobHeader header_of(const Node& node) {
    BlobHeader header;
    std::memcpy(&header, node.blob, sizeof header);
    return header;
  }
  [[nodiscard]] static std::string_view name_of(const Node& node) {
    return {node.blob + sizeof(BlobHeader), header_of(node).name_size};
  }
  [[nodiscard]] static NullableBytes data_of(const Node& node) {
    const BlobHeader header = header_of(node);
    if (header.data_size == BlobHeader::kNullData) return std::nullopt;
    return std::string_view(node.blob + sizeof header + header.name_size, header.data_size);
  }
  [[nodiscard]] static uint32_t data_size_of(const Node& node) {
    const uint32_t size = header_of(node).data_size;
    return size == BlobHeader::kNullData ? 0 : size;
  }
  [[nodiscard]] static std::string_view blob_of(const Node& node) {
    return {node.blob, sizeof(BlobHeader) + header_of(node).name_size + data_size_of(node)};
  }

 private:
  static constexpr uint32_t kPageBits = 9;
  static constexpr uint32_t kPageNodes = 1u << kPageBits;
  using Page = std::array<Node, kPageNodes>;

  void release_blob(const Node& node) {
    if (node.blob != nullptr) blobs_.release(node.blob, blob_of(node).size());
  }

  BlobArena blobs_;
  std::vector<std::unique_ptr<Page>> pages_;
  uint32_t used_ = 0;
  NodeSlot first_free_ = kNoNode;
};

}  // namespace topod::state
