#include "server/node/loop_inbox.h"

#include <gmock/gmock.h>

#include <chrono>
#include <numeric>
#include <thread>

namespace topod::node {
namespace {

using testing::ElementsAre;

class LoopInboxTest : public testing::Test {
 protected:
  // Runs the loop until so many values were handled.
  void run_until(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (handled_.size() < count && std::chrono::steady_clock::now() < deadline) {
      io_.run_one_for(std::chrono::seconds(1));
    }
  }

  asio::io_context io_{1};
  std::vector<int> handled_;
  std::function<void(int)> then_ = [](int) {};
  LoopInbox<int> inbox_{io_, [this](const int& value) {
                          handled_.push_back(value);
                          then_(value);
                        }};
};

TEST_F(LoopInboxTest, ASleepingLoopIsWokenForEachValueInOrder) {
  constexpr int kCount = 2'000;
  std::thread writer([&] {
    for (int value = 0; value < kCount; ++value) {
      inbox_.put(value);
      if (value % 16 == 0) std::this_thread::yield();  // so that the loop sometimes sleeps
    }
  });
  run_until(kCount);
  writer.join();
  std::vector<int> expected(kCount);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(handled_, expected);
}

TEST_F(LoopInboxTest, WhatArrivesWhileAValueIsHandledIsNotLost) {
  then_ = [&](int value) {
    if (value == 1) inbox_.put(3);
  };
  inbox_.put(1);
  inbox_.put(2);
  run_until(3);
  EXPECT_THAT(handled_, ElementsAre(1, 2, 3));
}

TEST_F(LoopInboxTest, WhatGatheredIsHandledTogether) {
  inbox_.put(1);
  inbox_.put(2);
  inbox_.put(3);
  io_.run_one_for(std::chrono::seconds(20));
  EXPECT_THAT(handled_, ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace topod::node
