// From what was opened to a replica that can start: entries of the log that are known to be
// committed are applied, the others are given to it as they stand. Runs before the loop.
#pragma once

#include <cstdint>

#include "server/node/interfaces.h"
#include "server/node/startup.h"
#include "server/zab/replica.h"

namespace topod::node {

struct Replayed {
  uint64_t transactions = 0;
  uint64_t uncommitted = 0;  // not known to be committed
  int64_t milliseconds = 0;
};

// `tree` is told the changes now and then. Afterwards the replica lacks only `start`.
[[nodiscard]] Started<Replayed> replay_log(const OpenedData& data, zab::Replica& replica,
                                           TreeStore& tree);

}  // namespace topod::node
