#include "tools/ctl/queues.h"

#include <gtest/gtest.h>

#include <string>

namespace topod::ctl {
namespace {

Znode contender(const std::string& path, const std::string& data, int64_t session) {
  Znode znode;
  znode.path = path;
  znode.data = data;
  znode.stat.ephemeral_owner = session;
  znode.stat.czxid = session;
  return znode;
}

TEST(Queues, OfVitessAreKnownByTheDirectoryThatIsLocked) {
  const std::string lock = R"({"Action": "Reparent", "HostName": "h", "UserName": "u"})";
  const auto queues = find_queues({contender("/g/keyspaces/k/locks/0000000007", lock, 7),
                                   contender("/g/keyspaces/k/locks/0000000005", lock, 5)});
  ASSERT_EQ(queues.size(), 1U);
  EXPECT_EQ(queues[0].kind, Queue::Kind::kLock);
  EXPECT_EQ(queues[0].named, "/g/keyspaces/k");
  ASSERT_EQ(queues[0].holders.size(), 1U);
  EXPECT_EQ(queues[0].holders[0].session, 5);
  EXPECT_EQ(queues[0].holders[0].who, "u@h");
  EXPECT_EQ(queues[0].holders[0].reason, "Reparent");
  ASSERT_EQ(queues[0].waiters.size(), 1U);
  EXPECT_EQ(queues[0].waiters[0].session, 7);
}

TEST(Queues, OfElectionsNameTheLeader) {
  const auto queues = find_queues({contender("/g/elections/vtctld/0000000001", "host:1", 1)});
  ASSERT_EQ(queues.size(), 1U);
  EXPECT_EQ(queues[0].kind, Queue::Kind::kElection);
  EXPECT_EQ(queues[0].holders[0].who, "host:1");
}

TEST(Queues, MayBeSharedByReaders) {
  const auto queues = find_queues({contender("/q/_c_a-__READ__0000000001", "", 1),
                                   contender("/q/_c_b-__READ__0000000002", "", 2),
                                   contender("/q/_c_c-__WRIT__0000000003", "", 3)});
  ASSERT_EQ(queues.size(), 1U);
  EXPECT_EQ(queues[0].holders.size(), 2U);
  EXPECT_EQ(queues[0].waiters.size(), 1U);
}

TEST(Queues, AreOnlyOfEphemeralSequentialZnodes) {
  EXPECT_TRUE(
      find_queues({contender("/a/plain", "", 1), contender("/a/0000000001", "", 0)}).empty());
}

TEST(SessionPlaces, AreReadFromCons) {
  SessionPlaces places;
  read_cons(
      " /10.0.0.1:5555[1](queued=0,recved=1,sent=1,sid=0x10000000002,lop=PING,est=1)\n"
      " /10.0.0.2:6666[0](queued=0,recved=1,sent=0)\n\n",
      "h1:2181", places);
  ASSERT_EQ(places.size(), 1U);
  EXPECT_EQ(places.at(0x10000000002).client, "10.0.0.1:5555");
  EXPECT_EQ(places.at(0x10000000002).server, "h1:2181");
}

}  // namespace
}  // namespace topod::ctl
