// The order of requests and replies, and what may go into the log.
//
// Proven by unit tests: a reply never precedes the flush of its write (etcd 14370), writes of one
// connection do not wait for each other, reads wait for exactly the writes before them (Replica).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "tests/scenario/one_node.h"

namespace topod {
namespace {

// ZOOKEEPER-1863, ZOOKEEPER-4537
TEST(Ordering, RepliesComeInTheOrderOfTheirRequestsWhateverWaits) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    OneNode node;
    node.start();
    std::map<ConnectionId, std::deque<int32_t>> unanswered;
    for (int count = 0; count < 4; ++count) unanswered[node.connect()];
    const auto take_all = [&] {
      for (auto& [client, xids] : unanswered) {
        for (const Message& message : node.take_replies(client)) {
          ASSERT_FALSE(xids.empty());
          EXPECT_EQ(message.xid, xids.front());
          xids.pop_front();
        }
      }
    };
    for (int step = 0; step < 400; ++step) {
      const auto chosen = std::next(unanswered.begin(), static_cast<int>(random() % 4));
      const std::string path = "/n" + std::to_string(random() % 5);
      Request request;
      switch (random() % 6) {
        case 0: request = state::create(path); break;
        case 1: request = state::remove(path); break;
        case 2: request = state::multi({state::check(path), state::set_data(path, "x")}); break;
        case 3: request = authenticate("digest", "u:p"); break;
        case 4: request = {OpCode::kSync, exists(path).body}; break;
        default: request = get_data(path, true); break;
      }
      chosen->second.push_back(node.send(chosen->first, request));
      if (node.unflushed() > 0 && random() % 4 == 0) {
        node.flush_some(1 + random() % node.unflushed());
      }
      node.advance(random() % 10 == 0 ? 100 : 0);
      take_all();
    }
    node.flush();
    take_all();
    for (const auto& [client, xids] : unanswered) {
      EXPECT_TRUE(xids.empty()) << xids.size() << " requests were never answered";
      EXPECT_FALSE(node.closed(client));
    }
  }
}

// ZOOKEEPER-2623: `check` outside of a multi went through the quorum and corrupted the database.
TEST(Ordering, WhatIsNoRequestOfAClientNeverReachesTheLog) {
  for (const int32_t op :
       {static_cast<int32_t>(OpCode::kCheck), static_cast<int32_t>(OpCode::kDeleteContainer),
        static_cast<int32_t>(OpCode::kCreateSession), static_cast<int32_t>(OpCode::kError), 0, 99,
        -12}) {
    SCOPED_TRACE("operation " + std::to_string(op));
    OneNode node;
    node.start();
    const ConnectionId client = node.connect();
    const state::Digest before = node.state().digest;
    node.send(client, {static_cast<OpCode>(op), state::check("/").body});
    EXPECT_EQ(node.unflushed(), 0U);
    EXPECT_EQ(node.take(client).at(0).error, ErrorCode::kUnimplemented);
    EXPECT_TRUE(node.closed(client));
    EXPECT_EQ(node.state().digest, before);
  }
}

}  // namespace
}  // namespace topod
