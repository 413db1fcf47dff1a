// What a stored tree should hold, in plain maps: filled by tests and by the loader, compared.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <random>
#include <string>

#include "storage/checkpoint.h"
#include "storage/loader.h"
#include "storage/store.h"
#include "storage/tree_schema.h"

namespace topod::storage {

// A row that owns its name and data.
struct OwnedNode {
  NodeRow row;  // name and data unset
  std::string name;
  std::string data;
  [[nodiscard]] NodeRow view() const {
    NodeRow view = row;
    view.name = name;
    view.data = data;
    return view;
  }
  bool operator==(const OwnedNode&) const = default;
};

class TreeModel final : public LoadVisitor {
 public:
  std::map<NodeId, OwnedNode> nodes;
  std::map<AclId, std::string> acls;
  std::map<SessionId, SessionRow> sessions;
  std::map<ServerId, MemberRow> members;

  // ---- changes, noted in a checkpoint as well
  void put_node(const NodeRow& row, Checkpoint& checkpoint);
  void remove_node(NodeId id, Checkpoint& checkpoint);
  void put_acl(AclId id, const std::string& list, Checkpoint& checkpoint);
  void remove_acl(AclId id, Checkpoint& checkpoint);
  void put_session(const SessionRow& row, Checkpoint& checkpoint);
  void remove_session(SessionId id, Checkpoint& checkpoint);
  void put_member(const MemberRow& row, Checkpoint& checkpoint);
  // A change of any kind; `bytes_max` bounds the length of data and lists.
  void change_at_random(std::mt19937_64& random, size_t bytes_max, Checkpoint& checkpoint);

  // The meta of a checkpoint of this model.
  [[nodiscard]] CheckpointMeta meta(int64_t zxid) const;

  // ---- LoadVisitor
  bool acl(const AclRow& row, std::string& why) override;
  bool node(const NodeRow& row, std::string& why) override;
  bool session(const SessionRow& row, std::string& why) override;
  bool member(const MemberRow& row, std::string& why) override;

  [[nodiscard]] bool equals(const TreeModel& other) const {
    return nodes == other.nodes && acls == other.acls && sessions == other.sessions &&
           members == other.members;
  }
};

// Small files, quickly made.
[[nodiscard]] inline Store::Options small_store() {
  Store::Options options;
  options.map_bytes = size_t{1} << 30;
  options.extend_bytes = 4'096;
  return options;
}

// A node with plausible fields that follow from its id.
[[nodiscard]] NodeRow sample_node(uint64_t id, std::string_view name, std::string_view data);

}  // namespace topod::storage
