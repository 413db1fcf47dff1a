// Examines a stopped data directory: lock, identity, stored tree row by row, log batch by batch,
// and whether tree and log belong together. Repairs nothing, and writes nothing but the number
// of this process into the lock file. One thread.
#pragma once

#include <string>
#include <vector>

#include "storage/file.h"

namespace topod::storage {

struct VerifyReport {
  bool intact = false;
  // False: the directory could not be examined (in use, not there, not readable), which says
  // nothing about its data.
  bool examined = true;
  std::vector<std::string> lines;  // for people; the last one is the verdict
};

// `log_dir`: where the log is if not in `data_dir`.
[[nodiscard]] VerifyReport verify(const std::string& data_dir, const std::string& log_dir = {});

}  // namespace topod::storage
