#include "server/node/lock_watch.h"

#include <gmock/gmock.h>

#include "tests/unit/state/state_driver.h"

namespace topod::node {
namespace {

using state::StateDriver;

constexpr int32_t kEphemeralSequential = static_cast<int32_t>(CreateMode::kEphemeralSequential);
constexpr int64_t kSecond = 1'000'000;

class LockWatchTest : public testing::Test {
 protected:
  LockWatchTest() {
    for (const char* path : {"/l", "/l/q"}) {
      EXPECT_EQ(driver_.write(state::create(path)), ErrorCode::kOk);
    }
    look();
  }

  // What the loop does at the end of a turn.
  void look() {
    watch_.changed(driver_.state, driver_.state.changes.nodes, counts_, now_us_);
    driver_.state.changes.clear();
  }
  std::string contend(const std::string& prefix) {
    EXPECT_EQ(driver_.write(state::create("/l/q/" + prefix, "", {.flags = kEphemeralSequential})),
              ErrorCode::kOk);
    look();
    return driver_.created_path();
  }
  void leave(const std::string& path) {
    EXPECT_EQ(driver_.write(state::remove(path)), ErrorCode::kOk);
    look();
  }
  LockWatch::Figures figures() const {
    for (const auto& slot : watch_.labels().slots()) {
      if (slot.name == "/l") return slot.figures;
    }
    return {};
  }
  LockWatch::Present present() const {
    const std::vector<LockWatch::Present> all = watch_.present(now_us_);
    LockWatch::Present sum;
    for (const LockWatch::Present& each : all) {
      sum.holders += each.holders;
      sum.waiters += each.waiters;
      sum.longest_wait_us = std::max(sum.longest_wait_us, each.longest_wait_us);
      sum.longest_hold_us = std::max(sum.longest_hold_us, each.longest_hold_us);
    }
    return sum;
  }

  StateDriver driver_;
  LockWatch watch_{1};
  bool counts_ = true;
  int64_t now_us_ = 100 * kSecond;
};

TEST_F(LockWatchTest, WaitAndHoldAreMeasuredFromCreationToGrantToDeletion) {
  const std::string first = contend("lock-");
  EXPECT_EQ(figures().wait_us.count(), 1U);  // at once
  const std::string second = contend("lock-");
  now_us_ += 3 * kSecond;
  EXPECT_EQ(present().holders, 1U);
  EXPECT_EQ(present().waiters, 1U);
  EXPECT_EQ(present().longest_wait_us, 3 * kSecond);
  leave(first);
  EXPECT_EQ(figures().hold_us.sum(), 3 * kSecond);
  EXPECT_EQ(figures().wait_us.sum(), 3 * kSecond);
  now_us_ += 2 * kSecond;
  leave(second);
  EXPECT_EQ(figures().hold_us.sum(), 5 * kSecond);
  EXPECT_EQ(figures().released, 2U);
  EXPECT_EQ(present().holders, 0U);
}

TEST_F(LockWatchTest, WhoGivesUpWaitingIsNeitherReleasedNorMeasured) {
  contend("lock-");
  const std::string second = contend("lock-");
  leave(second);
  EXPECT_EQ(figures().given_up, 1U);
  EXPECT_EQ(figures().released, 0U);
  EXPECT_EQ(figures().wait_us.count(), 1U);
}

TEST_F(LockWatchTest, ALockThatGoesWithItsSessionIsLost) {
  contend("lock-");
  driver_.close_session(driver_.session, driver_.connection);
  look();
  EXPECT_EQ(figures().lost, 1U);
  EXPECT_EQ(figures().released, 0U);
}

TEST_F(LockWatchTest, ReadersShareUntilTheFirstWriter) {
  const std::string reader = contend("read-");
  contend("read-");
  const std::string writer = contend("write-");
  contend("read-");
  EXPECT_EQ(present().holders, 2U);
  EXPECT_EQ(present().waiters, 2U);
  leave(reader);
  EXPECT_EQ(present().holders, 1U);
  leave(writer);  // gives up, and lets in the reader behind it
  EXPECT_EQ(present().holders, 2U);
  EXPECT_EQ(present().waiters, 0U);
}

TEST_F(LockWatchTest, OtherZnodesAreNoContenders) {
  EXPECT_EQ(driver_.write(state::create("/l/q/plain", "",
                                        {.flags = static_cast<int32_t>(CreateMode::kEphemeral)})),
            ErrorCode::kOk);
  EXPECT_EQ(driver_.write(state::create(
                "/l/q/n", "", {.flags = static_cast<int32_t>(CreateMode::kPersistentSequential)})),
            ErrorCode::kOk);
  look();
  EXPECT_EQ(present().holders, 0U);
}

TEST_F(LockWatchTest, AFollowerSeesButDoesNotCount) {
  counts_ = false;
  const std::string first = contend("lock-");
  now_us_ += kSecond;
  counts_ = true;  // it leads now, and knows since when the lock is held
  leave(first);
  EXPECT_EQ(figures().wait_us.count(), 0U);
  EXPECT_EQ(figures().hold_us.sum(), kSecond);
}

TEST_F(LockWatchTest, WhatIsFoundAtTheStartIsFollowedButNotMeasured) {
  const std::string first = contend("lock-");
  contend("lock-");
  LockWatch late(1);
  late.restart(driver_.state, now_us_);
  watch_ = std::move(late);
  EXPECT_EQ(present().holders, 1U);
  EXPECT_EQ(present().waiters, 1U);
  now_us_ += kSecond;
  leave(first);
  EXPECT_EQ(figures().hold_us.count(), 0U);
  EXPECT_EQ(figures().wait_us.count(), 0U);
  EXPECT_EQ(figures().released, 1U);
  EXPECT_EQ(present().holders, 1U);
}

TEST_F(LockWatchTest, MoreContendersThanCanBeFollowedAreCounted) {
  constexpr size_t kMax = 5;
  watch_ = LockWatch(1, kMax);
  for (size_t i = 0; i < kMax + 3; ++i) contend("lock-");
  EXPECT_EQ(present().holders + present().waiters, kMax);
  EXPECT_EQ(watch_.not_followed(), 3U);
}

}  // namespace
}  // namespace topod::node
