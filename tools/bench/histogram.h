// Counts durations in buckets whose width grows with the value: exact below 128 ns, within 0.4 %
// above (each power of two is cut into 128 equal buckets and answers with a bucket's middle). The
// largest value is kept exactly. Fixed memory, no allocation after construction.
//
// Not shared between threads: each thread fills its own, `merge` joins them afterwards.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/bench/clock.h"

namespace topod::bench {

class Histogram {
 public:
  Histogram();

  // Negative durations count as 0, durations above about an hour as about an hour.
  void record(Nanoseconds duration);
  void merge(const Histogram& other);

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] Nanoseconds max() const { return max_; }
  [[nodiscard]] double mean() const;
  // The duration that `fraction` (0 to 1) of all recorded ones do not exceed; 0 when empty.
  [[nodiscard]] Nanoseconds percentile(double fraction) const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  Nanoseconds max_ = 0;
  double sum_ = 0;
};

}  // namespace topod::bench
