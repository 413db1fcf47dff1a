#include "server/admin/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <regex>

#include "tests/unit/admin/sample_source.h"

namespace topod::admin {
namespace {

using ::testing::HasSubstr;

const std::string kVersion(node::protocol_version());

TEST(AdminText, SrvrIsWhatZooKeeperPrints) {
  EXPECT_EQ(srvr_text("3.9.4-x, built on 08/01/2026 00:00 GMT", sample_stats()),
            "Zookeeper version: 3.9.4-x, built on 08/01/2026 00:00 GMT\n"
            "Latency min/avg/max: 1/13.1667/53\n"
            "Received: 14\n"
            "Sent: 13\n"
            "Connections: 3\n"
            "Outstanding: 0\n"
            "Zxid: 0x4\n"
            "Mode: standalone\n"
            "Node count: 7\n");
}

TEST(AdminText, ALeaderShowsItsProposalSizes) {
  ServerStats stats = sample_stats();
  stats.mode = Mode::kLeader;
  stats.proposals = ProposalSizes{};
  EXPECT_THAT(srvr_text(kVersion, stats),
              HasSubstr("Mode: leader\nNode count: 7\nProposal sizes last/min/max: -1/-1/-1\n"));
}

TEST(AdminText, AReadOnlyServerSaysSoAfterItsVersion) {
  ServerStats stats = sample_stats();
  stats.mode = Mode::kReadOnly;
  EXPECT_THAT(srvr_text("V", stats),
              HasSubstr("Zookeeper version: V\n"
                        "READ-ONLY mode; serving only read-only clients\nLatency"));
}

TEST(AdminText, AveragesAreRoundedToFourDecimals) {
  EXPECT_EQ(average_text(0), "0.0");
  EXPECT_EQ(average_text(-0.00001), "0.0");
  EXPECT_EQ(average_text(5), "5.0");
  EXPECT_EQ(average_text(10), "10.0");
  EXPECT_EQ(average_text(2.5), "2.5");
  EXPECT_EQ(average_text(79.0 / 6), "13.1667");
  EXPECT_EQ(average_text(1.0 / 0.0), "0.0");
}

TEST(AdminText, StatListsConnectionsBeforeTheStatistics) {
  EXPECT_EQ(stat_text("V", sample_stats(), sample_connections()),
            "Zookeeper version: V\n"
            "Clients:\n"
            " /127.0.0.1:53164[0](queued=0,recved=1,sent=0)\n"
            " /127.0.0.1:53070[1](queued=0,recved=3,sent=3)\n"
            "\n"
            "Latency min/avg/max: 1/13.1667/53\n"
            "Received: 14\n"
            "Sent: 13\n"
            "Connections: 3\n"
            "Outstanding: 0\n"
            "Zxid: 0x4\n"
            "Mode: standalone\n"
            "Node count: 7\n");
}

TEST(AdminText, ConsShowsEverythingAboutASession) {
  EXPECT_EQ(cons_text(sample_connections()),
            " /127.0.0.1:53164[0](queued=0,recved=1,sent=0)\n"
            " /127.0.0.1:53070[1](queued=0,recved=3,sent=3,sid=0x10000340c0b0001,lop=GETC,"
            "est=1795415309029,to=10000,lcxid=0x2,lzxid=0x4,lresp=3412486,llat=1,minlat=0,"
            "avglat=3,maxlat=7)\n"
            "\n");
}

TEST(AdminText, ConsLeavesOutWhatASessionHasNotHadYet) {
  ConnectionInfo connection = sample_connections()[1];
  connection.session->last_operation = std::nullopt;
  connection.session->last_cxid = -1;
  connection.session->last_zxid = -1;
  EXPECT_THAT(cons_text({connection}),
              HasSubstr("lop=NA,est=1795415309029,to=10000,lzxid=0xffffffffffffffff,lresp="));
}

TEST(AdminText, NobodyConnectedIsAnEmptyLine) { EXPECT_EQ(cons_text({}), "\n"); }

TEST(AdminText, ConfOfALoneServer) {
  EXPECT_EQ(conf_text(SampleSource().settings()),
            "clientPort=2181\n"
            "secureClientPort=-1\n"
            "dataDir=/var/lib/topod\n"
            "dataDirSize=67109337\n"
            "dataLogDir=/var/lib/topod\n"
            "dataLogSize=67109338\n"
            "tickTime=2000\n"
            "maxClientCnxns=60\n"
            "minSessionTimeout=4000\n"
            "maxSessionTimeout=40000\n"
            "clientPortListenBacklog=-1\n"
            "serverId=1\n");
}

TEST(AdminText, ConfOfAMemberEndsWithTheMembershipWithoutNewline) {
  Settings settings = SampleSource().settings();
  settings.ensemble = EnsembleSettings{10,
                                       5,
                                       3888,
                                       2888,
                                       true,
                                       "cell.1=z\n",
                                       "server.1=a:2888:3888:observer;0.0.0.0:2181\nversion=0"};
  EXPECT_TRUE(
      conf_text(settings).ends_with("serverId=1\n"
                                    "initLimit=10\n"
                                    "syncLimit=5\n"
                                    "electionAlg=3\n"
                                    "electionPort=3888\n"
                                    "quorumPort=2888\n"
                                    "peerType=1\n"
                                    "cell.1=z\n"
                                    "membership: \n"
                                    "server.1=a:2888:3888:observer;0.0.0.0:2181\n"
                                    "version=0"));
}

TEST(AdminText, DirsHasTwoLines) {
  EXPECT_EQ(dirs_text({1, 2}), "datadir_size: 1\nlogdir_size: 2\n");
}

TEST(AdminText, EnviBeginsAsKazooExpects) {
  EXPECT_EQ(envi_text("V", SampleSource().environment()),
            "Environment:\n"
            "zookeeper.version=V\n"
            "host.name=localhost\n"
            "os.name=Linux\n"
            "os.arch=amd64\n"
            "os.version=6.1.0\n"
            "user.name=topod\n"
            "user.home=/home/topod\n"
            "user.dir=/\n"
            "os.memory.free=198MB\n"
            "os.memory.max=247MB\n"
            "os.memory.total=247MB\n");
}

TEST(AdminText, TheRealEnvironmentIsKnown) {
  const Environment environment = read_environment();
  EXPECT_EQ(environment.os_name, "Linux");
  EXPECT_FALSE(environment.host_name.empty());
  EXPECT_FALSE(environment.user_name.empty());
  EXPECT_FALSE(environment.user_dir.empty());
  EXPECT_GT(environment.memory.total, 0U);
  EXPECT_LE(environment.memory.free, environment.memory.total);
}

TEST(AdminText, DumpShowsExpiryEphemeralsAndConnections) {
  const SampleSource source;
  EXPECT_EQ(dump_text(source.sessions(), source.ephemerals(), source.connection_expiry()),
            "SessionTracker dump:\n"
            "Session Sets (1)/(2):\n"
            "2 expire at Mon Nov 23 06:28:39 UTC 2026:\n"
            "\t0x10000340c0b0000\n"
            "\t0x10000340c0b0001\n"
            "ephemeral nodes dump:\n"
            "Sessions with Ephemerals (1):\n"
            "0x10000340c0b0000:\n"
            "\t/e1\n"
            "Connections dump:\n"
            "Connections Sets (1)/(2):\n"
            "2 expire at Mon Nov 23 06:28:46 UTC 2026:\n"
            "\tip: /127.0.0.1:53104 sessionId: 0x0\n"
            "\tip: /127.0.0.1:53070 sessionId: 0x10000340c0b0001\n");
}

TEST(AdminText, DumpOfAServerThatExpiresNothingShowsTimeouts) {
  SessionsDump sessions;
  sessions.expires_here = false;
  sessions.timeouts_ms = {{SessionId(0x1f), 10'000}};
  EXPECT_EQ(dump_text(sessions, {}, {}),
            "SessionTracker dump:\n"
            "Global Sessions(1):\n"
            "0x1f\t10000ms\n"
            "ephemeral nodes dump:\n"
            "Sessions with Ephemerals (0):\n"
            "Connections dump:\n"
            "Connections Sets (0)/(0):\n");
}

TEST(AdminText, ATimeThatNoCalendarHoldsIsANumber) {
  EXPECT_EQ(date_text(0), "Thu Jan 01 00:00:00 UTC 1970");
  EXPECT_FALSE(date_text(std::numeric_limits<int64_t>::min()).empty());
  EXPECT_FALSE(date_text(std::numeric_limits<int64_t>::max()).empty());
}

TEST(AdminText, WatchesBySummarySessionAndPath) {
  const std::map<std::string, std::set<SessionId>> by_path = {{"/a", {SessionId(1), SessionId(2)}},
                                                              {"/b", {SessionId(2)}}};
  EXPECT_EQ(wchs_text({2, 2, 3}), "2 connections watching 2 paths\nTotal watches:3\n");
  EXPECT_EQ(wchc_text(by_path), "0x1\n\t/a\n0x2\n\t/a\n\t/b\n\n");
  EXPECT_EQ(wchp_text(by_path), "/a\n\t0x1\n\t0x2\n/b\n\t0x2\n\n");
}

TEST(AdminText, HashListsDigestsAndIsEmptyAtTheStart) {
  EXPECT_EQ(hash_text({}), "");
  EXPECT_EQ(hash_text({{Zxid(0x80), 55156810721}, {Zxid(0x100), ~uint64_t{0}}}),
            "80: 55156810721\n100: 18446744073709551615\n");
}

TEST(AdminText, MntrIsWhatMonitoringReads) {
  ServerStats stats = sample_stats();
  EXPECT_EQ(mntr_text("V", stats, SampleSource().monitoring()),
            "zk_version\tV\n"
            "zk_server_state\tstandalone\n"
            "zk_avg_latency\t13.1667\n"
            "zk_min_latency\t1\n"
            "zk_max_latency\t53\n"
            "zk_packets_received\t14\n"
            "zk_packets_sent\t13\n"
            "zk_num_alive_connections\t3\n"
            "zk_outstanding_requests\t0\n"
            "zk_znode_count\t7\n"
            "zk_ephemerals_count\t1\n"
            "zk_connection_drop_probability\t0.0\n"
            "zk_avg_fsynctime\t1.5\n"
            "zk_min_fsynctime\t0\n"
            "zk_max_fsynctime\t9\n"
            "zk_cnt_fsynctime\t4\n"
            "zk_sum_fsynctime\t6\n"
            "zk_avg_readlatency\t0.25\n"
            "zk_min_readlatency\t0\n"
            "zk_max_readlatency\t1\n"
            "zk_cnt_readlatency\t4\n"
            "zk_sum_readlatency\t1\n"
            "zk_p50_readlatency\t0\n"
            "zk_p95_readlatency\t1\n"
            "zk_p99_readlatency\t1\n"
            "zk_p999_readlatency\t1\n");
}

TEST(AdminText, MntrOfALeaderHasItsPeerStateSecondAndProposalSizes) {
  ServerStats stats = sample_stats();
  stats.mode = Mode::kLeader;
  stats.peer_state = "leading - broadcast";
  stats.proposals = ProposalSizes{3, 1, 9};
  const std::string text = mntr_text("V", stats, {});
  EXPECT_TRUE(text.starts_with(
      "zk_version\tV\nzk_server_state\tleader\nzk_peer_state\tleading - broadcast\n"));
  EXPECT_THAT(text, HasSubstr("zk_last_proposal_size\t3\nzk_min_proposal_size\t1\n"
                              "zk_max_proposal_size\t9\n"));
}

TEST(AdminText, EveryOperationHasAShortName) {
  const std::map<OpCode, std::string_view> expected = {{OpCode::kPing, "PING"},
                                                       {OpCode::kCreateSession, "SESS"},
                                                       {OpCode::kMulti, "MULT"},
                                                       {OpCode::kMultiRead, "MLTR"},
                                                       {OpCode::kCreate, "CREA"},
                                                       {OpCode::kCreate2, "CREA"},
                                                       {OpCode::kCreateTtl, "CREA"},
                                                       {OpCode::kCreateContainer, "CREA"},
                                                       {OpCode::kDelete, "DELE"},
                                                       {OpCode::kDeleteContainer, "DELE"},
                                                       {OpCode::kSetData, "SETD"},
                                                       {OpCode::kReconfig, "RECO"},
                                                       {OpCode::kSetAcl, "SETA"},
                                                       {OpCode::kCloseSession, "CLOS"},
                                                       {OpCode::kSync, "SYNC"},
                                                       {OpCode::kCheck, "CHEC"},
                                                       {OpCode::kExists, "EXIS"},
                                                       {OpCode::kGetData, "GETD"},
                                                       {OpCode::kSetWatches, "SETW"},
                                                       {OpCode::kSetWatches2, "STW2"},
                                                       {OpCode::kAddWatch, "ADDW"},
                                                       {OpCode::kGetAcl, "GETA"},
                                                       {OpCode::kGetChildren, "GETC"},
                                                       {OpCode::kGetChildren2, "GETC"},
                                                       {OpCode::kCheckWatches, "CHKW"},
                                                       {OpCode::kRemoveWatches, "REMW"},
                                                       {OpCode::kWhoAmI, "HOMI"},
                                                       {OpCode::kGetEphemerals, "GETE"},
                                                       {OpCode::kGetAllChildrenNumber, "GETACN"},
                                                       {OpCode::kAuth, "NA"},
                                                       {static_cast<OpCode>(999), "NA"}};
  for (const auto& [op, name] : expected) EXPECT_EQ(short_name_of(op), name);
  EXPECT_EQ(short_name_of(std::nullopt), "NA");
}

// What go-zookeeper's FLWSrvr asks of the answer, as its documentation of 3.4's format has it:
// the version of letters, digits, dots and hyphens, the date with slashes, then line by line.
TEST(AdminText, GoZooKeeperUnderstandsSrvr) {
  const std::regex pattern(
      "^Zookeeper version: ([A-Za-z0-9.-]+), built on ([0-9]{2}/[0-9]{2}/[0-9]{4} "
      "[0-9]{2}:[0-9]{2} [A-Za-z0-9:+-]+)[^\n]*\n"
      "Latency min/avg/max: ([0-9]+)/([0-9.]+)/([0-9]+)[^\n]*\n"
      "Received: ([0-9]+)[^\n]*\nSent: ([0-9]+)[^\n]*\nConnections: ([0-9]+)[^\n]*\n"
      "Outstanding: ([0-9]+)[^\n]*\n"
      "Zxid: (0x[A-Za-z0-9]+)[^\n]*\nMode: ([A-Za-z0-9_]+)[^\n]*\nNode count: ([0-9]+)\n");
  const std::string text = srvr_text(kVersion, sample_stats());
  std::smatch found;
  ASSERT_TRUE(std::regex_search(text, found, pattern)) << text;
  EXPECT_EQ(found[4], "13.1667");
  EXPECT_EQ(found[10], "0x4");
  EXPECT_EQ(found[11], "standalone");
}

TEST(AdminText, GoZooKeeperUnderstandsCons) {
  const std::regex pattern(
      " /(([0-9]{1,3}\\.){3}[0-9]{1,3}:[0-9]+)\\[[0-9]\\]\\(queued=([0-9]+),recved=([0-9]+),"
      "sent=([0-9]+),sid=(0x[A-Za-z0-9]+),lop=([A-Za-z0-9_]+),est=([0-9]+),to=([0-9]+),"
      "lcxid=(0x[A-Za-z0-9]+),lzxid=(0x[A-Za-z0-9]+),lresp=([0-9]+),llat=([0-9]+),"
      "minlat=([0-9]+),avglat=([0-9]+),maxlat=([0-9]+)\\)");
  const std::string text = cons_text({sample_connections()[1]});
  const std::string line = text.substr(0, text.find('\n'));
  EXPECT_TRUE(std::regex_match(line, pattern)) << line;
}

// kazoo takes the digits and dots after "zookeeper.version=" and wants at least two numbers.
TEST(AdminText, KazooFindsTheVersion) {
  const std::string text = envi_text(kVersion, SampleSource().environment());
  std::smatch found;
  const std::regex pattern("\nzookeeper\\.version=([0-9]+\\.[0-9]+\\.[0-9]+)-");
  ASSERT_TRUE(std::regex_search(text, found, pattern)) << text;
  EXPECT_EQ(found[1], "3.9.4");
}

}  // namespace
}  // namespace topod::admin
