// The stored tree at a start: read into a state, or made for a state that is new. Runs before the
// loop.
#pragma once

#include <string>

#include "server/node/startup_error.h"
#include "server/state/state.h"
#include "server/zab/journal.h"
#include "storage/data_dir.h"
#include "storage/log_format.h"
#include "storage/store.h"

namespace topod::node {

struct StoredTree {
  storage::CheckpointMeta meta;
  state::State state;
};

// Reads every row and checks what they add up to; changes nothing. kExitDamaged: what is wrong.
[[nodiscard]] Started<StoredTree> load_stored_tree(const std::string& path);

// All of a state.
[[nodiscard]] storage::Checkpoint whole_checkpoint(const state::State& state);

// A tree of a new state.
[[nodiscard]] Started<storage::Store> create_stored_tree(const std::string& path,
                                                         const storage::Store::Options& options,
                                                         const state::State& state,
                                                         const storage::CheckpointMeta& meta);

// Keeps the tree of a state that differed from the ensemble's for somebody to look at, in
// damaged-<n>/ of the data directory.
[[nodiscard]] Started<void> put_aside_diverged_tree(const std::string& data_dir,
                                                    uint64_t generation);

// What holds after exactly these entries, for a checkpoint.
[[nodiscard]] storage::CheckpointMeta checkpoint_meta(const state::State& state,
                                                      const zab::Promises& promises,
                                                      const storage::DirectoryIdentity& identity,
                                                      storage::LogPosition position);

}  // namespace topod::node
