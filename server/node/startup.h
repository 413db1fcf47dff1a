// From a data directory to a state in memory: lock, identity, stored tree, log. Runs before the
// loop. Whatever is foreign or newer ends the start with a sentence that says what and where, and
// nothing is changed. So does what is damaged where there is one voter, unless the operator has
// ordered to go on without it. A member of a larger ensemble puts it aside and begins as a blank
// learner: the others hold what it lost, and let it vote again when it has caught up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/node/config.h"
#include "server/node/interfaces.h"
#include "server/node/startup_error.h"
#include "server/node/stored_tree.h"
#include "server/zab/replica.h"
#include "storage/data_dir.h"
#include "storage/log.h"
#include "storage/store.h"

namespace topod::node {

struct StartOptions {
  // Put damaged files aside and go on without them, saying what is lost.
  bool discard_damaged = false;
  // The disk of the log and the size of its files; only tests want others.
  storage::FileSystem* log_files = &storage::posix_file_system();
  size_t segment_bytes = limits::kSegmentBytes;
};

// What a data directory holds, opened for use.
struct OpenedData {
  explicit OpenedData(storage::DataDir opened) : dir(std::move(opened)), identity(dir.identity()) {}

  storage::DataDir dir;
  storage::DirectoryIdentity identity;
  uint64_t generation = 1;  // of the tree
  storage::FileSystem* log_files = nullptr;
  std::string log_dir;
  storage::LogIdentity log_identity;
  std::unique_ptr<storage::Log> log;
  std::optional<storage::LogPosition> replay_from;
  std::optional<storage::Store> store;
  std::optional<state::State> state;  // the checkpoint's
  zab::Promises promises;
  bool is_alone = true;  // a quorum of one: whatever is logged is committed
  // For the summary of the start.
  uint64_t znodes = 0;
  int64_t load_ms = 0;
  bool created = false;
};

// Tree and log are both judged before anything is changed. Whatever a crash interrupts, the next
// start either goes on, or says again what is damaged.
[[nodiscard]] Started<OpenedData> open_data(const Config& config, const StartOptions& options,
                                            Entropy& entropy);

}  // namespace topod::node
