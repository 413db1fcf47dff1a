#include "tests/sim/tree_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proto/check.h"
#include "server/node/state_rows.h"

namespace topod::sim {

namespace {

template <class Id>
void apply_images(std::map<Id, std::string>& rows, const storage::Checkpoint::Images<Id>& images) {
  for (const auto& [id, image] : images) {
    if (image.removed) {
      rows.erase(id);
    } else {
      rows[id] = image.bytes;
    }
  }
}

template <class Id>
std::vector<Id> without_repetition(std::vector<Id> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// As the real store cuts up a row: what is long lies elsewhere, and the header says so.
bool load_node(state::State& state, NodeId id, const std::string& row, std::string& why) {
  constexpr size_t kFlagsPlace = 93;
  constexpr char kFlagInDataTable = 2;
  const storage::RowKey key = storage::RowKey::of(id);
  const auto content = std::string_view(row).substr(storage::kNodeHeaderBytes);
  std::string long_header;
  std::string_view value = row;
  if (content.size() > limits::kInlineRowBytes) {
    long_header = row.substr(0, storage::kNodeHeaderBytes);
    long_header[kFlagsPlace] = static_cast<char>(long_header[kFlagsPlace] | kFlagInDataTable);
    value = long_header;
  }
  const auto header = storage::decode_node_header(key.view(), value);
  CHECK_MSG(header.has_value(), header.error());
  return node::load_row(state, storage::with_content(*header, content), why);
}

}  // namespace

void StoredTree::apply(const storage::Checkpoint& checkpoint, const storage::CheckpointMeta& at) {
  apply_images(nodes, checkpoint.nodes());
  apply_images(acls, checkpoint.acls());
  apply_images(sessions, checkpoint.sessions());
  apply_images(members, checkpoint.members());
  meta = at;
}

std::unique_ptr<state::State> StoredTree::load(std::string& why) const {
  auto state = std::make_unique<state::State>();
  for (const auto& [id, row] : acls) {
    if (!node::load_row(*state, storage::AclRow{id, row}, why)) return nullptr;
  }
  for (const auto& [id, row] : nodes) {
    if (!load_node(*state, id, row, why)) return nullptr;
  }
  for (const auto& [id, row] : sessions) {
    const auto session = storage::decode_session(storage::RowKey::of(id).view(), row);
    CHECK_MSG(session.has_value(), session.error());
    node::load_row(*state, *session);
  }
  for (const auto& [id, row] : members) {
    const auto member = storage::decode_member(storage::RowKey::of(id).view(), row);
    CHECK_MSG(member.has_value(), member.error());
    node::load_row(*state, *member);
  }
  if (!state->finish_loading(meta.zxid, meta.next_node_id, meta.acl_counter, meta.feature_level,
                             why)) {
    return nullptr;
  }
  if (state->digest != state::Digest(meta.digest_low, meta.digest_high)) {
    why = "the rows do not add up to the digest of their checkpoint";
    return nullptr;
  }
  return state;
}

storage::Checkpoint whole_checkpoint(const state::State& state) {
  storage::Checkpoint checkpoint;
  state.tree.for_each_in_subtree(state.tree.root(), [&](state::NodeSlot slot) {
    checkpoint.put_node(node::row_of(state.tree, slot));
    return true;
  });
  state.acls.for_each([&](AclId id, const state::Acl& acl) {
    const std::string bytes = state::serialize_acl(acl);
    checkpoint.put_acl({id, bytes});
  });
  for (const auto& [id, session] : state.sessions) checkpoint.put_session(node::row_of(session));
  for (const auto& [id, member] : state.members) checkpoint.put_member(node::row_of(member));
  return checkpoint;
}

void gather(storage::Checkpoint& gathering, const state::State& state,
            const state::Changes& changes) {
  for (const NodeId id : without_repetition(changes.nodes)) {
    const state::NodeSlot slot = state.tree.by_id(id);
    if (slot == state::kNoNode) {
      gathering.remove_node(id);
    } else {
      gathering.put_node(node::row_of(state.tree, slot));
    }
  }
  for (const AclId id : changes.acls) {
    const state::Acl* acl = state.acls.find(id);
    if (acl == nullptr) {
      gathering.remove_acl(id);
    } else {
      const std::string bytes = state::serialize_acl(*acl);
      gathering.put_acl({id, bytes});
    }
  }
  for (const SessionId id : changes.sessions) {
    const state::Session* session = state.sessions.find(id);
    if (session == nullptr) {
      gathering.remove_session(id);
    } else {
      gathering.put_session(node::row_of(*session));
    }
  }
  for (const ServerId id : without_repetition(changes.members)) {
    gathering.put_member(node::row_of(state.members.at(id)));
  }
}

TreeStore::TreeStore(World& world, StoredTrees& trees, uint64_t generation, Events events)
    : world_(world),
      trees_(trees),
      generation_(generation),
      events_(std::move(events)),
      last_begin_us_(world.now_us()) {}

void TreeStore::collect(const state::State& state, const state::Changes& changes) {
  gather(gathering_, state, changes);
}

bool TreeStore::is_due() const {
  return !busy_ && !gathering_.empty() &&
         world_.now_us() - last_begin_us_ >= limits::kCheckpointIntervalMs * kMillisecond;
}

void TreeStore::begin(const storage::CheckpointMeta& meta) {
  busy_ = true;
  last_begin_us_ = world_.now_us();
  auto images =
      std::make_shared<storage::Checkpoint>(std::exchange(gathering_, storage::Checkpoint{}));
  const int64_t duration_us = world_.random().skewed(2 * kMillisecond, 200 * kMillisecond);
  world_.after(duration_us, [this, is_alive = std::weak_ptr<bool>(is_alive_), images, meta,
                             generation = generation_] {
    if (is_alive.expired()) return;
    if (generation != generation_) return;  // of a tree that was replaced meanwhile
    busy_ = false;
    trees_[generation].apply(*images, meta);
    events_.completed(meta);
  });
}

void TreeStore::switch_generation(uint64_t generation, node::ReplacedTree) {
  CHECK(trees_.contains(generation));
  generation_ = generation;
  gathering_ = {};
  busy_ = false;
  world_.note("installs a tree", trees_.at(generation).meta.zxid, generation);
  events_.switched(trees_.at(generation).meta);
  std::erase_if(trees_, [&](const auto& tree) { return tree.first != generation; });
}

}  // namespace topod::sim
