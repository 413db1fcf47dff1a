// What has changed in the state since the last checkpoint: the after-image, or a tombstone, of
// each znode, access control list, session and member that was touched. A later change of the
// same item replaces the earlier one, so a znode written a thousand times a second is stored
// once a second.
//
// One thread at a time: the loop fills it, then hands it over by move to the store thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "storage/tree_schema.h"

namespace topod::storage {

class Checkpoint {
 public:
  struct Image {
    std::string bytes;     // as `encode` makes them; of an acl the list itself
    bool removed = false;  // removing what is not there is no error
  };
  template <class Id>
  using Images = std::unordered_map<Id, Image>;

  void put_node(const NodeRow& row);
  void remove_node(NodeId id);
  void put_acl(const AclRow& row);
  void remove_acl(AclId id);
  void put_session(const SessionRow& row);
  void remove_session(SessionId id);
  void put_member(const MemberRow& row);
  void remove_member(ServerId id);

  [[nodiscard]] size_t entries() const;
  // Approximate memory, and about what will be written.
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return entries() == 0; }

  [[nodiscard]] const Images<NodeId>& nodes() const { return nodes_; }
  [[nodiscard]] const Images<AclId>& acls() const { return acls_; }
  [[nodiscard]] const Images<SessionId>& sessions() const { return sessions_; }
  [[nodiscard]] const Images<ServerId>& members() const { return members_; }

 private:
  template <class Id, class Fill>
  void put(Images<Id>& images, Id id, Fill fill);
  template <class Id>
  void remove(Images<Id>& images, Id id);

  Images<NodeId> nodes_;
  Images<AclId> acls_;
  Images<SessionId> sessions_;
  Images<ServerId> members_;
  size_t bytes_ = 0;
};

}  // namespace topod::storage
