// A stand-in for the store: keeps the rows of a state, is told of changes by `State::changes`
// alone, and builds a state from its rows. So it shows whether the changes are complete.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "server/state/state.h"

namespace topod::state {

class RowStore {
 public:
  // Takes over what changed since the last time, and clears the list.
  void take_changes(State& state);
  // A state from the rows, as a start makes one.
  [[nodiscard]] State load() const;

 private:
  struct NodeRow {
    NodeId parent;
    std::string name;
    std::optional<std::string> data;
    NodeFields fields;
  };

  void take_node(const Tree& tree, NodeId id);

  std::map<NodeId, NodeRow> nodes_;
  std::map<AclId, std::string> acls_;
  std::map<SessionId, Session> sessions_;
  std::map<ServerId, Member> marks_;
  Zxid applied_;
  uint64_t next_node_id_ = 0;
  uint32_t acl_counter_ = 0;
  uint32_t feature_level_ = 0;
};

}  // namespace topod::state
