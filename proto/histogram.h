// How often values of which size occurred: a count for each power of two. Adding is a few
// instructions and no lock, which is why the loop counts with it and not with a library.
//
// Plain values without a unit of their own; the thread that counts owns it, others get copies.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace topod {

class Histogram {
 public:
  // Bucket i holds the values above 2^(i-1) and up to 2^i; the first all below, the last all above.
  static constexpr size_t kBuckets = 28;

  void add(int64_t value) {
    const auto least = static_cast<uint64_t>(std::max<int64_t>(value, 1));
    const auto bucket = static_cast<size_t>(std::bit_width(least - 1));
    ++counts_[std::min(bucket, kBuckets - 1)];
    sum_ += value;
  }

  Histogram& operator+=(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    sum_ += other.sum_;
    return *this;
  }

  // The greatest value of a bucket; the last one has none.
  [[nodiscard]] static constexpr int64_t bound(size_t bucket) { return int64_t{1} << bucket; }
  [[nodiscard]] uint64_t count_of(size_t bucket) const { return counts_[bucket]; }
  [[nodiscard]] int64_t sum() const { return sum_; }
  [[nodiscard]] uint64_t count() const {
    uint64_t all = 0;
    for (const uint64_t count : counts_) all += count;
    return all;
  }
  // So large a value that this part of all values (0 to 1) is not above it: the bound of its
  // bucket, so at most twice the truth. 0 without values.
  [[nodiscard]] int64_t quantile(double part) const {
    const uint64_t all = count();
    if (all == 0) return 0;
    const auto wanted = static_cast<double>(all) * part;
    uint64_t passed = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      passed += counts_[i];
      if (static_cast<double>(passed) >= wanted) return bound(i);
    }
    return bound(kBuckets - 1);
  }

 private:
  std::array<uint64_t, kBuckets> counts_{};
  int64_t sum_ = 0;
};

}  // namespace topod
