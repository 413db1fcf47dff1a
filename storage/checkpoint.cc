#include "storage/checkpoint.h"

namespace topod::storage {

namespace {
// Node of the hash table, string, allocator's overhead.
constexpr size_t kEntryOverheadBytes = 96;
}  // namespace

template <class Id, class Fill>
void Checkpoint::put(Images<Id>& images, Id id, Fill fill) {
  const auto [found, is_new] = images.try_emplace(id);
  Image& image = found->second;
  if (is_new) bytes_ += kEntryOverheadBytes;
  bytes_ -= image.bytes.size();
  image.bytes.clear();  // keeps the memory for the new image
  fill(image.bytes);
  image.removed = false;
  bytes_ += image.bytes.size();
}

template <class Id>
void Checkpoint::remove(Images<Id>& images, Id id) {
  const auto [found, is_new] = images.try_emplace(id);
  Image& image = found->second;
  if (is_new) bytes_ += kEntryOverheadBytes;
  bytes_ -= image.bytes.size();
  image = Image{{}, true};
}

void Checkpoint::put_node(const NodeRow& row) {
  put(nodes_, row.id, [&](std::string& image) { encode(row, image); });
}
void Checkpoint::remove_node(NodeId id) { remove(nodes_, id); }

void Checkpoint::put_acl(const AclRow& row) {
  put(acls_, row.id, [&](std::string& image) { image.assign(row.serialized); });
}
void Checkpoint::remove_acl(AclId id) { remove(acls_, id); }

void Checkpoint::put_session(const SessionRow& row) {
  put(sessions_, row.id, [&](std::string& image) { encode(row, image); });
}
void Checkpoint::remove_session(SessionId id) { remove(sessions_, id); }

void Checkpoint::put_member(const MemberRow& row) {
  put(members_, row.id, [&](std::string& image) { encode(row, image); });
}
void Checkpoint::remove_member(ServerId id) { remove(members_, id); }

size_t Checkpoint::entries() const {
  return nodes_.size() + acls_.size() + sessions_.size() + members_.size();
}

}  // namespace topod::storage
