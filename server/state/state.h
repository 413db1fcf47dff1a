// The replicated state: everything that follows from the log, and nothing else. Equal logs give
// equal states, digests included. Only `evaluate` changes it, and the loader fills it. One
// thread owns it (the loop); nothing here blocks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "server/state/acl.h"
#include "server/state/digest.h"
#include "server/state/quota.h"
#include "server/state/sessions.h"
#include "server/state/tree.h"

namespace topod::state {

// What this binary understands; a state above it is refused.
inline constexpr uint32_t kFeatureLevel = 1;

// What has changed since the last `clear`: keys only, the after-images are read from the state
// at the end of the turn, so that a znode touched a hundred times in a turn is written once.
// May name a key twice; the reader of the list removes duplicates.
struct Changes {
  std::vector<NodeId> nodes;  // changed, or gone if the tree no longer has them
  std::vector<AclId> acls;
  std::vector<SessionId> sessions;
  std::vector<ServerId> members;
  [[nodiscard]] bool empty() const {
    return nodes.empty() && acls.empty() && sessions.empty() && members.empty();
  }
  void add(NodeId id) { append(nodes, id); }
  void add(AclId id) { append(acls, id); }
  void add(SessionId id) { append(sessions, id); }
  void add(ServerId id) { append(members, id); }
  void clear() {
    nodes.clear();
    acls.clear();
    sessions.clear();
    members.clear();
  }

 private:
  template <class Id>
  static void append(std::vector<Id>& ids, Id id) {
    if (ids.empty() || ids.back() != id) ids.push_back(id);
  }
};

class State {
 public:
  Tree tree;
  AclTable acls;
  Sessions sessions;
  std::map<ServerId, Member> members;
  Digest digest;
  Zxid applied;  // the last entry evaluated
  uint32_t feature_level = kFeatureLevel;

  // Containers and TTL nodes, for the reaper; follows from the tree.
  std::map<NodeId, NodeKind> reapable;
  // Limits and usage; follows from the tree.
  Quotas quotas;
  // Writes that went beyond a soft quota limit. Of this process: not part of what is replicated.
  uint64_t soft_quota_excesses = 0;

  Changes changes;

  // A state as it is before the first entry: root, /zookeeper, /zookeeper/quota,
  // /zookeeper/config, with the Stats that ZooKeeper gives them. All of it is in `changes`.
  [[nodiscard]] static State initial();

  // ---- the loader's way in, in this order: acls, nodes, sessions, members, finish -------------
  // What contradicts itself without a `why` here is told by `finish_loading`.
  void load_acl(AclId id, Acl acl);
  // Parent before child; the root has parent id 0 and an empty name. False: the row makes no
  // sense (no parent, a name twice, an unknown ACL), and `why` says so.
  [[nodiscard]] bool load_node(NodeId parent, std::string_view name, NullableBytes data,
                               const NodeFields& fields, std::string& why);
  void load_session(Session session);
  void load_member(Member member);
  // Rebuilds what follows from the rows (ephemerals, reapable, quotas) and the digest.
  [[nodiscard]] bool finish_loading(Zxid applied, uint64_t next_node_id, uint32_t acl_counter,
                                    uint32_t level, std::string& why);

 private:
  [[nodiscard]] bool adopt_node(NodeSlot slot, std::string& why);

  std::string load_error_;  // of the first row that made no sense
};

// The digest by its definition, item by item: what `State::digest` must always be.
[[nodiscard]] Digest recompute_digest(const State& state);

}  // namespace topod::state
