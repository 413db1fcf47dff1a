// A stored tree on its way from one server's threads to another's, over links that the test moves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "server/node/snapshot_receiver.h"
#include "server/node/snapshot_sender.h"
#include "server/node/stored_tree.h"
#include "storage/data_dir.h"
#include "tests/unit/state/state_driver.h"
#include "tests/unit/storage/temporary_folder.h"

namespace topod::node {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr LinkId kLink{7};
constexpr Zxid kCheckpoint{42};

// Links whose messages stay until the test takes them.
class HeldNet final : public PeerNet {
 public:
  void send(LinkId link, std::string_view message) override {
    queues_[link].emplace_back(message);
    most_queued = std::max(most_queued, queued_bytes(link));
  }
  void close(LinkId, std::string_view why) override { closed.emplace_back(why); }
  [[nodiscard]] size_t queued_bytes(LinkId link) const override {
    size_t bytes = 0;
    const auto found = queues_.find(link);
    if (found == queues_.end()) return 0;
    for (const std::string& message : found->second) bytes += message.size();
    return bytes;
  }
  std::optional<peer::Message> take(LinkId link) {
    std::deque<std::string>& queue = queues_[link];
    if (queue.empty()) return std::nullopt;
    peer::Message message;
    CHECK(message.ParseFromString(queue.front()));
    queue.pop_front();
    return message;
  }
  [[nodiscard]] size_t count(LinkId link) { return queues_[link].size(); }

  size_t most_queued = 0;
  std::vector<std::string> closed;

 private:
  std::map<LinkId, std::deque<std::string>> queues_;
};

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    fs::create_directories(sender_dir_);
    fs::create_directories(receiver_dir_);
    fs::create_directories(receiver_dir_ + "/tree.1");  // in use; nothing may touch it
    limits_.chunk_bytes = size_t{16} << 10;
    limits_.queue_bytes = size_t{48} << 10;
  }
  ~SnapshotTest() override {
    if (sender_) sender_->stop();
    if (receiver_) receiver_->stop();
  }

  void fill(int znodes) {
    driver_.open_session(ConnectionId(1));
    for (int begin = 0; begin < znodes; begin += 500) {
      std::vector<state::Request> creates;
      for (int i = begin; i < std::min(begin + 500, znodes); ++i) {
        creates.push_back(state::create("/n" + std::to_string(i),
                                        std::string(static_cast<size_t>(i % 300), 'd')));
      }
      CHECK(driver_.write(state::multi(creates)) == ErrorCode::kOk);
    }
    driver_.state.applied = kCheckpoint;
    storage::CheckpointMeta meta = checkpoint_meta(driver_.state, {}, {}, {3, 4'096});
    storage::Store::Options options;
    options.map_bytes = size_t{1} << 30;
    auto store = storage::Store::create(storage::tree_path(sender_dir_, 1), options,
                                        whole_checkpoint(driver_.state), meta);
    CHECK_MSG(store.has_value(), store.error().what.c_str());
    store_ = std::make_shared<storage::Store>(std::move(*store));
  }

  void make_sender() {
    end_sender();
    sender_ = std::make_unique<SnapshotSender>(
        io_, net_,
        SnapshotSender::Outside{
            .store = [this] { return store_; },
            .hold_log = [this](LinkId, storage::LogPosition from) { held_ = from; },
            .end_hold = [this](LinkId) { ++holds_ended_; },
            .sent = [this](LinkId, Zxid zxid, bool ok) { sent_.emplace_back(zxid, ok); }},
        limits_);
  }
  void make_receiver() {
    receiver_ = std::make_unique<SnapshotReceiver>(
        io_, receiver_dir_, 1, ServerId(2),
        storage::SnapshotSink::Options{.map_bytes = size_t{1} << 30},
        SnapshotReceiver::Outside{
            .is_needed = [this](uint64_t generation) { return generation == needed_; },
            .stored =
                [this](LinkId link, uint64_t chunks) {
                  if (sender_) {
                    EXPECT_TRUE(sender_->progress(link, chunks));
                  }
                },
            .received = [this](LinkId,
                               zab::ReceivedSnapshot snapshot) { received_ = std::move(snapshot); },
            .broken = [this](LinkId, const std::string& why) { broken_.push_back(why); }});
  }
  bool deliver(const peer::Message& message) {
    switch (message.kind_case()) {
      case peer::Message::kSnapshotBegin: return receiver_->begin(kLink, message.snapshot_begin());
      case peer::Message::kSnapshotChunk: return receiver_->chunk(kLink, message.snapshot_chunk());
      case peer::Message::kSnapshotEnd: return receiver_->end(kLink, message.snapshot_end());
      default: return false;
    }
  }
  // Turns of the loop until this holds.
  void run_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      io_.run_one_for(std::chrono::milliseconds(50));
    }
  }
  // Carries up to so many messages over; false: the stream ended before.
  bool carry(size_t count) {
    for (size_t done = 0; done < count; ++done) {
      run_until([&] { return net_.count(kLink) > 0 || !sent_.empty(); });
      const auto message = net_.take(kLink);
      if (!message) return false;
      EXPECT_TRUE(deliver(*message));
    }
    return true;
  }
  // What its thread had handed to the loop finds it there, stopped.
  void end_sender() {
    if (!sender_) return;
    sender_->stop();
    io_.poll();
    sender_.reset();
  }
  // What the receiver's thread was told is done.
  void settle_receiver() {
    receiver_->stop();
    io_.poll();
    receiver_.reset();
  }
  std::vector<std::string> receiver_names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(receiver_dir_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  storage::TemporaryFolder folder_;
  const std::string sender_dir_ = folder_ / "sender";
  const std::string receiver_dir_ = folder_ / "receiver";
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  HeldNet net_;
  SnapshotLimits limits_;
  state::StateDriver driver_;
  std::shared_ptr<storage::Store> store_;
  std::unique_ptr<SnapshotSender> sender_;
  std::unique_ptr<SnapshotReceiver> receiver_;
  storage::LogPosition held_;
  int holds_ended_ = 0;
  uint64_t needed_ = 1;
  std::vector<std::pair<Zxid, bool>> sent_;
  std::optional<zab::ReceivedSnapshot> received_;
  std::vector<std::string> broken_;
};

TEST_F(SnapshotTest, ATreeArrivesAsTheStateItWas) {
  fill(10'000);
  make_sender();
  make_receiver();
  sender_->send(kLink);
  while (carry(1)) {
  }
  EXPECT_THAT(sent_, ElementsAre(std::pair(kCheckpoint, true)));
  EXPECT_EQ(held_, (storage::LogPosition{3, 4'096}));
  EXPECT_EQ(holds_ended_, 1);
  run_until([&] { return received_.has_value() || !broken_.empty(); });
  ASSERT_THAT(broken_, IsEmpty());
  EXPECT_EQ(received_->zxid, kCheckpoint);
  EXPECT_EQ(received_->generation, 2U);
  EXPECT_EQ(received_->state->digest, driver_.state.digest);
  EXPECT_EQ(received_->state->tree.size(), driver_.state.tree.size());
  EXPECT_EQ(state::recompute_digest(*received_->state), driver_.state.digest);
  EXPECT_THAT(receiver_names(), ElementsAre("tree.1", "tree.2"));
}

// ZOOKEEPER-2201 and ZOOKEEPER-4074: heartbeats waited behind what a peer did not take.
TEST_F(SnapshotTest, NoMoreIsQueuedThanTheLinkTakes) {
  fill(10'000);
  make_sender();
  make_receiver();
  sender_->send(kLink);
  while (carry(1)) {
  }
  EXPECT_LE(net_.most_queued, limits_.queue_bytes + 2 * limits_.chunk_bytes);
}

TEST_F(SnapshotTest, NoMoreIsUnderWayThanTheReceiverHasStored) {
  fill(10'000);
  limits_.chunk_bytes = 4'096;
  limits_.queue_bytes = size_t{1} << 30;
  make_sender();
  sender_->send(kLink);
  run_until([&] { return net_.count(kLink) == kSnapshotWindowChunks + 1; });  // and the beginning
  for (int turn = 0; turn < 20; ++turn) io_.run_one_for(std::chrono::milliseconds(5));
  EXPECT_EQ(net_.count(kLink), kSnapshotWindowChunks + 1);
  EXPECT_FALSE(sender_->progress(kLink, kSnapshotWindowChunks + 1)) << "more than was sent";
  EXPECT_TRUE(sender_->progress(kLink, 10));
  run_until([&] { return net_.count(kLink) == kSnapshotWindowChunks + 11; });
}

TEST_F(SnapshotTest, AReceiverTakesNoMoreThanItsWindow) {
  make_receiver();
  peer::SnapshotBegin begin;
  ASSERT_TRUE(receiver_->begin(kLink, begin));
  peer::SnapshotChunk chunk;
  for (uint64_t i = 0; i < kSnapshotWindowChunks; ++i) EXPECT_TRUE(receiver_->chunk(kLink, chunk));
  EXPECT_FALSE(receiver_->chunk(kLink, chunk));
}

TEST_F(SnapshotTest, AnInterruptionAnywhereLeavesTheOldTreeAlone) {
  fill(2'000);
  for (size_t messages = 0;; messages += 3) {
    SCOPED_TRACE(std::to_string(messages) + " messages");
    sent_.clear();
    net_ = {};
    make_sender();
    make_receiver();
    sender_->send(kLink);
    const bool more = carry(messages);
    sender_->cancel(kLink);
    receiver_->cancel(kLink);
    end_sender();
    if (messages % 2 == 0) {
      // The thread comes to what it was told.
      run_until([&] { return receiver_names().size() == 1; });
    }
    settle_receiver();
    ASSERT_THAT(receiver_names(), ElementsAre("tree.1"));
    if (!more) break;
  }
}

TEST_F(SnapshotTest, AReceivedTreeGoesWithItsLinkUnlessItIsNeeded) {
  fill(100);
  for (const bool is_needed : {false, true}) {
    received_.reset();
    sent_.clear();
    make_sender();
    make_receiver();
    sender_->send(kLink);
    while (carry(1)) {
    }
    run_until([&] { return received_.has_value(); });
    ASSERT_THAT(receiver_names(), ElementsAre("tree.1", "tree.2"));
    if (is_needed) needed_ = 2;
    receiver_->cancel(kLink);
    if (!is_needed) run_until([&] { return receiver_names().size() == 1; });
    settle_receiver();
  }
  EXPECT_THAT(receiver_names(), ElementsAre("tree.1", "tree.2"));
}

TEST_F(SnapshotTest, ABrokenStreamClosesTheLinkAndLeavesNothing) {
  fill(2'000);
  make_sender();
  make_receiver();
  sender_->send(kLink);
  ASSERT_TRUE(carry(2));
  run_until([&] { return net_.count(kLink) > 0; });
  peer::Message message = *net_.take(kLink);
  ASSERT_TRUE(message.has_snapshot_chunk());
  std::string& rows = *message.mutable_snapshot_chunk()->mutable_rows();
  rows[rows.size() / 2] ^= 1;
  EXPECT_TRUE(deliver(message));
  run_until([&] { return !broken_.empty(); });
  EXPECT_THAT(broken_.front(), HasSubstr("the hash of piece 2 is wrong"));
  run_until([&] { return receiver_names().size() == 1; });
  EXPECT_FALSE(received_.has_value());
}

TEST_F(SnapshotTest, ATreeWhoseDigestIsNotItsCheckpointsIsNotUsed) {
  fill(100);
  storage::CheckpointMeta meta = checkpoint_meta(driver_.state, {}, {}, {});
  ++meta.digest_low;
  ASSERT_TRUE(store_->commit({}, meta));
  make_sender();
  make_receiver();
  sender_->send(kLink);
  while (carry(1)) {
  }
  run_until([&] { return !broken_.empty(); });
  EXPECT_THAT(broken_.front(), HasSubstr("do not add up to the digest"));
  run_until([&] { return receiver_names().size() == 1; });
}

TEST_F(SnapshotTest, AStreamThatTakesTooLongEnds) {
  fill(2'000);
  limits_.max_ms = 0;
  make_sender();
  sender_->send(kLink);
  run_until([&] { return !sent_.empty(); });
  EXPECT_FALSE(sent_.front().second);
  EXPECT_EQ(holds_ended_, 1);
}

TEST_F(SnapshotTest, AStreamThatLetsTheFileGrowTooFarEnds) {
  fill(5'000);
  limits_.max_growth_bytes = size_t{256} << 10;
  make_sender();
  sender_->send(kLink);
  run_until([&] { return net_.count(kLink) > 0; });
  const storage::Checkpoint all = whole_checkpoint(driver_.state);
  for (int i = 0; i < 10 && sent_.empty(); ++i) {
    ASSERT_TRUE(store_->commit(all, checkpoint_meta(driver_.state, {}, {}, {})));
    io_.run_one_for(std::chrono::milliseconds(1));
  }
  run_until([&] { return !sent_.empty(); });
  EXPECT_THAT(sent_, ElementsAre(std::pair(kCheckpoint, false)));
}

TEST_F(SnapshotTest, OnlySoManyAreSentAtOnce) {
  fill(2'000);
  limits_.streams = 2;
  make_sender();
  for (uint64_t link = 1; link <= 3; ++link) sender_->send(LinkId(link));
  run_until([&] { return net_.count(LinkId(1)) > 0 && net_.count(LinkId(2)) > 0; });
  for (int turn = 0; turn < 10; ++turn) io_.run_one_for(std::chrono::milliseconds(5));
  EXPECT_EQ(net_.count(LinkId(3)), 0U);
  sender_->cancel(LinkId(1));
  run_until([&] { return net_.count(LinkId(3)) > 0; });
}

}  // namespace
}  // namespace topod::node
