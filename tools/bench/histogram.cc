#include "tools/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace topod::bench {

namespace {

constexpr int kSubBucketBits = 7;
constexpr size_t kSubBuckets = size_t{1} << kSubBucketBits;
constexpr int kValueBits = 42;  // 2^42 ns = 73 minutes
constexpr Nanoseconds kLargest = (Nanoseconds{1} << kValueBits) - 1;
constexpr size_t kBuckets = static_cast<size_t>(kValueBits - kSubBucketBits + 1) * kSubBuckets;

// Row 0 holds the values below kSubBuckets as they are; row r > 0 holds values of
// kSubBucketBits + r bits, without the lowest r - 1 of them and without the leading one.
size_t bucket_of(uint64_t value) {
  if (value < kSubBuckets) return value;
  const int shift = static_cast<int>(std::bit_width(value)) - kSubBucketBits - 1;
  const auto row = static_cast<size_t>(shift) + 1;
  return row * kSubBuckets + (value >> shift) - kSubBuckets;
}

Nanoseconds middle_of(size_t bucket) {
  if (bucket < kSubBuckets) return static_cast<Nanoseconds>(bucket);
  const size_t shift = bucket / kSubBuckets - 1;
  const auto lowest = static_cast<Nanoseconds>((kSubBuckets + bucket % kSubBuckets) << shift);
  return lowest + (Nanoseconds{1} << shift) / 2;
}

}  // namespace

Histogram::Histogram() : buckets_(kBuckets) {}

void Histogram::record(Nanoseconds duration) {
  const Nanoseconds value = std::clamp<Nanoseconds>(duration, 0, kLargest);
  ++buckets_[bucket_of(static_cast<uint64_t>(value))];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

Nanoseconds Histogram::percentile(double fraction) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<uint64_t>(
      1, static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(middle_of(i), max_);
  }
  return max_;
}

}  // namespace topod::bench
