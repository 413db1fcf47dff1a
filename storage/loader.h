// Reads a stored tree at start: every row, every hash, the order, the chunks, the totals. What
// it has not found fault with is exactly what the last checkpoint wrote.
//
// The folder is opened read-only and nothing is changed in it; the caller's lock on the data
// directory keeps everybody else away. Runs on the calling thread.
#pragma once

#include <cstdint>
#include <string>

#include "storage/storage_error.h"
#include "storage/tree_schema.h"

namespace topod::storage {

// Receives the rows: access control lists first, then znodes in order of their ids (so a parent
// comes before its children), then sessions, then members. Views die with the call. False ends
// the loading: the row makes no sense, and `why` says so.
class LoadVisitor {
 public:
  virtual ~LoadVisitor() = default;
  virtual bool acl(const AclRow& row, std::string& why) = 0;
  virtual bool node(const NodeRow& row, std::string& why) = 0;
  virtual bool session(const SessionRow& row, std::string& why) = 0;
  virtual bool member(const MemberRow& row, std::string& why) = 0;
};

struct Loaded {
  CheckpointMeta meta;
  Totals totals;
  uint64_t acls = 0;
  uint64_t nodes = 0;
  uint64_t sessions = 0;
  uint64_t members = 0;
  uint64_t bytes = 0;  // of all rows
  int64_t duration_ms = 0;
};

// kMissing: no tree there. kNewerVersion: of a newer topod. kDamaged: what and where.
[[nodiscard]] Expected<Loaded> load_tree(const std::string& tree_dir, LoadVisitor& visitor);

// Of the last checkpoint alone; nothing else is looked at.
[[nodiscard]] Expected<CheckpointMeta> read_checkpoint(const std::string& tree_dir);

}  // namespace topod::storage
