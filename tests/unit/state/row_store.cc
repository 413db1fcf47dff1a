#include "tests/unit/state/row_store.h"

#include "proto/check.h"

namespace topod::state {

void RowStore::take_changes(State& state) {
  for (const NodeId id : state.changes.nodes) take_node(state.tree, id);
  for (const AclId id : state.changes.acls) {
    const Acl* const acl = state.acls.find(id);
    if (acl == nullptr) {
      acls_.erase(id);
    } else {
      acls_[id] = serialize_acl(*acl);
    }
  }
  for (const SessionId id : state.changes.sessions) {
    const Session* const session = state.sessions.find(id);
    sessions_.erase(id);
    if (session == nullptr) continue;
    Session& row = sessions_[id] = *session;
    row.ephemerals.clear();
  }
  for (const ServerId id : state.changes.members) marks_[id] = state.members.at(id);
  state.changes.clear();
  applied_ = state.applied;
  next_node_id_ = state.tree.next_node_id();
  acl_counter_ = state.acls.counter();
  feature_level_ = state.feature_level;
}

void RowStore::take_node(const Tree& tree, NodeId id) {
  const NodeSlot slot = tree.by_id(id);
  if (slot == kNoNode) {
    nodes_.erase(id);
    return;
  }
  const NodeSlot parent = tree.parent(slot);
  const NullableBytes data = tree.data(slot);
  nodes_[id] = {parent == kNoNode ? NodeId{} : tree.fields(parent).id, std::string(tree.name(slot)),
                data ? std::optional<std::string>(*data) : std::nullopt, tree.fields(slot)};
}

State RowStore::load() const {
  State state;
  std::string why;
  for (const auto& [id, bytes] : acls_) state.load_acl(id, parse_acl(bytes).value());
  for (const auto& [id, row] : nodes_) {
    CHECK_MSG(state.load_node(row.parent, row.name, row.data, row.fields, why), why.c_str());
  }
  for (const auto& [id, session] : sessions_) state.load_session(session);
  for (const auto& [id, mark] : marks_) state.load_member(mark);
  CHECK_MSG(state.finish_loading(applied_, next_node_id_, acl_counter_, feature_level_, why),
            why.c_str());
  return state;
}

}  // namespace topod::state
