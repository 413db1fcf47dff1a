// A list of voters in the configuration that is not the one under which the ensemble was founded.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

// Each of them makes `self` a majority in its own eyes.
void weigh_more(ReplicaConfig& config) {
  for (PeerConfig& member : config.members) {
    if (member.id == config.self) member.weight = 5;
  }
}
void list_itself_alone(ReplicaConfig& config) {
  std::erase_if(config.members, [&](const PeerConfig& member) { return member.id != config.self; });
}
void make_the_others_observers(ReplicaConfig& config) {
  for (PeerConfig& member : config.members) member.observer = member.id != config.self;
}

struct Change {
  std::string name;
  void (*make)(ReplicaConfig&);
};
const Change kChanges[] = {{"AWeight", weigh_more},
                           {"FewerMembers", list_itself_alone},
                           {"Observers", make_the_others_observers}};

class OtherVoters : public testing::TestWithParam<Change> {};

TEST_P(OtherVoters, ThanThoseLoggedKeepAMemberFromVotingAndLeading) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const int odd = ensemble.leader();
  const ReplicaConfig before = ensemble.config(odd);
  ensemble.crash(odd);
  GetParam().make(ensemble.config(odd));
  ensemble.start(odd);
  EXPECT_FALSE(ensemble.replica(odd).membership().votes());
  for (int ms = 0; ms < 3'000; ms += 10) {
    ensemble.advance(10);
    ASSERT_EQ(ensemble.replica(odd).role(), Role::kLooking) << ms;
  }
  EXPECT_FALSE(ensemble.replica(odd).membership().votes());
  // The others are a majority, and go on.
  const int other = odd % 3 + 1;
  Client& client = ensemble.connect(other);
  ensemble.run();
  ensemble.create(client, 1, "/goes-on");
  ensemble.run();
  ASSERT_EQ(client.answers.size(), 1u);
  EXPECT_FALSE(ensemble.has(odd, "/goes-on"));
  // One of them alone is none, for this member does not help.
  ensemble.crash(6 - odd - other);
  ensemble.advance(3'000);
  EXPECT_EQ(ensemble.leader(), 0);
  ensemble.crash(odd);
  ensemble.config(odd) = before;
  ensemble.start(odd);
  ASSERT_TRUE(ensemble.await_agreement()) << "it is configured as it was";
  EXPECT_TRUE(ensemble.has(odd, "/goes-on"));
}

INSTANTIATE_TEST_SUITE_P(Voters, OtherVoters, testing::ValuesIn(kChanges),
                         [](const auto& test) { return test.param.name; });

// Their links are fine; what is in their logs counts.
TEST(Voters, ThatAllMembersAgreeOnDoNotReplaceThoseLogged) {
  EnsembleDriver ensemble;
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  const auto restart_with_weight = [&](uint32_t weight) {
    for (int id = 1; id <= 3; ++id) ensemble.crash(id);
    for (int id = 1; id <= 3; ++id) ensemble.config(id).members[0].weight = weight;
    ensemble.start_all();
  };
  restart_with_weight(3);
  ensemble.advance(5'000);
  EXPECT_EQ(ensemble.leader(), 0);
  for (int id = 1; id <= 3; ++id) {
    EXPECT_FALSE(ensemble.replica(id).membership().votes()) << id;
    EXPECT_EQ(ensemble.replica(id).role(), Role::kLooking) << id;
  }
  restart_with_weight(1);
  EXPECT_TRUE(ensemble.await_agreement());
}

}  // namespace
}  // namespace topod::zab
