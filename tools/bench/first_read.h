// How long a server takes until it answers a read: tries to connect, again and again, until a
// session is open and a getData has been answered.
#pragma once

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "tools/bench/options.h"

namespace topod::bench {

struct FirstRead {
  double seconds = 0;      // since the first attempt
  double answered_at = 0;  // CLOCK_MONOTONIC in seconds, to be compared with other programs' times
  uint64_t attempts = 0;
};

[[nodiscard]] tl::expected<FirstRead, std::string> wait_for_first_read(const Options& options);

}  // namespace topod::bench
