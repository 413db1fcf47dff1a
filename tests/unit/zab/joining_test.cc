// Who wants to join a reign that is under way.
#include <gtest/gtest.h>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

EnsembleDriver::Options with_an_observer() {
  EnsembleDriver::Options options;
  options.observers = 1;
  return options;
}
constexpr int kObserver = 4;

// As an older binary would say, or one with a longer memory. The driver's message is its own.
peer::FollowerInfo* info_of(int from, int who, const peer::Message& message) {
  if (from != who || !message.has_follower_info()) return nullptr;
  return const_cast<peer::Message&>(message).mutable_follower_info();
}

TEST(Joining, AServerThatDoesNotKnowTheFeatureLevelIsKeptOut) {
  EnsembleDriver ensemble(with_an_observer());
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  ASSERT_TRUE(ensemble.await([&] {
    return ensemble.replica(leader).state().feature_level == state::kFeatureLevel;
  })) << "everybody is here";
  const Epoch epoch = ensemble.replica(leader).leading()->epoch();
  ensemble.crash(kObserver);
  bool is_old = true;
  ensemble.set_filter([&](int from, int, const peer::Message& message) {
    peer::FollowerInfo* info = info_of(from, kObserver, message);
    if (info != nullptr && is_old) info->set_feature_level(state::kFeatureLevel - 1);
    return true;
  });
  ensemble.start(kObserver);
  ensemble.advance(2'000);
  EXPECT_FALSE(ensemble.replica(kObserver).serving());
  EXPECT_FALSE(ensemble.replica(leader).leading()->learners().contains(ServerId(kObserver)));
  EXPECT_EQ(ensemble.replica(leader).leading()->epoch(), epoch) << "the others are not disturbed";
  is_old = false;
  EXPECT_TRUE(ensemble.await_agreement()) << "it has been upgraded";
}

// It comes when a quorum has promised already, every time.
TEST(Joining, AnObserverThatHasAcceptedALaterEpochIsBroughtBackByAHigherOne) {
  EnsembleDriver ensemble(with_an_observer());
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const uint32_t later = ensemble.replica(ensemble.leader()).leading()->epoch().value() + 5;
  ensemble.crash(kObserver);
  ensemble.set_filter([&](int from, int to, const peer::Message& message) {
    peer::FollowerInfo* info = info_of(from, kObserver, message);
    if (info == nullptr) return true;
    info->set_accepted_epoch(later);
    const Leader* reign = ensemble.replica(to).leading();
    return reign == nullptr || reign->established();
  });
  ensemble.start(kObserver);
  ASSERT_TRUE(ensemble.await([&] { return ensemble.replica(kObserver).serving(); }));
  EXPECT_GT(ensemble.replica(ensemble.leader()).leading()->epoch(), Epoch(later));
}

// The first admission is heard of from the member itself before it is applied; the second is not.
TEST(Joining, AMemberThatLostItsDiskTwiceCountsByItsLastDirectory) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int wiped = leader == 1 ? 2 : 1;
  const int other = 6 - leader - wiped;
  bool is_first = true;
  bool has_told = false;
  ensemble.set_filter([&](int from, int to, const peer::Message& message) {
    if (from == wiped && to == other && message.has_founded()) {
      has_told = has_told || message.founded().votes();
    }
    const bool would_be_applied = from == leader && to == other && message.has_commit();
    return !is_first || has_told || !would_be_applied ||
           !ensemble.replica(other).membership().is_suspended(
               ServerId(static_cast<uint32_t>(wiped)));
  });
  for (const bool first : {true, false}) {
    is_first = first;
    has_told = false;
    ensemble.crash(wiped);
    ensemble.wipe(wiped);
    ensemble.start(wiped);
    ASSERT_TRUE(ensemble.await([&] { return has_told; }));
    ASSERT_TRUE(ensemble.await_agreement());
  }
  ensemble.crash(leader);
  EXPECT_TRUE(ensemble.await_leader()) << "two of three are there";
}

TEST(Joining, WhoIsAdmittedCountsOnceARestartWouldFindItAdmitted) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int leader = ensemble.leader();
  const int wiped = leader == 1 ? 2 : 1;
  const int other = 6 - leader - wiped;
  const auto suspends = [&] {
    return ensemble.replica(other).membership().is_suspended(
        ServerId(static_cast<uint32_t>(wiped)));
  };
  bool is_held = false;  // the disk, from when the admission is applied
  ensemble.set_filter([&](int from, int to, const peer::Message& message) {
    if (from == leader && to == other && message.has_commit() && suspends()) {
      ensemble.hold_flushes(other, true);
      is_held = true;
    }
    const bool is_hearsay = to == other && message.has_founded();
    return !is_held || !is_hearsay;
  });
  ensemble.crash(wiped);
  ensemble.wipe(wiped);
  ensemble.start(wiped);
  ASSERT_TRUE(ensemble.await([&] { return is_held; }));
  ensemble.advance(100);
  EXPECT_TRUE(suspends());
  ensemble.hold_flushes(other, false);
  ensemble.run();
  EXPECT_FALSE(suspends());
  ensemble.crash(other);
  ensemble.isolate(other);
  ensemble.start(other);
  EXPECT_FALSE(suspends());
}

// Its own history ends before the admission; those who have it tell.
TEST(Joining, AMemberThatWasAwayDuringAnAdmissionElectsTheAdmitted) {
  EnsembleDriver::Options options;
  options.voters = 5;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  ASSERT_EQ(ensemble.leader(), 5);
  ensemble.crash(1);
  ensemble.crash(4);
  ensemble.wipe(4);
  bool is_admitted = false;
  ensemble.set_filter([&](int from, int, const peer::Message& message) {
    is_admitted = is_admitted || (from == 4 && message.has_founded() && message.founded().votes());
    return true;
  });
  ensemble.start(4);
  ASSERT_TRUE(ensemble.await([&] { return is_admitted; }));
  ASSERT_TRUE(ensemble.await_agreement());
  for (const int member : {2, 3, 4, 5}) ensemble.crash(member);
  for (const int member : {1, 2, 4}) ensemble.start(member);
  EXPECT_TRUE(ensemble.await_leader()) << "three of five are there";
  EXPECT_EQ(ensemble.leader(), 4);
}

}  // namespace
}  // namespace topod::zab
