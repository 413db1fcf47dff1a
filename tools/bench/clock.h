// The one clock of the load generator: CLOCK_MONOTONIC in nanoseconds, the clock that scripts on
// the same machine read as `time.monotonic()`. Safe from any thread.
#pragma once

#include <time.h>

#include <cstdint>

namespace topod::bench {

using Nanoseconds = int64_t;

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

[[nodiscard]] inline Nanoseconds monotonic_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + time.tv_nsec;
}

[[nodiscard]] inline Nanoseconds from_seconds(double seconds) {
  return static_cast<Nanoseconds>(seconds * static_cast<double>(kSecond));
}

[[nodiscard]] inline double to_seconds(Nanoseconds duration) {
  return static_cast<double>(duration) / static_cast<double>(kSecond);
}

}  // namespace topod::bench
