// Looks at what stands behind the last usable batch of a log and tells a write that a crash
// interrupted from damage; log_recovery.h says how. Reads only; memory is bounded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/log_recovery.h"

namespace topod::storage {

struct LogTail {
  bool torn = false;
  std::string damage;             // why it is no torn write; empty otherwise
  std::vector<DirtyRange> dirty;  // at most one for each segment
  // Valid batches, wherever they are.
  uint64_t valid_batches = 0;
  Zxid first_zxid;
  Zxid last_zxid;
  Epoch accepted_epoch;
  Epoch current_epoch;
};

[[nodiscard]] IoResult<LogTail> examine_tail(FileSystem& file_system, const std::string& dir,
                                             const LogIdentity& identity,
                                             const std::vector<uint64_t>& segments,
                                             LogPosition end);

}  // namespace topod::storage
