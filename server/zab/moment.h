// What time it is, as told to the replica once per turn of the loop. The core has no clock.
#pragma once

#include <cstdint>

namespace topod::zab {

struct Moment {
  int64_t monotonic_us = 0;  // for deadlines and latencies; unrelated to the wall clock
  int64_t wall_ms = 0;       // for ctime and mtime only, since 1970; may jump

  [[nodiscard]] int64_t monotonic_ms() const { return monotonic_us / 1000; }
};

}  // namespace topod::zab
