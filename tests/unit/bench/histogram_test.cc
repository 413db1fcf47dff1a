#include "tools/bench/histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace topod::bench {
namespace {

// Durations from nanoseconds to minutes, evenly over the orders of magnitude.
std::vector<Nanoseconds> random_durations(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> exponent(0, 11);
  std::vector<Nanoseconds> durations(count);
  for (Nanoseconds& duration : durations) {
    duration = static_cast<Nanoseconds>(std::pow(10, exponent(random)));
  }
  return durations;
}

TEST(Histogram, PercentilesAreWithinOnePercentOfTheSortedDurations) {
  constexpr uint64_t kSeed = 7;
  std::vector<Nanoseconds> durations = random_durations(20'000, kSeed);
  Histogram histogram;
  for (const Nanoseconds duration : durations) histogram.record(duration);
  std::sort(durations.begin(), durations.end());
  for (const double fraction : {0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank =
        static_cast<size_t>(std::ceil(fraction * static_cast<double>(durations.size())));
    const auto expected = static_cast<double>(durations[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.percentile(fraction)), expected, expected * 0.01)
        << "fraction " << fraction << ", seed " << kSeed;
  }
}

TEST(Histogram, SmallDurationsAndTheLargestAreExact) {
  Histogram histogram;
  for (Nanoseconds duration = 1; duration <= 100; ++duration) histogram.record(duration);
  EXPECT_EQ(histogram.percentile(0.5), 50);
  histogram.record(123'456'789);
  EXPECT_EQ(histogram.max(), 123'456'789);
  EXPECT_LE(histogram.percentile(1.0), histogram.max());
}

TEST(Histogram, MergingEqualsRecordingEverythingInOne) {
  Histogram all;
  Histogram odd;
  Histogram even;
  size_t position = 0;
  for (const Nanoseconds duration : random_durations(2'000, 3)) {
    all.record(duration);
    (position++ % 2 == 0 ? even : odd).record(duration);
  }
  odd.merge(even);
  EXPECT_EQ(odd.count(), all.count());
  EXPECT_EQ(odd.max(), all.max());
  EXPECT_NEAR(odd.mean(), all.mean(), all.mean() * 1e-9);
  for (const double fraction : {0.1, 0.5, 0.99}) {
    EXPECT_EQ(odd.percentile(fraction), all.percentile(fraction));
  }
}

TEST(Histogram, WhatItCannotHoldIsClampedNotLost) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(0.5), 0);
  histogram.record(-5);
  EXPECT_EQ(histogram.percentile(1.0), 0);
  histogram.record(Nanoseconds{1} << 60);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_GT(histogram.max(), 3600 * kSecond);
}

}  // namespace
}  // namespace topod::bench
