#include "server/state/expiry.h"

#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kTick = 1000;

TEST(Expiry, DeadlineIsRoundedUpToTheNextTick) {
  ExpiryBuckets buckets(kTick);
  buckets.touch(SessionId(1), 500, 4000);
  EXPECT_EQ(buckets.next_deadline_ms(), 5000);
  EXPECT_THAT(buckets.take_expired(4999), IsEmpty());
  EXPECT_THAT(buckets.take_expired(5000), ElementsAre(SessionId(1)));
  EXPECT_EQ(buckets.size(), 0U);
}

TEST(Expiry, DeadlineOnATickGetsAWholeTickMore) {
  ExpiryBuckets buckets(kTick);
  buckets.touch(SessionId(1), 1000, 4000);
  EXPECT_EQ(buckets.next_deadline_ms(), 6000);
}

TEST(Expiry, TouchMovesTheDeadline) {
  ExpiryBuckets buckets(kTick);
  buckets.touch(SessionId(1), 0, 4000);
  buckets.touch(SessionId(2), 0, 4000);
  buckets.touch(SessionId(1), 3000, 4000);
  EXPECT_THAT(buckets.take_expired(5000), ElementsAre(SessionId(2)));
  EXPECT_THAT(buckets.take_expired(8000), ElementsAre(SessionId(1)));
}

TEST(Expiry, ShorterTimeoutMovesTheDeadlineNearer) {
  ExpiryBuckets buckets(kTick);
  buckets.touch(SessionId(1), 0, 40'000);
  buckets.touch(SessionId(1), 0, 4000);
  EXPECT_EQ(buckets.next_deadline_ms(), 5000);
}

TEST(Expiry, RemovedSessionDoesNotExpire) {
  ExpiryBuckets buckets(kTick);
  buckets.touch(SessionId(1), 0, 4000);
  buckets.remove(SessionId(1));
  buckets.remove(SessionId(2));
  EXPECT_EQ(buckets.next_deadline_ms(), -1);
  EXPECT_THAT(buckets.take_expired(1'000'000), IsEmpty());
}

TEST(Expiry, ExpiredSessionsOfSeveralBucketsComeInAscendingOrder) {
  ExpiryBuckets buckets(kTick);
  buckets.touch(SessionId(9), 0, 1000);
  buckets.touch(SessionId(3), 0, 5000);
  buckets.touch(SessionId(5), 0, 5000);
  EXPECT_THAT(buckets.take_expired(100'000), ElementsAre(SessionId(3), SessionId(5), SessionId(9)));
}

TEST(Expiry, ShiftGivesEverySessionThatMuchMore) {
  ExpiryBuckets buckets(kTick);
  buckets.touch(SessionId(1), 0, 4000);
  buckets.touch(SessionId(2), 0, 8000);
  buckets.shift(2700);
  EXPECT_THAT(buckets.take_expired(7699), IsEmpty());
  EXPECT_THAT(buckets.take_expired(7700), ElementsAre(SessionId(1)));
  // Touched after the shift, it moves to a bucket of its own.
  buckets.touch(SessionId(2), 9000, 8000);
  EXPECT_EQ(buckets.next_deadline_ms(), 18'000);
  EXPECT_EQ(buckets.buckets().size(), 1U);
}

TEST(Expiry, SessionLivesBetweenItsTimeoutAndOneTickMore) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ExpiryBuckets buckets(kTick);
  std::map<SessionId, int64_t> due_ms;  // last touch + timeout
  int64_t now_ms = 0;
  for (int step = 0; step < 5000; ++step) {
    now_ms += random() % 400;
    const SessionId session(1 + static_cast<int64_t>(random() % 20));
    const int64_t timeout_ms = 1000 + static_cast<int64_t>(random() % 9000);
    switch (random() % 8) {
      case 0:
        buckets.remove(session);
        due_ms.erase(session);
        break;
      case 1: {
        const auto by_ms = static_cast<int64_t>(random() % 3000);
        now_ms += by_ms;
        buckets.shift(by_ms);
        for (auto& [id, due] : due_ms) due += by_ms;
        break;
      }
      default: buckets.touch(session, now_ms, timeout_ms); due_ms[session] = now_ms + timeout_ms;
    }
    for (const SessionId expired : buckets.take_expired(now_ms)) {
      ASSERT_TRUE(due_ms.contains(expired));
      EXPECT_LT(due_ms[expired], now_ms);
      due_ms.erase(expired);
    }
    for (const auto& [id, due] : due_ms) ASSERT_GT(due + kTick, now_ms) << id.value();
    ASSERT_EQ(buckets.size(), due_ms.size());
  }
}

}  // namespace
}  // namespace topod::state
