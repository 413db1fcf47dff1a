// The ends of what a zxid can count: transactions of an epoch, and epochs.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

constexpr int64_t kCounterLimit = kZxidCounterMax / 2;

// Half a million million transactions cannot be waited for: the only way to this counter is around
// the access rules, which do not hold for the arguments of an explicit instantiation.
int64_t& counter_of_reign(Leader& leader);
template <int64_t Leader::*kCounter>
struct Opened {
  friend int64_t& counter_of_reign(Leader& leader) { return leader.*kCounter; }
};
template struct Opened<&Leader::counter_>;

void set_counter(EnsembleDriver& ensemble, int leader, int64_t counter) {
  counter_of_reign(const_cast<Leader&>(*ensemble.replica(leader).leading())) = counter;
}

TEST(Epoch, EndsLongBeforeItsCounterDoesAndLosesNoWrite) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const Epoch epoch = ensemble.replica(leader).leading()->epoch();
  Client& mine = ensemble.connect(leader);
  Client& other = ensemble.connect(leader % 3 + 1);
  ensemble.run();
  constexpr int32_t kWrites = 8;
  // A few are in the old epoch, some in flight, the rest in the new one.
  set_counter(ensemble, leader, kCounterLimit - 6);
  for (int32_t xid = 1; xid <= kWrites; ++xid) {
    ensemble.create(mine, xid, "/mine" + std::to_string(xid));
    ensemble.create(other, xid, "/other" + std::to_string(xid));
    for (int steps = 0; steps < 3; ++steps) ensemble.step();
  }
  ASSERT_TRUE(ensemble.await_agreement());
  const int next = ensemble.leader();
  EXPECT_GT(ensemble.replica(next).leading()->epoch(), epoch);
  EXPECT_EQ(ensemble.replica(leader).last_change(), "the epoch's counter is used up");
  for (const Client* client : {&mine, &other}) {
    EXPECT_FALSE(client->closed);
    ASSERT_EQ(client->answers.size(), static_cast<size_t>(kWrites));
    for (int32_t xid = 1; xid <= kWrites; ++xid) {
      EXPECT_EQ(client->answers[static_cast<size_t>(xid - 1)].xid, xid);
      EXPECT_EQ(client->answers[static_cast<size_t>(xid - 1)].error, ErrorCode::kOk);
    }
    EXPECT_EQ(epoch_of(Zxid(client->answers.front().zxid)), epoch);
    EXPECT_GT(epoch_of(Zxid(client->answers.back().zxid)), epoch);
  }
  for (const LogRecord& record : ensemble.log(next)) {
    if (record.kind != LogRecordKind::kTransaction) continue;
    EXPECT_LE(counter_of(record.zxid), kCounterLimit);
  }
  // And a start finds all of them.
  for (int id = 1; id <= 3; ++id) ensemble.crash(id);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  for (int32_t xid = 1; xid <= kWrites; ++xid) {
    EXPECT_TRUE(ensemble.has(1, "/mine" + std::to_string(xid))) << xid;
    EXPECT_TRUE(ensemble.has(1, "/other" + std::to_string(xid))) << xid;
  }
}

// As if it had promised and kept this epoch before it went down.
void promise(EnsembleDriver& ensemble, int member, uint32_t epoch) {
  ensemble.crash(member);
  ensemble.append_to_log(member, {LogRecordKind::kAcceptedEpoch, {}, epoch, {}});
  ensemble.append_to_log(member, {LogRecordKind::kCurrentEpoch, {}, epoch, {}});
}

TEST(Epoch, TheLastOneServesAndNoneFollowsIt) {
  EnsembleDriver ensemble;
  ensemble.expect_nonsense();
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  for (int id = 1; id <= 3; ++id) promise(ensemble, id, kEpochMax - 1);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  EXPECT_EQ(ensemble.replica(leader).leading()->epoch(), Epoch(kEpochMax));
  Client& client = ensemble.connect(leader % 3 + 1);
  ensemble.run();
  ensemble.create(client, 1, "/last");
  ensemble.run();
  ASSERT_EQ(client.answers.size(), 1u);
  EXPECT_EQ(client.answers[0].error, ErrorCode::kOk);
  EXPECT_GT(client.answers[0].zxid, 0);
  EXPECT_EQ(ensemble.nonsense(), 0);
  // An epoch that came twice could have two histories: rather there is none.
  ensemble.crash(leader);
  ensemble.advance(3'000);
  ensemble.start(leader);
  ensemble.advance(3'000);
  EXPECT_EQ(ensemble.leader(), 0);
  EXPECT_GT(ensemble.nonsense(), 0);
  EXPECT_TRUE(client.closed) << "it does not wait for ever";
  for (int id = 1; id <= 3; ++id) {
    EXPECT_EQ(ensemble.replica(id).promises().accepted_epoch, Epoch(kEpochMax)) << id;
    EXPECT_EQ(ensemble.replica(id).history().last_zxid(), Zxid(client.answers[0].zxid)) << id;
  }
}

// It has begun a reign of its own with the same epoch, and got no further. Its promise would be one
// to two leaders; without it there is no quorum, and no use in waiting for initLimit.
TEST(Epoch, WhoHasAcceptedItFromAnotherDoesNotHoldUpTheReign) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const Epoch epoch = ensemble.replica(1).promises().accepted_epoch;
  for (int id = 1; id <= 3; ++id) {
    ensemble.crash(id);
    ensemble.config(id).init_limit_ms = 1'000'000;
  }
  const Epoch next(epoch.value() + 1);
  ensemble.append_to_log(1, {LogRecordKind::kAcceptedEpoch, {}, next.value(), {}});
  bool is_chosen = false;
  bool has_acked = false;
  ensemble.set_filter([&](int from, int, const peer::Message& message) {
    // The reign begins without the first member, and has not got the second one's promise yet.
    if (message.kind_case() == peer::Message::kFollowerInfo) return from != 1 || is_chosen;
    if (message.kind_case() != peer::Message::kAckEpoch) return true;
    (from == 1 ? has_acked : is_chosen) = true;
    return from == 1;
  });
  for (int id = 1; id <= 3; ++id) ensemble.start(id);
  ASSERT_TRUE(ensemble.await([&] { return has_acked; }));
  ASSERT_EQ(ensemble.replica(3).leading()->epoch(), next);
  ASSERT_EQ(ensemble.leader(), 0);
  ensemble.crash(2);
  EXPECT_TRUE(ensemble.await([&] { return ensemble.leader() != 0; }, 3'000));
  EXPECT_GT(ensemble.replica(3).promises().accepted_epoch, next);
}

// Its log is damaged, or it has been elsewhere: it must not take the others with it.
TEST(Epoch, OneServerAtTheLimitIsKeptOutByTheOthers) {
  EnsembleDriver ensemble;
  ensemble.expect_nonsense();
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int odd = leader % 3 + 1;
  const Epoch epoch = ensemble.replica(leader).leading()->epoch();
  promise(ensemble, odd, kEpochMax);
  ensemble.start(odd);
  ensemble.advance(2'000);
  EXPECT_GT(ensemble.nonsense(), 0);
  EXPECT_EQ(ensemble.leader(), leader);
  EXPECT_EQ(ensemble.replica(leader).leading()->epoch(), epoch);
  EXPECT_FALSE(ensemble.replica(odd).serving());
  Client& client = ensemble.connect(leader);
  ensemble.run();
  ensemble.create(client, 1, "/goes-on");
  ensemble.run();
  EXPECT_EQ(client.answers.size(), 1u);
}

TEST(Epoch, AServerAloneStopsWhenAllAreUsedUp) {
  EnsembleDriver::Options options;
  options.voters = 1;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  promise(ensemble, 1, kEpochMax);
  EXPECT_DEATH(ensemble.start_all(), "all epochs are used up");
}

}  // namespace
}  // namespace topod::zab
