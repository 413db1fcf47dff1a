#include "server/state/tree_writer.h"

#include "proto/check.h"

namespace topod::state {

namespace {

std::optional<std::string> copy_of(NullableBytes bytes) {
  return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
}

}  // namespace

AclId TreeWriter::intern(const Acl& acl) {
  bool added = false;
  const AclId id = state_.acls.acquire(acl, added);
  if (added) {
    state_.digest.add(digest_of_acl(id, acl));
    state_.changes.add(id);
  }
  return id;
}

NodeSlot TreeWriter::create(NodeSlot parent, std::string_view name, NullableBytes data,
                            const NodeFields& fields) {
  const NodeSlot slot = tree_.insert(parent, name, data, fields);
  state_.digest.add(digest_of_node(tree_, slot));
  state_.changes.add(fields.id);
  enlist(slot);
  if (journaling_) remember(Step::Kind::kCreated, slot);
  state_.quotas.created(tree_, slot, stale_);
  rewrite_stale_stats();
  return slot;
}

void TreeWriter::remove(NodeSlot slot) {
  if (journaling_) {
    Step& step = remember(Step::Kind::kRemoved, slot);
    step.name = tree_.name(slot);
    step.data = copy_of(tree_.data(slot));
  }
  const NodeFields& fields = tree_.fields(slot);
  state_.quotas.removing(tree_, slot, stale_);
  delist(slot);
  state_.digest.subtract(digest_of_node(tree_, slot));
  state_.changes.add(fields.id);
  state_.acls.release(fields.acl);
  tree_.remove(slot);
  rewrite_stale_stats();
}

void TreeWriter::set_data(NodeSlot slot, NullableBytes data) {
  if (journaling_) remember(Step::Kind::kDataSet, slot).data = copy_of(tree_.data(slot));
  const uint32_t old_length = tree_.data_length(slot);
  state_.digest.subtract(digest_of_content(tree_, slot));
  tree_.set_data(slot, data);
  state_.digest.add(digest_of_content(tree_, slot));
  state_.changes.add(tree_.fields(slot).id);
  state_.quotas.data_changed(tree_, slot, old_length, stale_);
  rewrite_stale_stats();
}

void TreeWriter::set_fields(NodeSlot slot, const NodeFields& fields) {
  if (journaling_) remember(Step::Kind::kFieldsSet, slot);
  NodeFields& current = tree_.mutable_fields(slot);
  CHECK(current.id == fields.id && current.kind == fields.kind);
  state_.digest.subtract(digest_of_fields(tree_, slot));
  if (current.acl != fields.acl) state_.acls.release(current.acl);
  current = fields;
  state_.digest.add(digest_of_fields(tree_, slot));
  state_.changes.add(fields.id);
}

// Enters a new znode where it has to be known besides the tree.
void TreeWriter::enlist(NodeSlot slot) {
  const NodeFields& fields = tree_.fields(slot);
  if (fields.kind == NodeKind::kEphemeral) {
    Session* const session = state_.sessions.find(SessionId(fields.owner_or_ttl_ms));
    CHECK(session != nullptr);
    state_.sessions.add_ephemeral(*session, fields.id);
  } else if (fields.kind != NodeKind::kPersistent) {
    state_.reapable.emplace(fields.id, fields.kind);
  }
}

void TreeWriter::delist(NodeSlot slot) {
  const NodeFields& fields = tree_.fields(slot);
  if (fields.kind == NodeKind::kEphemeral) {
    Session* const session = state_.sessions.find(SessionId(fields.owner_or_ttl_ms));
    CHECK(session != nullptr);
    state_.sessions.remove_ephemeral(*session, fields.id);
  } else if (fields.kind != NodeKind::kPersistent) {
    state_.reapable.erase(fields.id);
  }
}

// A stats node is derived data: neither its version nor its zxids change with it, and nobody is
// told. While changes are taken back the journal knows best: a stats node may be older than its
// quota, and have had another text before.
void TreeWriter::rewrite_stale_stats() {
  if (taking_back_) stale_.clear();
  for (const NodeId directory : stale_) {
    const Quota* const quota = state_.quotas.find(directory);
    const NodeSlot stats = tree_.child(tree_.by_id(directory), kQuotaStatsName);
    if (quota == nullptr || stats == kNoNode) continue;
    const std::string text = format_quota_usage(quota->usage);
    if (tree_.data(stats) == text) continue;
    if (journaling_) remember(Step::Kind::kDataSet, stats).data = copy_of(tree_.data(stats));
    state_.digest.subtract(digest_of_content(tree_, stats));
    tree_.set_data(stats, text);
    state_.digest.add(digest_of_content(tree_, stats));
    state_.changes.add(tree_.fields(stats).id);
  }
  stale_.clear();
}

// ---- taking back ---------------------------------------------------------------------------

void TreeWriter::begin() {
  CHECK(!journaling_);
  journaling_ = true;
  beginning_ = {.digest = state_.digest,
                .next_node_id = tree_.next_node_id(),
                .acl_counter = state_.acls.counter(),
                .changed_nodes = state_.changes.nodes.size(),
                .changed_acls = state_.changes.acls.size(),
                .soft_quota_excesses = state_.soft_quota_excesses};
}

TreeWriter::Step& TreeWriter::remember(Step::Kind kind, NodeSlot slot) {
  const NodeSlot parent = tree_.parent(slot);
  const NodeId parent_id = parent == kNoNode ? NodeId{} : tree_.fields(parent).id;
  return journal_.emplace_back(Step{kind, parent_id, tree_.fields(slot), {}, {}});
}

void TreeWriter::roll_back() {
  CHECK(journaling_);
  journaling_ = false;
  taking_back_ = true;
  for (; !journal_.empty(); journal_.pop_back()) take_back(journal_.back());
  taking_back_ = false;
  // What the operations changed and what taking them back changed.
  state_.changes.nodes.resize(beginning_.changed_nodes);
  state_.changes.acls.resize(beginning_.changed_acls);
  for (const AclId id : state_.acls.added_since(beginning_.acl_counter)) {
    state_.digest.subtract(digest_of_acl(id, state_.acls.get(id)));
  }
  state_.acls.roll_back(beginning_.acl_counter);
  tree_.set_next_node_id(beginning_.next_node_id);
  state_.soft_quota_excesses = beginning_.soft_quota_excesses;
  CHECK_MSG(state_.digest == beginning_.digest, "a multi was not taken back whole");
}

void TreeWriter::take_back(const Step& step) {
  switch (step.kind) {
    case Step::Kind::kCreated: remove(tree_.by_id(step.fields.id)); break;
    case Step::Kind::kRemoved:
      state_.acls.acquire(step.fields.acl);
      create(tree_.by_id(step.parent), step.name, step.data, step.fields);
      break;
    case Step::Kind::kDataSet: set_data(tree_.by_id(step.fields.id), step.data); break;
    case Step::Kind::kFieldsSet: {
      const NodeSlot slot = tree_.by_id(step.fields.id);
      if (tree_.fields(slot).acl != step.fields.acl) state_.acls.acquire(step.fields.acl);
      set_fields(slot, step.fields);
      break;
    }
  }
}

}  // namespace topod::state
