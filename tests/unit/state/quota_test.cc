#include "server/state/quota.h"

#include <gtest/gtest.h>

#include "tests/unit/state/state_driver.h"

namespace topod::state {
namespace {

using enum ErrorCode;

TEST(QuotaText, LimitsAreReadInBothFormats) {
  EXPECT_EQ(parse_quota_limits("count=5,bytes=-1"), (QuotaLimits{5, -1, -1, -1}));
  EXPECT_EQ(parse_quota_limits("count=5,bytes=6=;byteHardLimit=8;countHardLimit=7"),
            (QuotaLimits{5, 6, 7, 8}));
  EXPECT_EQ(parse_quota_limits("bytes=6"), (QuotaLimits{-1, 6, -1, -1}));
  EXPECT_EQ(parse_quota_limits(""), QuotaLimits{});
  EXPECT_EQ(parse_quota_limits("count=x,bytes="), QuotaLimits{});
  EXPECT_EQ(parse_quota_limits("discount=5"), QuotaLimits{});
  EXPECT_EQ(parse_quota_limits("count=99999999999999999999"), QuotaLimits{});
}

TEST(QuotaText, UsageIsWrittenAsClientsReadIt) {
  EXPECT_EQ(format_quota_usage({2, 7}), "count=2,bytes=7");
}

TEST(QuotaJudgement, HardLimitTakesThePlaceOfTheSoftOne) {
  const Quota quota{{.count = 1, .bytes = 5, .count_hard = 4, .bytes_hard = -1}, {3, 5}};
  EXPECT_EQ(judge(quota, {1, 0}), QuotaVerdict::kWithin);
  EXPECT_EQ(judge(quota, {2, 0}), QuotaVerdict::kOverHardLimit);
  EXPECT_EQ(judge(quota, {0, 1}), QuotaVerdict::kOverSoftLimit);
  EXPECT_EQ(judge(quota, {2, 1}), QuotaVerdict::kOverHardLimit);
  EXPECT_EQ(judge(quota, {0, -1}), QuotaVerdict::kWithin);
  EXPECT_EQ(judge({{.count_hard = 1}, {9, 0}}, {0, 5}), QuotaVerdict::kWithin);
}

class QuotaTest : public testing::Test, protected StateDriver {
 protected:
  void set_quota(const std::string& path, std::string_view limits) {
    std::string directory = "/zookeeper/quota";
    size_t begin = 0;
    while (begin < path.size()) {
      const size_t end = std::min(path.find('/', begin + 1), path.size());
      directory += path.substr(begin, end - begin);
      if (!exists(directory)) {
        ASSERT_EQ(write(create(directory)), kOk);
      }
      begin = end;
    }
    ASSERT_EQ(write(create(directory + "/zookeeper_limits", limits)), kOk);
    ASSERT_EQ(write(create(directory + "/zookeeper_stats", "count=0,bytes=0")), kOk);
  }
  std::string usage(const std::string& path) {
    return data("/zookeeper/quota" + path + "/zookeeper_stats");
  }
  ErrorCode create_bytes(std::string_view path, size_t bytes) {
    return write(create(path, std::string(bytes, 'x')));
  }
};

TEST_F(QuotaTest, UsageStartsWithWhatIsThereAndFollowsIt) {
  ASSERT_EQ(create_bytes("/q", 1), kOk);
  ASSERT_EQ(create_bytes("/q/a", 10), kOk);
  ASSERT_EQ(create_bytes("/q2", 10), kOk);
  set_quota("/q", "count=100,bytes=100");
  EXPECT_EQ(usage("/q"), "count=2,bytes=11");
  ASSERT_EQ(create_bytes("/q/a/b", 5), kOk);
  EXPECT_EQ(usage("/q"), "count=3,bytes=16");
  ASSERT_EQ(write(set_data("/q/a", "x")), kOk);
  EXPECT_EQ(usage("/q"), "count=3,bytes=7");
  ASSERT_EQ(write(remove("/q/a/b")), kOk);
  EXPECT_EQ(usage("/q"), "count=2,bytes=2");
  ASSERT_EQ(create_bytes("/q2/a", 5), kOk);
  EXPECT_EQ(usage("/q"), "count=2,bytes=2");
}

TEST_F(QuotaTest, StatsChangeSilently) {
  ASSERT_EQ(write(create("/q")), kOk);
  set_quota("/q", "count=100,bytes=100");
  Stat before = stat("/zookeeper/quota/q/zookeeper_stats");
  const NodeId stats = fields("/zookeeper/quota/q/zookeeper_stats").id;
  state.changes.clear();
  ASSERT_EQ(create_bytes("/q/a", 100), kOk);
  EXPECT_EQ(effects.events.size(), 2u);
  before.data_length = 17;
  EXPECT_EQ(usage("/q"), "count=2,bytes=100");
  EXPECT_EQ(stat("/zookeeper/quota/q/zookeeper_stats"), before);
  EXPECT_EQ(std::count(state.changes.nodes.begin(), state.changes.nodes.end(), stats), 1);
}

TEST_F(QuotaTest, ClientsCannotForgeTheUsage) {
  ASSERT_EQ(write(create("/q")), kOk);
  set_quota("/q", "count=100,bytes=100");
  ASSERT_EQ(write(set_data("/zookeeper/quota/q/zookeeper_stats", "count=99,bytes=1")), kOk);
  EXPECT_EQ(usage("/q"), "count=1,bytes=0");
}

TEST_F(QuotaTest, HardLimitsHoldWhereTheyAreEnforced) {
  enforce_quota = true;
  ASSERT_EQ(write(create("/q")), kOk);
  set_quota("/q", "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3");
  ASSERT_EQ(create_bytes("/q/a", 10), kOk);
  EXPECT_EQ(create_bytes("/q/b", 1), kQuotaExceeded);
  EXPECT_EQ(write(set_data("/q", "x")), kQuotaExceeded);
  EXPECT_EQ(write(set_data("/q/a", "12345678901", 7)), kQuotaExceeded);
  EXPECT_EQ(write(set_data("/q/a", "1", 7)), kBadVersion);
  ASSERT_EQ(write(set_data("/q/a", "1")), kOk);
  ASSERT_EQ(create_bytes("/q/b", 1), kOk);
  EXPECT_EQ(create_bytes("/q/c", 0), kQuotaExceeded);
  enforce_quota = false;
  EXPECT_EQ(create_bytes("/q/c", 100), kOk);
}

TEST_F(QuotaTest, ChangedLimitsHoldAtOnce) {
  enforce_quota = true;
  ASSERT_EQ(write(create("/q")), kOk);
  set_quota("/q", "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1");
  EXPECT_EQ(create_bytes("/q/a", 0), kQuotaExceeded);
  ASSERT_EQ(write(set_data("/zookeeper/quota/q/zookeeper_limits", "countHardLimit=2")), kOk);
  EXPECT_EQ(create_bytes("/q/a", 0), kOk);
}

TEST_F(QuotaTest, PathThatDoesNotExistYetCanHaveAQuota) {
  enforce_quota = true;
  set_quota("/q/later", "count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=2");
  EXPECT_EQ(usage("/q/later"), "count=0,bytes=0");
  ASSERT_EQ(write(create("/q")), kOk);
  EXPECT_EQ(create_bytes("/q/later", 6), kQuotaExceeded);
  ASSERT_EQ(create_bytes("/q/later", 5), kOk);
  EXPECT_EQ(usage("/q/later"), "count=1,bytes=5");
}

TEST_F(QuotaTest, SoftLimitsAreCounted) {
  ASSERT_EQ(write(create("/q")), kOk);
  set_quota("/q", "count=1,bytes=1");
  ASSERT_EQ(create_bytes("/q/a", 0), kOk);
  EXPECT_EQ(state.soft_quota_excesses, 1u);
  ASSERT_EQ(write(multi({create("/q/b"), check("/", 99)})), kOk);
  EXPECT_EQ(state.soft_quota_excesses, 1u);
}

TEST_F(QuotaTest, ZnodeCountsForTheNearestQuotaAlone) {
  ASSERT_EQ(create_bytes("/q", 1), kOk);
  ASSERT_EQ(create_bytes("/q/in", 2), kOk);
  ASSERT_EQ(create_bytes("/q/in/x", 4), kOk);
  set_quota("/q", "count=100,bytes=100");
  EXPECT_EQ(usage("/q"), "count=3,bytes=7");
  set_quota("/q/in", "count=100,bytes=100");
  EXPECT_EQ(usage("/q"), "count=1,bytes=1");
  EXPECT_EQ(usage("/q/in"), "count=2,bytes=6");
  ASSERT_EQ(create_bytes("/q/in/y", 8), kOk);
  EXPECT_EQ(usage("/q"), "count=1,bytes=1");
  EXPECT_EQ(usage("/q/in"), "count=3,bytes=14");
  ASSERT_EQ(write(remove("/zookeeper/quota/q/in/zookeeper_limits")), kOk);
  EXPECT_EQ(usage("/q"), "count=4,bytes=15");
  EXPECT_EQ(usage("/q/in"), "count=3,bytes=14");
}

TEST_F(QuotaTest, RootAndZookeeperCannotHaveOne) {
  ASSERT_EQ(write(create("/zookeeper/quota/zookeeper_limits", "countHardLimit=1")), kOk);
  set_quota("/zookeeper", "countHardLimit=1");
  EXPECT_TRUE(state.quotas.empty());
  enforce_quota = true;
  EXPECT_EQ(create_bytes("/a", 1), kOk);
}

TEST_F(QuotaTest, FailedMultiThatMadeAQuotaRestoresAnOlderStatsNode) {
  ASSERT_EQ(write(create("/zookeeper/quota/q")), kOk);
  ASSERT_EQ(write(create("/zookeeper/quota/q/zookeeper_stats", "older text")), kOk);
  ASSERT_EQ(write(multi({create("/zookeeper/quota/q/zookeeper_limits", "count=5"), create("/q"),
                         check("/", 99)})),
            kOk);
  EXPECT_TRUE(state.quotas.empty());
  EXPECT_EQ(usage("/q"), "older text");
}

TEST_F(QuotaTest, SubjectOfAQuotaIsNamedByItsDirectory) {
  ASSERT_EQ(write(create("/q")), kOk);
  set_quota("/q/deep", "count=5");
  const NodeSlot directory = state.tree.find("/zookeeper/quota/q/deep");
  EXPECT_EQ(Quotas::subject_path(state.tree, directory), "/q/deep");
  EXPECT_EQ(state.quotas.find(state.tree.fields(directory).id)->limits.count, 5);
}

}  // namespace
}  // namespace topod::state
