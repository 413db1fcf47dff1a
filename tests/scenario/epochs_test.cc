// Epochs, and the numbers that go on.
//
// Proven by unit tests: every start takes a new epoch (Replica), each segment of the log repeats
// the promises made (LogTest).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/entry.pb.h"
#include "storage/log_segment.h"
#include "tests/scenario/one_node.h"

namespace topod {
namespace {

// ZOOKEEPER-2307, ZOOKEEPER-4269: accepted and current epoch were out of step, and the server
// refused to start.
TEST(Epochs, AStartThatIsInterruptedAnywhereIsFollowedByOneThatServes) {
  for (const storage::CallPhase phase :
       {storage::CallPhase::kBefore, storage::CallPhase::kDuring, storage::CallPhase::kAfter}) {
    OneNode node;
    Epoch last;
    uint64_t interruptions = 0;
    for (uint64_t call = 1;; ++call) {
      node.log_disk().crash_at_call(node.log_disk().calls() + call, phase);
      const bool interrupted = !node.try_start();
      node.log_disk().clear_faults();
      if (interrupted) {
        ++interruptions;
        node.crash();
        node.start();
      }
      const Epoch epoch = node.replica().promises().current_epoch;
      EXPECT_GT(epoch, last);
      EXPECT_EQ(epoch, node.replica().promises().accepted_epoch);
      last = epoch;
      node.crash();
      if (!interrupted) break;
    }
    EXPECT_GT(interruptions, 3U);
  }
}

// ZOOKEEPER-582: a snapshot of epoch 27 and no log; numbering began again at epoch 1, clients that
// had seen more were shut out, and what they wrote was lost with the next start.
TEST(Epochs, NumbersGoOnFromTheCheckpointThoughTheLogIsGone) {
  OneNode node;
  node.start();
  for (int run = 0; run < 5; ++run) node.restart_after_crash();
  const ConnectionId client = node.connect(60'000);
  const int64_t seen = node.call(client, state::create("/kept")).zxid;
  node.checkpoint();
  node.crash();
  const auto segments = storage::list_segments(node.log_disk(), "/log");
  ASSERT_TRUE(segments.has_value());
  for (const uint64_t segment : *segments) {
    ASSERT_TRUE(node.log_disk().remove(storage::segment_path("/log", segment)).has_value());
  }
  ASSERT_FALSE(node.try_start().has_value()) << "nobody has said that the log may be lost";
  ASSERT_TRUE(node.try_start(true).has_value());

  const ConnectionId again = node.reconnect(node.session_of(client), seen);
  const int64_t written = node.call(again, state::create("/later")).zxid;
  EXPECT_GT(epoch_of(Zxid(written)), epoch_of(Zxid(seen)));
  node.restart_after_crash();
  EXPECT_TRUE(node.has_node("/kept"));
  EXPECT_TRUE(node.has_node("/later"));
}

// ZOOKEEPER-1277: a counter of 32 bits overflowed.
TEST(Epochs, ACounterBeyond32BitsIsANumberLikeAnyOther) {
  OneNode node;
  node.start();
  const state::Member self = node.state().members.at(ServerId(1));
  Zxid last = node.state().applied;
  node.crash();
  {
    auto log = node.open_log();
    storage::RecordBatch batch;
    for (int64_t number = 1; number <= 6; ++number) {
      entry::Entry entry;
      entry.set_time_ms(1);
      entry.mutable_origin()->set_server(1);
      entry.mutable_origin()->set_incarnation(self.incarnation.value());
      entry.mutable_origin()->set_forward_number(self.last_number + static_cast<uint64_t>(number));
      entry.mutable_create_session()->set_connection(static_cast<uint64_t>(number));
      entry.mutable_create_session()->set_timeout_ms(60'000);
      entry.mutable_create_session()->set_secret(std::string(kPasswordBytes, 's'));
      const Zxid zxid = make_zxid(epoch_of(last), (int64_t{1} << 32) - 4 + number);
      batch.add(LogRecordKind::kTransaction, zxid, static_cast<uint64_t>(last.value()),
                entry.SerializeAsString());
      last = zxid;
    }
    const std::string_view piece = batch.bytes();
    ASSERT_TRUE(log->append({&piece, 1}).has_value());
  }
  node.start();
  EXPECT_EQ(node.state().sessions.size(), 6U);
  const SessionKey key{last.value(), std::string(kPasswordBytes, 's')};
  const ConnectionId client = node.reconnect(key, last.value());
  const Message reply = node.call(client, create_ephemeral("/e"));
  EXPECT_GT(Zxid(reply.zxid), last);
  node.checkpoint();
  node.restart_after_crash();
  EXPECT_EQ(node.call(node.reconnect(key, reply.zxid), exists("/e")).stat().ephemeral_owner,
            last.value());
}

}  // namespace
}  // namespace topod
