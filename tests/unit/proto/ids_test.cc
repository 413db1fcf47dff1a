#include "proto/ids.h"

#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

namespace topod {
namespace {

TEST(Ids, DoNotConvertIntoEachOther) {
  static_assert(!std::is_convertible_v<Zxid, SessionId>);
  static_assert(!std::is_constructible_v<SessionId, Zxid>);
  static_assert(!std::is_convertible_v<int64_t, Zxid>);
  EXPECT_EQ(Zxid().value(), 0);
}

TEST(Ids, ZxidHoldsItsEpochAndCounter) {
  const Zxid zxid = make_zxid(Epoch(5), 7);
  EXPECT_EQ(zxid.value(), (int64_t{5} << 40) + 7);
  EXPECT_EQ(epoch_of(zxid), Epoch(5));
  EXPECT_EQ(counter_of(zxid), 7);
}

TEST(Ids, LargestZxidIsPositiveAndLosesNothing) {
  const Zxid zxid = make_zxid(Epoch(kEpochMax), kZxidCounterMax);
  EXPECT_EQ(zxid.value(), INT64_MAX);
  EXPECT_EQ(epoch_of(zxid), Epoch(kEpochMax));
  EXPECT_EQ(counter_of(zxid), kZxidCounterMax);
}

TEST(Ids, ZxidsOfALaterEpochAreLarger) {
  EXPECT_LT(make_zxid(Epoch(1), kZxidCounterMax), make_zxid(Epoch(2), 0));
  EXPECT_LT(make_zxid(Epoch(2), 0), make_zxid(Epoch(2), 1));
}

TEST(Ids, ConsecutiveIdsDoNotShareBuckets) {
  std::unordered_set<size_t> low_bits;
  for (uint64_t i = 0; i < 256; ++i) low_bits.insert(std::hash<NodeId>()(NodeId(i)) & 0xffff);
  EXPECT_EQ(low_bits.size(), 256U);
}

}  // namespace
}  // namespace topod
