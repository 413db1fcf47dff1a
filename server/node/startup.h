// From a data directory to a state in memory: lock, identity, stored tree, log. Runs before the
// loop. Whatever is damaged, foreign or newer ends the start with a sentence that says what and
// where, and nothing is changed, unless the operator has ordered to go on without it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "server/node/config.h"
#include "server/node/interfaces.h"
#include "server/zab/replica.h"
#include "storage/data_dir.h"
#include "storage/log.h"
#include "storage/store.h"

namespace topod::node {

// Exit statuses of a start that failed: a restart changes nothing about the second.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitDamaged = 3;

struct StartupError {
  int exit_code = kExitFailed;
  std::string what;
};
template <class T>
using Started = tl::expected<T, StartupError>;

// What a data directory holds, opened for use.
struct OpenedData {
  explicit OpenedData(storage::DataDir opened) : dir(std::move(opened)), identity(dir.identity()) {}

  storage::DataDir dir;
  storage::DirectoryIdentity identity;
  uint64_t generation = 1;  // of the tree
  std::string log_dir;
  storage::LogIdentity log_identity;
  std::unique_ptr<storage::Log> log;
  std::optional<storage::LogPosition> replay_from;
  std::optional<storage::Store> store;
  std::optional<state::State> state;  // the checkpoint's
  zab::Promises promises;
  // For the summary of the start.
  uint64_t znodes = 0;
  int64_t load_ms = 0;
  bool created = false;
};

// `discard_damaged`: put damaged files aside and go on without them, saying what is lost.
[[nodiscard]] Started<OpenedData> open_data(const Config& config, bool discard_damaged,
                                            Entropy& entropy);

struct Replayed {
  uint64_t transactions = 0;
  int64_t milliseconds = 0;
};
// Applies what the log holds beyond the checkpoint. `collect` is called now and then with the
// changes so far.
[[nodiscard]] Started<Replayed> replay_log(const OpenedData& data, zab::Replica& replica,
                                           TreeStore& tree);

// What holds after exactly these entries, for a checkpoint.
[[nodiscard]] storage::CheckpointMeta checkpoint_meta(const state::State& state,
                                                      const zab::Promises& promises,
                                                      const storage::DirectoryIdentity& identity,
                                                      storage::LogPosition position);

}  // namespace topod::node
