// Going on without damaged parts of the log, on an operator's order: what was lost is lost, and
// everything that could help somebody to find it again is put aside, not deleted.
//
// One thread; nobody else may use the log. A crash in between leaves a log that is still damaged,
// or repaired: run it again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "storage/log.h"

namespace topod::storage {

// What the tree at rest holds.
struct LogBase {
  Zxid zxid;
  uint64_t generation = 0;
  std::string digest;
  LogPosition position;
};

// Moves or copies into the folder `aside` (made if needed, on the same file system) each segment
// from the damage on; what stands before it in the damaged segment is kept. Promises of epochs
// that are still readable behind the damage are made again. If the checkpoint is ahead of what
// remains, the log goes on from the checkpoint, as after the installation of a snapshot.
//
// Returns the place from which the log is to be read from now on; nothing: from its beginning. If
// that is not the checkpoint's place, the checkpoint must be written again with it before the log
// is used.
[[nodiscard]] tl::expected<std::optional<LogPosition>, LogOpenError> set_aside_damaged(
    FileSystem& file_system, const std::string& dir, const std::string& aside,
    const LogIdentity& identity, const LogOptions& options, const LogDamage& damage,
    const std::optional<LogBase>& checkpoint);

}  // namespace topod::storage
