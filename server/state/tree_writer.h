// The one way by which evaluation changes the tree: keeps in step what follows from it (digest,
// list of changes, ephemerals of sessions, containers and TTL nodes, quotas), and can take back
// a multi of which an operation fails. Lives as long as the evaluation of one entry. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/state/state.h"

namespace topod::state {

class TreeWriter {
 public:
  explicit TreeWriter(State& state) : state_(state), tree_(state.tree) {}

  // The id of this list, with one reference for the caller to hand on.
  [[nodiscard]] AclId intern(const Acl& acl);

  // Takes over a reference on the list of `fields`.
  NodeSlot create(NodeSlot parent, std::string_view name, NullableBytes data,
                  const NodeFields& fields);
  void remove(NodeSlot slot);
  void set_data(NodeSlot slot, NullableBytes data);
  // Takes over a reference on the new list if it is another one. Id and kind stay.
  void set_fields(NodeSlot slot, const NodeFields& fields);

  // From here on, changes can be taken back.
  void begin();
  // Leaves the state as it was at `begin`, counters and digest included.
  void roll_back();

 private:
  // How to take back one change. Znodes are named by id: a slot may be another's by now.
  struct Step {
    enum class Kind : uint8_t { kCreated, kRemoved, kDataSet, kFieldsSet };
    Kind kind;
    NodeId parent;
    NodeFields fields;  // as they were; of a creation the id alone
    std::string name;
    std::optional<std::string> data;
  };
  struct Beginning {
    Digest digest;
    uint64_t next_node_id = 0;
    uint32_t acl_counter = 0;
    size_t changed_nodes = 0;
    size_t changed_acls = 0;
    uint64_t soft_quota_excesses = 0;
  };

  Step& remember(Step::Kind kind, NodeSlot slot);
  void take_back(const Step& step);
  void enlist(NodeSlot slot);
  void delist(NodeSlot slot);
  void rewrite_stale_stats();

  State& state_;
  Tree& tree_;
  std::vector<NodeId> stale_;  // directories of quotas whose stats node tells an old usage
  bool journaling_ = false;
  bool taking_back_ = false;
  Beginning beginning_;
  std::vector<Step> journal_;
};

}  // namespace topod::state
