#include "server/zab/quorum.h"

#include <gtest/gtest.h>

#include <set>

namespace topod::zab {
namespace {

Voter voter(uint32_t id, uint32_t weight = 1, uint32_t group = 0) {
  return {ServerId(id), weight, group};
}

bool reached(const Quorum& quorum, const std::set<uint32_t>& supporters) {
  return quorum.reached([&](ServerId server) { return supporters.contains(server.value()); });
}

TEST(Quorum, IsMoreThanHalfOfTheVoters) {
  const Quorum three({voter(1), voter(2), voter(3)});
  EXPECT_FALSE(reached(three, {1}));
  EXPECT_TRUE(reached(three, {1, 3}));
  EXPECT_FALSE(reached(three, {1, 9}));
  const Quorum four({voter(1), voter(2), voter(3), voter(4)});
  EXPECT_FALSE(reached(four, {1, 2}));
  EXPECT_TRUE(reached(four, {1, 2, 4}));
}

TEST(Quorum, CountsWeights) {
  const Quorum quorum({voter(1, 3), voter(2), voter(3), voter(4, 0)});
  EXPECT_TRUE(reached(quorum, {1}));
  EXPECT_FALSE(reached(quorum, {2, 3, 4}));
}

TEST(Quorum, NeedsMostGroupsWithMostOfTheirWeight) {
  const Quorum quorum({voter(1, 1, 1), voter(2, 1, 1), voter(3, 1, 1), voter(4, 1, 2),
                       voter(5, 1, 2), voter(6, 1, 2), voter(7, 1, 3), voter(8, 1, 3),
                       voter(9, 1, 3)});
  EXPECT_TRUE(reached(quorum, {1, 2, 4, 5}));
  // Five of nine, but of one group only a majority.
  EXPECT_FALSE(reached(quorum, {1, 2, 3, 4, 7}));
}

TEST(Quorum, OfVotersWithoutWeightIsNeverReached) {
  const Quorum quorum({voter(1, 0), voter(2, 0)});
  EXPECT_FALSE(reached(quorum, {1, 2}));
}

}  // namespace
}  // namespace topod::zab
