#include "server/state/state.h"

#include <utility>

#include "proto/check.h"
#include "server/state/path.h"

namespace topod::state {

namespace {

constexpr AclId kOpenAcl{1};
constexpr AclId kReadAcl{2};

std::string describe(NodeId id) { return "znode " + std::to_string(id.value()); }

bool refuse(std::string& why, std::string reason) {
  why = std::move(reason);
  return false;
}

}  // namespace

State State::initial() {
  State state;
  std::string why;
  uint64_t next_id = 1;
  const auto load = [&](NodeId parent, std::string_view name, AclId acl, int32_t version) {
    NodeFields fields;
    fields.id = NodeId(next_id++);
    fields.acl = acl;
    fields.version = fields.aversion = version;
    CHECK(state.load_node(parent, name, std::string_view{}, fields, why));
    state.changes.add(fields.id);
    return fields.id;
  };
  state.load_acl(kOpenAcl, world_acl(kPermAll));
  state.load_acl(kReadAcl, world_acl(kPermRead));
  state.changes.add(kOpenAcl);
  state.changes.add(kReadAcl);
  // No child made here is counted as created: their parents' cversions start below 0.
  const NodeId root = load(NodeId{}, "", kOpenAcl, 0);
  const NodeId zookeeper = load(root, last_component(kZookeeperPath), kOpenAcl, 0);
  load(zookeeper, last_component(kQuotaPath), kOpenAcl, 0);
  load(zookeeper, last_component(kConfigPath), kReadAcl, -1);
  CHECK(state.finish_loading(Zxid{}, next_id, kReadAcl.value(), kFeatureLevel, why));
  return state;
}

void State::load_acl(AclId id, Acl acl) {
  digest.add(digest_of_acl(id, acl));
  if (!acls.restore(id, std::move(acl)) && load_error_.empty()) {
    load_error_ = "access control list " + std::to_string(id.value()) + " is there twice";
  }
}

bool State::load_node(NodeId parent, std::string_view name, NullableBytes data,
                      const NodeFields& fields, std::string& why) {
  NodeSlot parent_slot = kNoNode;
  if (fields.id == NodeId{}) return refuse(why, "a znode has the id 0");
  if (parent == NodeId{}) {
    if (tree.root() != kNoNode) return refuse(why, describe(fields.id) + " is a second root");
    if (!name.empty()) return refuse(why, "the root has a name");
  } else {
    parent_slot = tree.by_id(parent);
    if (parent_slot == kNoNode) return refuse(why, describe(fields.id) + " has no parent");
    if (name.empty() || tree.child(parent_slot, name) != kNoNode) {
      return refuse(why, describe(fields.id) + " has the name of another or none");
    }
    if (tree.fields(parent_slot).kind == NodeKind::kEphemeral) {
      return refuse(why, describe(fields.id) + " lies below an ephemeral znode");
    }
    if (fields.id <= parent) return refuse(why, describe(fields.id) + " is older than its parent");
  }
  if (tree.by_id(fields.id) != kNoNode) return refuse(why, describe(fields.id) + " is there twice");
  if (acls.find(fields.acl) == nullptr) {
    return refuse(why, describe(fields.id) + " has an unknown access control list");
  }
  acls.acquire(fields.acl);
  digest.add(digest_of_node(tree, tree.insert(parent_slot, name, data, fields)));
  return true;
}

void State::load_session(Session session) {
  if (sessions.find(session.id) != nullptr) {
    if (load_error_.empty()) {
      load_error_ = "session " + std::to_string(session.id.value()) + " is there twice";
    }
    return;
  }
  digest.add(digest_of_session(session));
  sessions.insert(std::move(session));
}

void State::load_member(Member member) {
  digest.add(digest_of_member(member));
  if (!members.emplace(member.server, member).second && load_error_.empty()) {
    load_error_ = "server " + std::to_string(member.server.value()) + " is there twice";
  }
}

// Enters a loaded znode where it has to be known besides the tree.
bool State::adopt_node(NodeSlot slot, std::string& why) {
  const NodeFields& fields = tree.fields(slot);
  if (fields.id.value() >= tree.next_node_id()) {
    return refuse(why, describe(fields.id) + " is newer than the counter of znodes");
  }
  switch (fields.kind) {
    case NodeKind::kPersistent: return true;
    case NodeKind::kEphemeral: {
      Session* const session = sessions.find(SessionId(fields.owner_or_ttl_ms));
      if (session == nullptr) return refuse(why, describe(fields.id) + " has no session");
      sessions.add_ephemeral(*session, fields.id);
      return true;
    }
    case NodeKind::kContainer:
    case NodeKind::kTtl: reapable.emplace(fields.id, fields.kind); return true;
  }
  return refuse(why, describe(fields.id) + " is of no known kind");
}

bool State::finish_loading(Zxid loaded_zxid, uint64_t next_node_id, uint32_t acl_counter,
                           uint32_t level, std::string& why) {
  if (!load_error_.empty()) return refuse(why, load_error_);
  for (const std::string_view path : {std::string_view("/"), kQuotaPath, kConfigPath}) {
    if (tree.root() == kNoNode || tree.find(path) == kNoNode) {
      return refuse(why, std::string(path) + " is missing");
    }
  }
  if (acls.greatest_id() > AclId(acl_counter)) {
    return refuse(why, "an access control list is newer than their counter");
  }
  applied = loaded_zxid;
  feature_level = level;
  tree.set_next_node_id(next_node_id);
  acls.set_counter(acl_counter);
  bool sound = true;
  tree.for_each_in_subtree(tree.root(), [&](NodeSlot slot) {
    sound = sound && adopt_node(slot, why);
    return sound;
  });
  if (sound) quotas.rebuild(tree);
  return sound;
}

Digest recompute_digest(const State& state) {
  Digest digest;
  state.tree.for_each_in_subtree(state.tree.root(), [&](NodeSlot slot) {
    digest.add(digest_of_node(state.tree, slot));
    return true;
  });
  state.acls.for_each([&](AclId id, const Acl& acl) { digest.add(digest_of_acl(id, acl)); });
  for (const auto& [id, session] : state.sessions) digest.add(digest_of_session(session));
  for (const auto& [id, member] : state.members) digest.add(digest_of_member(member));
  return digest;
}

}  // namespace topod::state
