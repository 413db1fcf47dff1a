// How this server has led and applied. Since start, over all its reigns. Plain data.
#pragma once

#include <cstdint>

#include "proto/histogram.h"

namespace topod::zab {

struct BroadcastFigures {
  // Leading.
  uint64_t proposals = 0;
  uint64_t difference_syncs = 0;
  uint64_t truncating_syncs = 0;  // a difference after a cut
  uint64_t snapshot_syncs = 0;
  Histogram proposal_us;  // from the proposal until a quorum has it on disk

  // In any role.
  uint64_t applied = 0;
  // From the leader's time in an entry until it is applied here; as exact as the clocks agree.
  Histogram propagation_us;
};

}  // namespace topod::zab
