// Copies of the stored tree for other times and places: taken beside a server that runs, and made
// the tree of a new data directory. Any thread; one process may not hold the same tree open twice.
#pragma once

#include <string>

#include "storage/data_dir.h"
#include "storage/storage_error.h"
#include "storage/tree_schema.h"

namespace topod::storage {

// The tree of this data directory that its server uses, also while it does: the path of its
// folder. kMissing: there is none yet.
[[nodiscard]] Expected<std::string> current_tree(const std::string& data_dir);

// Copies the last checkpoint, which is at most about a second old, and no other; its server goes
// on meanwhile. `to` is made. Nothing is checked: load_tree does that. Durable when it returns.
Expected<void> copy_tree(const std::string& tree_dir, const std::string& to);

// Makes this copy, which goes with it, the tree of a data directory that is new: of another
// server, with a log that goes on from the copy's checkpoint, zxid and epochs. Durable when it
// returns; what is left by a crash is no tree.
Expected<void> adopt_tree(const DataDir& directory, const std::string& copy);

}  // namespace topod::storage
