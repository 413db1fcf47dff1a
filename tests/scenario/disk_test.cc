// Disks that are full, fail or lose their power.
//
// Proven by unit tests: the log loses nothing acknowledged whatever call fails or finds no space
// (LogCrash), a failed flush is never retried (LogThreadTest), the store keeps its checkpoint until
// there is space (StoreThreadTest).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenario/one_node.h"

namespace topod {
namespace {

// Writes until the node ends or so many have been answered; what was answered.
std::vector<std::string> write(OneNode& node, ConnectionId client, const std::string& prefix) {
  constexpr int kRounds = 12;
  std::vector<std::string> answered;
  for (int round = 0; round < kRounds && node.running(); ++round) {
    std::map<int32_t, std::string> sent;
    for (int number = 0; number < 3; ++number) {
      const std::string path = prefix + std::to_string(round) + "-" + std::to_string(number);
      sent[node.send(client, state::create(path, std::string(1'500, 'x')))] = path;
    }
    // A part of it first, so that batches of several sizes are met.
    node.flush_some(1 + static_cast<size_t>(round) % 3);
    for (int part = 0; part < 2 && node.running(); ++part) {
      for (const Message& message : node.take(client)) answered.push_back(sent.at(message.xid));
      if (round % 5 == 4 && part == 0) node.checkpoint();
      node.flush();
    }
    if (!node.running()) break;
    for (const Message& message : node.take(client)) answered.push_back(sent.at(message.xid));
  }
  return answered;
}

// etcd 14370: a lone member answered before its own flush.
TEST(Disk, WhatWasAnsweredSurvivesAPowerLossInAnyCall) {
  OneNode node;
  node.start();
  std::vector<std::string> answered;
  for (const storage::CallPhase phase :
       {storage::CallPhase::kBefore, storage::CallPhase::kDuring, storage::CallPhase::kAfter}) {
    bool crashed = true;
    for (uint64_t call = 1; crashed; ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      const std::string prefix =
          "/" + std::to_string(static_cast<int>(phase)) + "-" + std::to_string(call) + "-";
      const ConnectionId client = node.connect();
      node.log_disk().crash_at_call(node.log_disk().calls() + call, phase);
      for (std::string& path : write(node, client, prefix)) answered.push_back(std::move(path));
      crashed = !node.running();
      node.restart_after_crash();
      node.reconnect(node.session_of(client));
      for (const std::string& path : answered) ASSERT_TRUE(node.has_node(path)) << path;
    }
  }
  EXPECT_GT(answered.size(), 300U);
}

// ZOOKEEPER-1621, ZOOKEEPER-2332: a crash with a full disk left an empty file of the log, which no
// start would read.
TEST(Disk, ACrashOfAFullDiskIsNoObstacleToTheNextStart) {
  for (uint64_t free_bytes = 0; free_bytes <= 40'000; free_bytes += 8'000) {
    SCOPED_TRACE(std::to_string(free_bytes) + " bytes are free");
    OneNode node;
    node.start();
    const ConnectionId client = node.connect(60'000);
    const uint64_t used = UINT64_MAX - node.log_disk().free_bytes("/").value();
    node.log_disk().set_capacity(used + free_bytes);
    std::vector<std::string> answered;
    ErrorCode error = ErrorCode::kOk;
    for (int number = 0; number < 60 && error == ErrorCode::kOk; ++number) {
      const std::string path = "/" + std::to_string(number);
      error = node.error_of(client, state::create(path, std::string(2'000, 'x')));
      if (error == ErrorCode::kOk) answered.push_back(path);
    }
    ASSERT_EQ(error, ErrorCode::kSystemError) << "a write is refused";
    ASSERT_EQ(node.error_of(client, exists("/")), ErrorCode::kOk) << "reads go on";

    // Each start needs some of the log that was prepared before, until there is no more of it.
    for (int crash = 0; crash < 6; ++crash) {
      node.crash();
      const auto started = node.try_start();
      ASSERT_TRUE(started.has_value()) << started.error().what;
    }
    node.log_disk().set_capacity(UINT64_MAX);
    node.prepare_log_space();
    node.flush();
    for (const std::string& path : answered) EXPECT_TRUE(node.has_node(path)) << path;
    const ConnectionId again = node.reconnect(node.session_of(client));
    EXPECT_EQ(node.error_of(again, state::create("/later")), ErrorCode::kOk);
    node.restart_after_crash();
    EXPECT_TRUE(node.has_node("/later"));
  }
}

// ZOOKEEPER-2101: a transaction larger than what a reader accepts was written, and no server could
// start any more.
TEST(Disk, TheLargestRequestThatIsAcceptedIsReadBack) {
  OneNode node(limits::kSegmentBytes);
  node.start();
  const ConnectionId client = node.connect(60'000);
  const std::string id(limits::kMaxAuthIdBytes / 2, 'u');
  node.call(client, authenticate("digest", id + ":p"));
  constexpr size_t kLargestFrame = limits::kMaxRecordBytes / 3 * 2;  // of jute.maxbuffer
  node.call(client, state::create("/large"));
  const Request header = state::set_data("/large", "");
  const std::string value(kLargestFrame - header.body.size() - 8, 'x');
  ASSERT_EQ(node.error_of(client, state::set_data("/large", value)), ErrorCode::kOk);
  for (const bool is_stored : {false, true}) {
    if (is_stored) node.checkpoint();
    node.restart_after_crash();
    const state::Tree& tree = node.state().tree;
    EXPECT_EQ(tree.data(tree.find("/large")), std::string_view(value));
  }
}

}  // namespace
}  // namespace topod
