#include "server/node/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "proto/frame.h"
#include "proto/records.h"
#include "server/node/administration.h"

namespace topod::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] zab::Moment now() const override { return {5'000'000, 1'700'000'000'000}; }
};

class CountingEntropy final : public Entropy {
 public:
  void fill(std::span<uint8_t> bytes) override {
    for (uint8_t& byte : bytes) byte = ++last_;
  }

 private:
  uint8_t last_ = 0;
};

class RecordingNet final : public ClientNet {
 public:
  void send(ConnectionId id, std::string& bytes) override {
    ++sends;
    sent[id] += bytes;
    bytes.clear();
  }
  void close_after_sending(ConnectionId id) override { closed.push_back(id); }
  void resume_reading(ConnectionId id) override { resumed.push_back(id); }
  [[nodiscard]] size_t socket_count() const override { return 0; }
  [[nodiscard]] std::vector<ClientSocket> sockets() const override { return {}; }
  [[nodiscard]] const ClientPortFigures& port_figures() const override { return figures; }

  int sends = 0;
  std::map<ConnectionId, std::string> sent;
  std::vector<ConnectionId> closed, resumed;
  ClientPortFigures figures;
};

class RecordingLog final : public LogStore {
 public:
  void add(const zab::Append&) override { ++records; }
  void submit() override { ++submissions; }
  void read_history(const zab::HistoryRead&) override {}
  [[nodiscard]] size_t queued_bytes() const override { return 0; }
  [[nodiscard]] DurationFigures flush_times() const override { return {}; }

  uint64_t records = 0;
  int submissions = 0;
};

class RecordingTree final : public TreeStore {
 public:
  void collect(const state::State&, const state::Changes& changes) override {
    nodes += changes.nodes.size();
    ++collections;
  }
  void switch_generation(uint64_t, ReplacedTree) override {}
  [[nodiscard]] std::string path() const override { return place; }
  [[nodiscard]] size_t gathered_bytes() const override { return 0; }
  [[nodiscard]] DurationFigures checkpoint_times() const override { return {}; }
  [[nodiscard]] std::optional<StoredCheckpoint> last_checkpoint() const override { return {}; }

  size_t nodes = 0;
  int collections = 0;
  std::string place;
};

zab::ReplicaConfig replica_config() {
  zab::ReplicaConfig config;
  config.self = ServerId(1);
  config.instance = {1};
  config.fresh_ensemble = EnsembleId(1);
  return config;
}

class NodeTest : public ::testing::Test {
 protected:
  NodeTest() {
    replica_.prepare({});
    replica_.start(clock_.now());
    for (int turn = 0; turn < 10 && !replica_.serving(); ++turn) end_turn_and_flush();
    EXPECT_TRUE(replica_.serving());
  }

  void end_turn_and_flush() {
    node_.end_turn();
    node_.log_durable(log_.records);
    node_.end_turn();
  }

  ConnectionId connect() {
    const ConnectionId id(++last_connection_);
    node_.client_opened(id, "127.0.0.1", 1);
    ConnectRequest request;
    request.timeout_ms = 10'000;
    std::string bytes;
    JuteWriter out(bytes);
    request.write(out);
    node_.client_frame(id, bytes);
    end_turn_and_flush();
    net_.sent.clear();
    net_.sends = 0;
    log_.submissions = 0;
    return id;
  }

  bool create(ConnectionId id, int32_t xid) {
    std::string bytes;
    JuteWriter out(bytes);
    RequestHeader{xid, static_cast<int32_t>(OpCode::kCreate)}.write(out);
    CreateRequest request;
    const std::string path = "/n" + std::to_string(xid);
    request.path = path;
    request.acl = {{kPermAll, "world", "anyone"}};
    request.write(out, false);
    return node_.client_frame(id, bytes);
  }

  FixedClock clock_;
  CountingEntropy entropy_;
  RecordingNet net_;
  RecordingLog log_;
  RecordingTree tree_;
  zab::Replica replica_{replica_config(), state::State::initial(), Incarnation(1)};
  NodeLimits limits_{.max_outstanding_per_connection = 3, .max_outstanding_total = 4};
  Node node_{limits_, replica_, net_, log_, tree_, clock_, entropy_};
  uint64_t last_connection_ = 0;
};

TEST_F(NodeTest, ATurnHandsItsRecordsToTheLogAtOnce) {
  const ConnectionId client = connect();
  create(client, 1);
  create(client, 2);
  node_.end_turn();
  EXPECT_EQ(log_.submissions, 1);
}

TEST_F(NodeTest, ATurnWritesEachSocketOnce) {
  const ConnectionId client = connect();
  create(client, 1);
  create(client, 2);
  node_.end_turn();
  EXPECT_EQ(net_.sends, 0) << "nothing is durable yet";
  node_.log_durable(log_.records);
  node_.end_turn();
  EXPECT_EQ(net_.sends, 1);
}

TEST_F(NodeTest, AConnectionWithTooMuchOutstandingIsNotReadUntilItIsAnswered) {
  const ConnectionId client = connect();
  EXPECT_TRUE(create(client, 1));
  EXPECT_TRUE(create(client, 2));
  EXPECT_FALSE(create(client, 3));
  node_.end_turn();
  EXPECT_THAT(net_.resumed, ElementsAre());
  node_.log_durable(log_.records);
  node_.end_turn();
  EXPECT_THAT(net_.resumed, ElementsAre(client));
}

TEST_F(NodeTest, OverTheLimitOfAllEachConnectionMayStillHaveOneRequest) {
  const ConnectionId first = connect();
  const ConnectionId second = connect();
  const ConnectionId third = connect();
  EXPECT_TRUE(create(first, 1));
  EXPECT_TRUE(create(first, 2));
  EXPECT_TRUE(create(second, 3));
  EXPECT_FALSE(create(second, 4));
  EXPECT_FALSE(create(third, 5)) << "it has one outstanding and the total is reached";
  node_.end_turn();
  node_.log_durable(log_.records);
  node_.end_turn();
  EXPECT_THAT(net_.resumed, ElementsAre(second, third));
}

TEST_F(NodeTest, WhatChangedReachesTheTreeStoreOncePerTurn) {
  const ConnectionId client = connect();
  create(client, 1);
  create(client, 2);
  node_.end_turn();
  const int before = tree_.collections;
  node_.log_durable(log_.records);
  node_.end_turn();
  EXPECT_EQ(tree_.collections, before + 1);
  EXPECT_GE(tree_.nodes, 3U) << "two new znodes and their parent";
}

TEST_F(NodeTest, ASessionlessConnectionIsKnownAsSuch) {
  node_.client_opened(ConnectionId(77), "127.0.0.1", 1);
  EXPECT_FALSE(node_.has_session(ConnectionId(77)));
  EXPECT_TRUE(node_.has_session(connect()));
}

TEST_F(NodeTest, AWordWithoutAdministratorIsNone) {
  EXPECT_EQ(node_.four_letter_word("ruok", {}).kind, WordAnswer::Kind::kNoWord);
}

TEST_F(NodeTest, ConfTellsWhereTheTreeLiesAfterItWasReplaced) {
  Config config;
  config.four_letter_words = {"conf"};
  Administration administration(config, {}, replica_, net_, log_, tree_, clock_);
  node_.set_administrator(administration);
  for (const char* place : {"data/tree.1", "data/tree.2"}) {
    tree_.place = place;
    EXPECT_THAT(node_.four_letter_word("conf", {}).text, HasSubstr(place));
  }
}

}  // namespace
}  // namespace topod::node
