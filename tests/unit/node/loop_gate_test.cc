#include "server/node/loop_gate.h"

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <atomic>
#include <thread>

namespace topod::node {
namespace {

using std::chrono::milliseconds;
using Silence = LoopGate::Silence;

constexpr milliseconds kLong(20'000);

class LoopGateTest : public testing::Test {
 protected:
  ~LoopGateTest() override {
    io_.stop();
    if (loop_.joinable()) loop_.join();
  }
  void turn() {
    loop_ = std::thread([this] { io_.run(); });
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  LoopGate gate_{io_};
  std::thread loop_;
};

TEST_F(LoopGateTest, TheQuestionIsAnsweredOnTheLoop) {
  gate_.open();
  turn();
  const auto answer = gate_.ask(kLong, [] { return std::this_thread::get_id(); });
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, loop_.get_id());
}

TEST_F(LoopGateTest, ALoopThatDoesNotTurnIsSilent) {
  gate_.open();
  const auto answer = gate_.ask(milliseconds(1), [] { return 1; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), Silence::kNoAnswer);
}

TEST_F(LoopGateTest, AQuestionThatWasGivenUpIsNotAsked) {
  gate_.open();
  bool was_asked = false;
  ASSERT_FALSE(gate_.ask(milliseconds(1), [&] { return was_asked = true; }));
  turn();
  EXPECT_TRUE(gate_.ask(kLong, [] { return 1; }));  // behind the other
  EXPECT_FALSE(was_asked);
}

TEST_F(LoopGateTest, BeforeItOpensItIsStartingAndAfterwardsStopping) {
  EXPECT_EQ(gate_.ask(kLong, [] { return 1; }).error(), Silence::kStarting);
  gate_.open();
  gate_.close();
  EXPECT_EQ(gate_.ask(kLong, [] { return 1; }).error(), Silence::kStopping);
}

TEST_F(LoopGateTest, ClosingTellsThoseWhoWait) {
  constexpr int kRounds = 50;  // in some of them it waits already
  for (int round = 0; round < kRounds; ++round) {
    gate_.open();
    std::atomic<bool> begins = false;
    std::thread asks([&] {
      begins = true;
      const auto answer = gate_.ask(kLong, [] { return 1; });
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error(), Silence::kStopping);
    });
    while (!begins) std::this_thread::yield();
    gate_.close();
    asks.join();
  }
}

TEST_F(LoopGateTest, ManyAskAtOnceAndEachHearsItsOwn) {
  gate_.open();
  turn();
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i) {
    all.emplace_back([this, i] {
      for (int round = 0; round < 200; ++round) {
        const auto answer = gate_.ask(kLong, [=] { return i * 1'000 + round; });
        ASSERT_TRUE(answer);
        ASSERT_EQ(*answer, i * 1'000 + round);
      }
    });
  }
  for (std::thread& each : all) each.join();
}

}  // namespace
}  // namespace topod::node
