#include "proto/histogram.h"

#include <gtest/gtest.h>

#include <limits>

namespace topod {
namespace {

size_t bucket_of(int64_t value) {
  Histogram histogram;
  histogram.add(value);
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (histogram.count_of(i) == 1) return i;
  }
  return Histogram::kBuckets;
}

TEST(Histogram, ABucketHoldsWhatIsAboveTheBoundBeforeItAndNotAboveItsOwn) {
  for (size_t i = 1; i + 1 < Histogram::kBuckets; ++i) {
    EXPECT_EQ(bucket_of(Histogram::bound(i)), i);
    EXPECT_EQ(bucket_of(Histogram::bound(i) + 1), i + 1);
    EXPECT_EQ(bucket_of(Histogram::bound(i - 1) + 1), i);
  }
}

TEST(Histogram, TheFirstBucketHoldsAllThatIsSmallAndTheLastAllThatIsLarge) {
  EXPECT_EQ(bucket_of(1), 0U);
  EXPECT_EQ(bucket_of(0), 0U);
  EXPECT_EQ(bucket_of(-5), 0U);
  EXPECT_EQ(bucket_of(std::numeric_limits<int64_t>::max()), Histogram::kBuckets - 1);
}

TEST(Histogram, AQuantileIsTheBoundOfItsBucket) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  for (int i = 0; i < 98; ++i) histogram.add(3);
  histogram.add(100);
  histogram.add(1000);
  EXPECT_EQ(histogram.quantile(0.5), 4);
  EXPECT_EQ(histogram.quantile(0.98), 4);
  EXPECT_EQ(histogram.quantile(0.99), 128);
  EXPECT_EQ(histogram.quantile(1), 1024);
}

TEST(Histogram, SumsAreThoseOfBoth) {
  Histogram a;
  Histogram b;
  a.add(3);
  b.add(5);
  b.add(3);
  a += b;
  EXPECT_EQ(a.count(), 3U);
  EXPECT_EQ(a.sum(), 11);
  EXPECT_EQ(a.count_of(2), 2U);
}

}  // namespace
}  // namespace topod
