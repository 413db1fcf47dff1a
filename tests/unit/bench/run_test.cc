// Whole runs against the server that does nothing. Durations are short and nothing here depends on
// how fast the machine is.
#include "tools/bench/run.h"

#include <gtest/gtest.h>

#include "tools/bench/echo_server.h"

namespace topod::bench {
namespace {

class Run : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto port = server_.start();
    ASSERT_TRUE(port) << port.error();
    options_.servers = "127.0.0.1:" + std::to_string(*port);
    const auto addresses = resolve(options_.servers);
    ASSERT_TRUE(addresses) << addresses.error();
    options_.addresses = *addresses;
    options_.connections = 4;
    options_.window = 8;
    options_.seconds = 0.2;
    options_.warmup_seconds = 0;
  }

  RunResult run() {
    auto result = run_prepared(options_);
    EXPECT_TRUE(result) << result.error();
    return result ? *result : RunResult();
  }

  EchoServer server_{100};
  Options options_;
};

TEST_F(Run, AClosedLoopAnswersWithoutErrors) {
  const RunResult result = run();
  EXPECT_GE(result.latencies.count(), 32u);  // each slot's first operation at least
  EXPECT_TRUE(result.errors.empty());
  EXPECT_NEAR(result.seconds, options_.seconds, 1e-6);
}

TEST_F(Run, ThreadsShareTheConnections) {
  options_.threads = 3;
  const RunResult result = run();
  EXPECT_GT(result.latencies.count(), 0u);
  EXPECT_TRUE(result.errors.empty());
}

TEST_F(Run, AnOpenLoopIssuesEveryOperationThatIsDue) {
  options_.rate = 2'000;
  for (const uint32_t threads : {1u, 2u}) {
    options_.threads = threads;
    const RunResult result = run();
    EXPECT_NEAR(static_cast<double>(result.latencies.count()), options_.rate * options_.seconds,
                threads);
    EXPECT_TRUE(result.errors.empty());
  }
}

TEST_F(Run, AnOpenLoopOfOneSlotQueuesInsteadOfSkipping) {
  options_.connections = 1;
  options_.window = 1;
  // More than one outstanding request at a time can do: what was due is issued late, not dropped.
  options_.rate = 100'000;
  options_.seconds = 0.1;
  const RunResult result = run();
  EXPECT_NEAR(static_cast<double>(result.latencies.count()), options_.rate * options_.seconds, 1);
  EXPECT_TRUE(result.errors.empty());
}

TEST_F(Run, SessionsAreOpenedAndClosedAgainAndAgain) {
  options_.command = Command::kSessions;
  const RunResult result = run();
  EXPECT_GT(result.latencies.count(), 0u);
  EXPECT_TRUE(result.errors.empty());
}

TEST_F(Run, WhatTheServerRefusesIsCountedAsAnError) {
  // The server that does nothing has no results of a multi to give.
  options_.command = Command::kMulti;
  const RunResult result = run();
  EXPECT_EQ(result.answers, 0u);
  EXPECT_EQ(result.errors.count("MarshallingError"), 1u);
}

TEST(RunWithoutServer, IsAnErrorThatNamesTheServer) {
  Options options;
  options.servers = "127.0.0.1:1";  // a port that nothing may listen on without privileges
  options.addresses = *resolve(options.servers);
  const auto result = run_workload(options);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().find("127.0.0.1:1"), std::string::npos);
}

TEST(Addresses, AreHostAndPortInAList) {
  ASSERT_TRUE(resolve("127.0.0.1:2181,[::1]:2182"));
  EXPECT_EQ(resolve("127.0.0.1:2181,[::1]:2182")->size(), 2u);
  EXPECT_FALSE(resolve("127.0.0.1"));
  EXPECT_FALSE(resolve(":2181"));
  EXPECT_FALSE(resolve("127.0.0.1:2181,"));
}

}  // namespace
}  // namespace topod::bench
