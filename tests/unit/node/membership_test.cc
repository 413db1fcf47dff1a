#include "server/node/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Member parsed(std::string_view text) {
  const auto member = parse_member(ServerId(1), text);
  EXPECT_TRUE(member) << text;
  return member.value_or(Member{});
}

// Everything that is wrong with these lines together.
std::vector<std::string> wrong_with(std::vector<std::pair<std::string, std::string>> lines) {
  MembershipReader reader;
  for (const auto& [key, value] : lines) EXPECT_FALSE(reader.add(key, value)) << key;
  const auto members = reader.finish();
  return members ? std::vector<std::string>{} : members.error();
}

TEST(Membership, AServerLineNamesHostAndPorts) {
  const Member member = parsed("zk1.example.com:2888:3888");
  ASSERT_EQ(member.addresses.size(), 1U);
  EXPECT_EQ(member.addresses[0], (PeerAddress{"zk1.example.com", 2888, 3888}));
  EXPECT_EQ(member.role, MemberRole::kParticipant);
  EXPECT_FALSE(member.client);
  EXPECT_FALSE(member.secure_client);
}

TEST(Membership, TheRoleIsReadInAnyCase) {
  EXPECT_EQ(parsed("a:1:2:Observer").role, MemberRole::kObserver);
  EXPECT_EQ(parsed("a:1:2:PARTICIPANT").role, MemberRole::kParticipant);
}

TEST(Membership, AddressesOfIpv6StandInBrackets) {
  const Member member = parsed("[2001:db8::1]:2888:3888;[::1]:2181");
  EXPECT_EQ(member.addresses[0].host, "2001:db8::1");
  EXPECT_EQ(*member.client, (HostPort{"::1", 2181}));
}

TEST(Membership, ABareClientPortListensEverywhere) {
  EXPECT_EQ(*parsed("a:1:2;2181").client, (HostPort{"0.0.0.0", 2181}));
  EXPECT_EQ(*parsed("a:1:2:observer;10.0.0.1:2181").client, (HostPort{"10.0.0.1", 2181}));
}

TEST(Membership, ASecurePortMayStandAlone) {
  const Member member = parsed("a:1:2;;b:2281");
  EXPECT_FALSE(member.client);
  EXPECT_EQ(*member.secure_client, (HostPort{"b", 2281}));
}

TEST(Membership, AServerMayHaveSeveralAddresses) {
  const Member member = parsed("a:1:2|b:3:4;2181");
  ASSERT_EQ(member.addresses.size(), 2U);
  EXPECT_EQ(member.addresses[1], (PeerAddress{"b", 3, 4}));
}

TEST(Membership, MalformedServerLinesAreRefused) {
  for (const char* text : {"",
                           "a",
                           "a:1",
                           "a:1:",
                           "a:0:2",
                           "a:1:65536",
                           "a:1:2:leader",
                           "a:1:2:observer:x",
                           ":1:2",
                           "a b:1:2",
                           "[::1:1:2",
                           "[a]:1:2",
                           "::1:1:2",
                           "a:1:2;x:y",
                           "a:1:2;0",
                           "a:1:2;1;2;3",
                           "a:1:2|",
                           "300.1.1.1:1:2",
                           "-a:1:2",
                           "a:1:-2",
                           "a:1:2;h:"}) {
    EXPECT_FALSE(parse_member(ServerId(1), text)) << text;
  }
}

TEST(Membership, IdsRunFrom1To255) {
  MembershipReader reader;
  EXPECT_FALSE(reader.add("server.255", "a:1:2"));
  for (const char* key :
       {"server.0", "server.256", "server.x", "server.", "server.1x", "weight.0", "cell.-1"}) {
    EXPECT_TRUE(reader.add(key, "a:3:4")) << key;
  }
}

TEST(Membership, MembersComeInTheOrderOfTheirIdsWithAllThatIsSaidOfThem) {
  MembershipReader reader;
  EXPECT_FALSE(reader.add("server.10", "c:1:2"));
  EXPECT_FALSE(reader.add("weight.10", "3"));
  EXPECT_FALSE(reader.add("group.7", "2:10"));
  EXPECT_FALSE(reader.add("server.2", "a:1:2"));
  EXPECT_FALSE(reader.add("cell.2", "zone-a"));
  const auto members = reader.finish();
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 2U);
  EXPECT_EQ(members->at(0).id, ServerId(2));
  EXPECT_EQ(members->at(0).cell, "zone-a");
  EXPECT_EQ(members->at(0).weight, 1U);
  EXPECT_EQ(members->at(1).id, ServerId(10));
  EXPECT_EQ(members->at(1).weight, 3U);
  EXPECT_EQ(members->at(1).group, 7U);
}

TEST(Membership, NoLinesAreNoMembers) { EXPECT_THAT(wrong_with({}), IsEmpty()); }

TEST(Membership, TwoServersCannotShareAnAddress) {
  EXPECT_THAT(wrong_with({{"server.1", "a:1:2"}, {"server.2", "a:2:3"}}),
              Contains(HasSubstr("a:2 is already used by server.1")));
}

TEST(Membership, QuorumAndElectionPortMustDiffer) {
  EXPECT_THAT(wrong_with({{"server.1", "a:1:1"}}), Contains(HasSubstr("a:1")));
}

TEST(Membership, SomebodyMustVote) {
  EXPECT_THAT(wrong_with({{"server.1", "a:1:2:observer"}}),
              Contains(HasSubstr("at least one participant")));
  EXPECT_THAT(wrong_with({{"server.1", "a:1:2"}, {"weight.1", "0"}}),
              Contains(HasSubstr("at least one participant")));
}

TEST(Membership, EveryParticipantIsInExactlyOneGroup) {
  EXPECT_THAT(wrong_with({{"server.1", "a:1:2"}, {"server.2", "b:1:2"}, {"group.1", "1"}}),
              Contains(HasSubstr("server.2 to be in exactly one group")));
  EXPECT_THAT(wrong_with({{"server.1", "a:1:2"}, {"group.1", "1"}, {"group.2", "1"}}),
              Contains(HasSubstr("server.1 to be in exactly one group")));
  EXPECT_THAT(wrong_with({{"server.1", "a:1:2"}, {"server.2", "b:1:2:observer"}, {"group.1", "1"}}),
              IsEmpty());
}

TEST(Membership, GroupsWeightsAndCellsNameServersThatExist) {
  EXPECT_THAT(wrong_with({{"server.1", "a:1:2"}, {"group.1", "1:2"}}),
              Contains(HasSubstr("server.2")));
  EXPECT_THAT(wrong_with({{"weight.3", "1"}}), Contains(HasSubstr("server.3")));
  EXPECT_THAT(wrong_with({{"cell.4", "x"}}), Contains(HasSubstr("server.4")));
}

}  // namespace
}  // namespace topod::node
