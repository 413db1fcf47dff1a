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

}  // namespace
}  // namespace topod::zab
