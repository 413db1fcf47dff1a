// What a server has asked of a leader that is lost: given to the next one once, in order, and only
// for those who still wait for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;
using ::testing::ElementsAre;

std::vector<std::string> created(const Client& client) {
  std::vector<std::string> paths;
  for (const EnsembleDriver::Answer& answer : client.answers) {
    JuteReader in(answer.body);
    paths.emplace_back(in.read_string().value_or("no path"));
  }
  return paths;
}

TEST(Forwards, OfAConnectionThatHasClosedAreNotGivenToTheNextLeader) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int member = leader % 3 + 1;
  Client& gone = ensemble.connect(member);
  Client& waiting = ensemble.connect(member);
  ensemble.run();
  // One is given to the old leader, and does not arrive; others wait for the next.
  ensemble.set_filter([=](int from, int to, const peer::Message& message) {
    return from != member || to != leader || !message.has_forward();
  });
  ensemble.create(gone, 1, "/given-in-vain");
  ensemble.create(waiting, 1, "/first");
  ensemble.run();
  ensemble.crash(leader);
  ensemble.create(gone, 2, "/held");
  ensemble.create(waiting, 2, "/second");
  ensemble.drop(gone);
  ensemble.set_filter({});
  ASSERT_TRUE(ensemble.await_agreement());
  ASSERT_TRUE(ensemble.await([&] { return waiting.answers.size() == 2; }));
  EXPECT_THAT(created(waiting), ElementsAre("/first", "/second"));
  ensemble.start(leader);
  ASSERT_TRUE(ensemble.await_agreement());
  for (int id = 1; id <= 3; ++id) {
    EXPECT_TRUE(ensemble.has(id, "/first") && ensemble.has(id, "/second")) << id;
    EXPECT_FALSE(ensemble.has(id, "/given-in-vain")) << id;
    EXPECT_FALSE(ensemble.has(id, "/held")) << id;
  }
}

TEST(Forwards, OfADemotedLeadersOwnClientAreNotGivenOnceItHasClosed) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  Client& gone = ensemble.connect(leader);
  Client& waiting = ensemble.connect(leader);
  ensemble.run();
  // Proposed to nobody, and cut off by the next reign.
  ensemble.set_filter([=](int from, int, const peer::Message& message) {
    return from != leader || !message.has_propose();
  });
  ensemble.create(gone, 1, "/proposed");
  ensemble.create(waiting, 1, "/again");
  ensemble.run();
  ensemble.isolate(leader);
  ensemble.set_filter({});
  ensemble.create(gone, 2, "/held");
  ensemble.drop(gone);
  ASSERT_TRUE(
      ensemble.await([&] { return ensemble.leader() != 0 && ensemble.leader() != leader; }));
  ensemble.rejoin(leader);
  ASSERT_TRUE(ensemble.await_agreement());
  ASSERT_TRUE(ensemble.await([&] { return waiting.answers.size() == 1; }));
  EXPECT_THAT(created(waiting), ElementsAre("/again"));
  for (int id = 1; id <= 3; ++id) {
    EXPECT_FALSE(ensemble.has(id, "/proposed")) << id;
    EXPECT_FALSE(ensemble.has(id, "/held")) << id;
  }
}

struct Ensemble {
  EnsembleDriver::Options options;
  int member = 0;  // whose link breaks
};

Ensemble with_an_observer() {
  EnsembleDriver::Options options;
  options.observers = 1;
  return {options, 4};
}

// The leader and one follower are no majority.
Ensemble of_five() {
  EnsembleDriver::Options options;
  options.voters = 5;
  return {options, 1};
}

class Barrier : public testing::TestWithParam<Ensemble> {};

// The leader's log has it, though nobody knows whether it will be committed.
TEST_P(Barrier, IsAwaitedOnANewLinkBeforeAnythingIsGivenAgain) {
  EnsembleDriver ensemble(GetParam().options);
  const int member = GetParam().member;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  ASSERT_NE(leader, member);
  Client& client = ensemble.connect(member);
  ensemble.run();
  bool is_held = true;
  int given = 0;
  ensemble.set_filter([&](int from, int to, const peer::Message& message) {
    if (from == leader && to != member && message.has_propose()) return !is_held;
    if (from == member && message.has_forward()) given += message.forward().entries_size();
    return true;
  });
  ensemble.create(client, 1, "/s-", CreateMode::kPersistentSequential);
  ensemble.run();
  ASSERT_EQ(given, 1);
  const Zxid proposed = ensemble.replica(leader).history().last_zxid();
  ASSERT_GT(proposed, ensemble.replica(leader).leading()->committed());
  ensemble.cut(leader, member);
  ensemble.heal(leader, member);
  ensemble.run();
  const Follower* following = ensemble.replica(member).following();
  ASSERT_NE(following, nullptr);
  // An observer is sent what is committed, and so has to wait for its synchronisation, even.
  const bool is_observer = GetParam().options.observers > 0;
  EXPECT_EQ(following->up_to_date(), !is_observer);
  EXPECT_EQ(following->barrier(), is_observer ? Zxid(0) : proposed);
  EXPECT_FALSE(ensemble.replica(member).serving());
  ensemble.create(client, 2, "/s-", CreateMode::kPersistentSequential);
  ensemble.run();
  EXPECT_EQ(given, 1) << "nothing overtakes it";
  is_held = false;
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_THAT(created(client), ElementsAre("/s-0000000000", "/s-0000000001"));
  EXPECT_EQ(given, 2) << "each of them once";
}

INSTANTIATE_TEST_SUITE_P(Forwards, Barrier, testing::Values(with_an_observer(), of_five()),
                         [](const auto& test) {
                           return test.param.options.observers > 0 ? "Observer" : "Follower";
                         });

// The link stays, and what comes through it was meant for the reign before: the first of two comes
// when nobody leads, the second when there is a leader again. It must not be evaluated before the
// first.
TEST(Forwards, OfAnEarlierReignAreDiscardedByTheNextOfTheSameLeader) {
  EnsembleDriver ensemble(with_an_observer().options);
  constexpr int kObserver = 4;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int member = leader % 3 + 1;
  const Epoch epoch = ensemble.replica(leader).leading()->epoch();
  Client& client = ensemble.connect(member);
  ensemble.run();
  ensemble.crash(kObserver);
  int late = 0;
  bool ends = false;
  ensemble.set_filter([&](int from, int to, const peer::Message& message) {
    if (from == kObserver && message.has_follower_info() && !ends) {
      // With a later epoch than anybody here it ends the reign.
      auto& info = *const_cast<peer::Message&>(message).mutable_follower_info();
      info.set_accepted_epoch(epoch.value() + 5);
      ends = true;
    }
    if (from != member || to != leader || !message.has_forward() || late == 2) return true;
    const Leader* reign = ensemble.replica(leader).leading();
    const bool is_over = reign == nullptr;
    const bool is_next = reign != nullptr && reign->established() && reign->epoch() > epoch;
    if (late == 0 ? !is_over : !is_next) return false;
    ++late;
    return true;
  });
  ensemble.create(client, 1, "/s-", CreateMode::kPersistentSequential);
  ensemble.create(client, 2, "/s-", CreateMode::kPersistentSequential);
  ensemble.start(kObserver);
  ASSERT_TRUE(ensemble.await([&] { return late == 2; }));
  ASSERT_TRUE(ensemble.await_agreement());
  ASSERT_EQ(ensemble.leader(), leader);
  EXPECT_GT(ensemble.replica(leader).leading()->epoch(), epoch);
  EXPECT_FALSE(client.closed);
  EXPECT_THAT(created(client), ElementsAre("/s-0000000000", "/s-0000000001"));
}

}  // namespace
}  // namespace topod::zab
