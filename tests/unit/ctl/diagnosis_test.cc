// What members say, read; and what doctor concludes from it.
#include "tools/ctl/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace topod::ctl {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Three members, each in a cell of its own, all well.
std::vector<MemberReport> healthy() {
  std::vector<MemberReport> reports;
  for (uint32_t id = 1; id <= 3; ++id) {
    MemberReport report;
    const std::string text = std::to_string(id);
    report.address = "h" + text + ":2181";
    read_srvr("Zookeeper version: 3.9.4-topod-0.1.0, built on x\nZxid: 0x10000000007\nMode: " +
                  std::string(id == 1 ? "leader" : "follower") + "\n",
              report);
    read_mntr("zk_data_disk_free_bytes\t90000000000\nzk_data_disk_total_bytes\t100000000000\n",
              report);
    read_conf("maxSessionTimeout=60000\nserverId=" + text +
                  "\ncell.1=a\ncell.2=b\ncell.3=c\nmembership: \n"
                  "server.1=h1:2888:3888:participant;h1:2181\n"
                  "server.2=h2:2888:3888:participant;h2:2181\n"
                  "server.3=h3:2888:3888:participant;h3:2181\nversion=0",
              report);
    report.clock_ahead_ms = id * 3.0;
    reports.push_back(report);
  }
  return reports;
}

std::vector<std::string> goods(const std::vector<MemberReport>& reports) {
  std::vector<std::string> texts;
  for (const Finding& finding : diagnose(reports, true)) {
    if (finding.severity == Finding::Severity::kGood) {
      texts.push_back(finding.where + ": " + finding.what);
    }
  }
  return texts;
}

std::vector<std::string> troubles(const std::vector<MemberReport>& reports, bool is_global = true) {
  std::vector<std::string> texts;
  for (const Finding& finding : diagnose(reports, is_global)) {
    if (finding.severity != Finding::Severity::kGood) {
      texts.push_back(std::string(name_of(finding.severity)) + " " + finding.where + ": " +
                      finding.what);
    }
  }
  return texts;
}

void set_conf(std::vector<MemberReport>& reports, const std::string& cells,
              const std::string& more = "") {
  for (MemberReport& report : reports) {
    read_conf("maxSessionTimeout=60000\nserverId=" + std::to_string(report.id) + "\n" + cells +
                  "server.1=h1:2888:3888:participant\nserver.2=h2:2888:3888:participant\n"
                  "server.3=h3:2888:3888:participant\n" +
                  more,
              report);
  }
}

TEST(MemberReport, IsReadFromTheWordsOfAServer) {
  const MemberReport report = healthy()[1];
  EXPECT_EQ(report.version, "3.9.4-topod-0.1.0");
  EXPECT_EQ(report.mode, "follower");
  EXPECT_EQ(report.zxid, Zxid(0x10000000007));
  EXPECT_EQ(report.id, 2U);
  ASSERT_EQ(report.configured.size(), 3U);
  EXPECT_EQ(report.configured[2].peer_address, "h3:2888");
  EXPECT_EQ(report.configured[2].client_address, "h3:2181");
  EXPECT_EQ(report.configured[2].cell, "c");
  MemberReport refused;
  EXPECT_FALSE(read_srvr("srvr is not executed because it is not in the whitelist.\n", refused));
  EXPECT_FALSE(read_mntr("", refused));
}

TEST(MemberReport, KnowsRolesWeightsAndGroups) {
  MemberReport report;
  read_conf(
      "serverId=1\nserver.1=a:1:2:participant\nserver.2=[::1]:1:2:observer;[::1]:5\n"
      "group.1=1:2\nweight.1=3\nweight.2=0\n",
      report);
  ASSERT_EQ(report.configured.size(), 2U);
  EXPECT_EQ(report.configured[0].weight, 3U);
  EXPECT_TRUE(report.configured[1].is_observer);
  EXPECT_EQ(report.configured[1].peer_address, "[::1]:1");
  EXPECT_EQ(report.configured[1].group, 1U);
}

TEST(Doctor, FindsNothingWrongWithAHealthyEnsemble) {
  EXPECT_THAT(troubles(healthy()), IsEmpty());
  EXPECT_FALSE(any_trouble(diagnose(healthy(), true)));
}

TEST(Doctor, SaysThatACellHoldsTooManyVoters) {
  auto reports = healthy();
  set_conf(reports, "cell.1=a\ncell.2=a\ncell.3=b\n");
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("problem cell a: the ensemble does not survive "
                                                    "its loss: 2 of 3 voters stand in it")));
  // A cell's own ensemble stands in that cell.
  EXPECT_THAT(troubles(reports, false), IsEmpty());
}

TEST(Doctor, SaysThatCellsAreNotConfigured) {
  auto reports = healthy();
  set_conf(reports, "");
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("it cannot be told")));
}

TEST(Doctor, TakesWeightsAndGroupsIntoAccount) {
  auto reports = healthy();
  // The heavy one decides alone: its cell's loss is everybody's.
  set_conf(reports, "cell.1=a\ncell.2=b\ncell.3=c\n", "group.1=1:2:3\nweight.1=5\n");
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("problem cell a: ")));
  EXPECT_THAT(troubles(reports), Not(Contains(HasSubstr("problem cell b: "))));
}

TEST(Doctor, SaysWhoIsDownAndThatNoMoreMayFail) {
  auto reports = healthy();
  reports[2] = MemberReport();
  reports[2].id = 3;
  reports[2].address = "h3:2181";
  reports[2].unreachable = "connect: refused";
  const auto found = troubles(reports);
  EXPECT_THAT(found, Contains(HasSubstr("problem server 3 (h3:2181): it does not serve")));
  EXPECT_THAT(found, Contains(HasSubstr("the loss of one more voter would stop it")));
}

TEST(Doctor, SaysWhichCellsLossWouldStopItWhileAMemberIsDown) {
  auto reports = healthy();
  EXPECT_THAT(goods(reports), Contains(HasSubstr("survives the loss of any one of its 3 cells")));
  reports[2].unreachable = "connect: refused";
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("warning cell a: its loss would stop")));
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("warning cell b: its loss would stop")));
  EXPECT_THAT(troubles(reports), Not(Contains(HasSubstr("cell c: "))));
  EXPECT_THAT(goods(reports), Not(Contains(HasSubstr("survives"))));
}

MemberReport waiting(const std::string& address) {
  MemberReport report;
  report.address = address;
  report.runs = true;
  report.unreachable = "no leader";
  EXPECT_FALSE(
      read_srvr("This ZooKeeper instance is not currently serving requests\n"
                "Peer 2: connecting\nPeer 3: connecting\n",
                report));
  return report;
}

TEST(Doctor, SaysThatThereIsNoQuorumWhereNobodyServes) {
  EXPECT_TRUE(waiting("h1:2181").is_waiting);
  EXPECT_THAT(troubles({waiting("h1:2181")}),
              Contains(HasSubstr("the ensemble has no quorum: 1 of 3 members run")));
  EXPECT_THAT(troubles({waiting("h1:2181"), waiting("h2:2181")}),
              Contains(HasSubstr("it has no leader, though 2 of 3 members run")));
  auto reports = healthy();
  reports[0].unreachable = reports[1].unreachable = "connect: refused";
  reports[2].mode = "read-only";
  EXPECT_THAT(troubles(reports),
              Contains(HasSubstr("the ensemble has no quorum: 1 of 3 voters serve")));
}

TEST(Doctor, SaysWhatIsWellToo) {
  auto reports = healthy();
  reports[1].agreement_ms = 2;
  EXPECT_THAT(goods(reports), Contains(HasSubstr("versions: all run 3.9.4-topod-0.1.0")));
  EXPECT_THAT(goods(reports), Contains(HasSubstr("disks: at least 83.8 GiB are free")));
  EXPECT_THAT(goods(reports), Contains(HasSubstr("latency: the members agree within 2.0 ms")));
  read_mntr("zk_data_disk_free_bytes\t100000000\n", reports[1]);
  EXPECT_THAT(goods(reports), Not(Contains(HasSubstr("disks"))));
}

TEST(Doctor, SaysThatNobodyLeads) {
  auto reports = healthy();
  reports[0].mode = "read-only";
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("problem the ensemble: nobody leads")));
}

TEST(Doctor, ComparesClocksBeyondWhatTheMeasurementAllows) {
  auto reports = healthy();
  reports[0].clock_ahead_ms = 3'000;
  EXPECT_THAT(troubles(reports),
              Contains(HasSubstr("warning clocks: those of the members are 3.0")));
  reports[0].clock_error_ms = 3'000;
  EXPECT_THAT(troubles(reports), IsEmpty());
}

TEST(Doctor, SaysThatADiskIsNearlyFull) {
  auto reports = healthy();
  read_mntr("zk_data_disk_free_bytes\t100000000\n", reports[1]);
  EXPECT_THAT(troubles(reports),
              Contains(HasSubstr("problem server 2 (h2:2181): its data disk has 95.4 MiB free")));
}

TEST(Doctor, SaysThatMembersDisagreeAboutTheMembers) {
  auto reports = healthy();
  reports[2].configured.pop_back();
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("problem server 3 (h3:2181): its configuration "
                                                    "has other members")));
}

TEST(Doctor, SaysThatVersionsDifferAndThatOthersAreFarAway) {
  auto reports = healthy();
  reports[0].version = "3.9.4-topod-0.2.0";
  reports[1].agreement_ms = 250;
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("warning versions: members run different")));
  EXPECT_THAT(troubles(reports), Contains(HasSubstr("the others are 250 ms away")));
}

TEST(Doctor, SaysOnceThatSessionsAreShorterThanVitessAsksFor) {
  auto reports = healthy();
  for (MemberReport& report : reports) report.conf["maxSessionTimeout"] = "20000";
  EXPECT_THAT(troubles(reports), testing::ElementsAre(HasSubstr("sessions of 20000 ms at most")));
}

TEST(Doctor, SaysThatOneServerIsOneServer) {
  MemberReport report;
  report.address = "h:2181";
  read_srvr("Zookeeper version: 3, built on x\nMode: standalone\n", report);
  read_conf("maxSessionTimeout=60000\nserverId=1\n", report);
  read_mntr("zk_uptime\t1\n", report);
  EXPECT_THAT(troubles({report}), Contains(HasSubstr("it is one server")));
}

}  // namespace
}  // namespace topod::ctl
