#include "server/admin/metrics.h"

#include <gmock/gmock.h>
#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

#include <ctime>
#include <set>

#include "server/admin/metrics_exposer.h"

namespace topod::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

// One of everything, so that no family is left out.
MetricsView sample_view() {
  MetricsView view;
  view.uptime_ms = 1'500;
  view.znodes = view.stats.node_count = 7;
  view.stats.proposals = ProposalSizes{1, 1, 1};
  view.monitoring.gauges = {{"watch_count", int64_t{3}},
                            {"connection_rejected", int64_t{2}},
                            {"learner_lag_3", int64_t{5}}};
  OperationMetrics get;
  get.op = OpCode::kGetData;
  get.latency_us.add(100);
  get.latency_us.add(40'000'000);
  get.errors = 1;
  OperationMetrics set;
  set.op = OpCode::kSetData;
  set.latency_us.add(5'000);
  view.operations = {get, set};
  view.refusals = {{"bad_frame", 4}};
  view.by_address = {{"other", 0, 0, 0}, {"10.0.0.1", 3, 300, 1}};
  view.by_path = {{"/vitess/zone1/\"odd\"\n", 3, 300, 0}};
  LockMetrics lock;
  lock.path = "/l";
  lock.wait_us.add(1'000'000);
  lock.lost = 1;
  view.locks = {lock};
  view.ensemble.role = MemberRole::kLeader;
  view.ensemble.learners = {{.server = 3,
                             .lag_transactions = 5,
                             .unacknowledged_bytes = 10,
                             .is_synchronised = true,
                             .sync = "snapshot"}};
  view.ensemble.peers = {{.server = 3, .is_linked = true}};
  view.storage.flush_us.add(3'000);
  return view;
}

std::string text_of(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.Collect());
}

class MetricsTest : public testing::Test {
 protected:
  Metrics metrics_{[] { return std::optional(sample_view()); }};
};

TEST_F(MetricsTest, NamesAreValidAndNoneIsTwice) {
  std::set<std::string> names;
  for (const auto& family : metrics_.Collect()) {
    EXPECT_TRUE(prometheus::CheckMetricName(family.name)) << family.name;
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    const bool is_ours = family.name.starts_with("topod_");
    if (is_ours && family.type == prometheus::MetricType::Counter) {
      EXPECT_TRUE(family.name.ends_with("_total")) << family.name;
    }
    std::set<std::vector<prometheus::ClientMetric::Label>> labels;
    for (const auto& metric : family.metric) {
      EXPECT_TRUE(labels.insert(metric.label).second) << family.name;
    }
  }
}

TEST_F(MetricsTest, ValuesStandUnderTheirLabels) {
  const std::string text = text_of(metrics_);
  for (const char* line :
       {"topod_requests_total{operation=\"getData\"} 2\n",
        "topod_request_errors_total{operation=\"getData\"} 1\n",
        "topod_refusals_total{reason=\"bad_frame\"} 4\n", "topod_role{role=\"leader\"} 1\n",
        "topod_role{role=\"follower\"} 0\n", "topod_follower_lag_transactions{server=\"3\"} 5\n",
        "topod_follower_synchronised{server=\"3\",kind=\"snapshot\"} 1\n",
        "topod_client_connections{address=\"10.0.0.1\"} 1\n",
        "topod_lock_ends_total{path=\"/l\",end=\"lost\"} 1\n", "topod_uptime_seconds 1.5\n",
        "topod_loop_answered 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MetricsTest, WhatClientsHaveNamedCannotBreakTheText) {
  EXPECT_THAT(text_of(metrics_),
              HasSubstr("topod_path_requests_total{path=\"/vitess/zone1/\\\"odd\\\"\\n\"} 3\n"));
}

TEST_F(MetricsTest, AHistogramIsInSecondsAndWhatIsBeyondItsBucketsIsInTheLast) {
  const std::string text = text_of(metrics_);
  const std::string of_get = "topod_request_duration_seconds";
  EXPECT_THAT(text, HasSubstr(of_get + "_bucket{operation=\"getData\",le=\"6.4e-05\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(of_get + "_bucket{operation=\"getData\",le=\"0.000128\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(of_get + "_bucket{operation=\"getData\",le=\"16.777216\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(of_get + "_bucket{operation=\"getData\",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(of_get + "_sum{operation=\"getData\"} 40.0001\n"));
}

TEST_F(MetricsTest, NamesOfZooKeepersDashboardsAreThereWithoutOurOwnAmongThem) {
  const std::string text = text_of(metrics_);
  for (const char* line :
       {"\nznode_count 7\n", "\nwatch_count 3\n", "\nconnection_rejected 2\n",
        "\nreadlatency_count 2\n", "\nupdatelatency{quantile=\"0.99\"} 8.192\n",
        "\nfsynctime_sum 3\n", "\nelection_time_count 0\n", "\nopen_file_descriptor_count "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("learner_lag_3")));
}

TEST_F(MetricsTest, ALoopThatDoesNotAnswerIsToldAndTheProcessStillShown) {
  const Metrics metrics([]() -> std::optional<MetricsView> { return std::nullopt; });
  const std::string text = text_of(metrics);
  EXPECT_THAT(text, HasSubstr("topod_loop_answered 0\n"));
  EXPECT_THAT(text, HasSubstr("topod_build_info{"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(text, Not(HasSubstr("topod_znodes")));
}

TEST_F(MetricsTest, TheProcessIsThisOne) {
  const ProcessFigures process = read_process();
  EXPECT_GT(process.resident_bytes, 100'000);
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(process.start_seconds, now + 1);
  EXPECT_GT(process.start_seconds, now - 3'600);
  EXPECT_EQ(process.start_seconds, read_process().start_seconds);
  EXPECT_GE(process.threads, 1U);
  EXPECT_GE(process.open_files, 3U);
  EXPECT_GE(process.open_files_max, process.open_files);
}

TEST_F(MetricsTest, APortThatIsTakenIsAnError) {
  const auto ask = [] { return std::optional(sample_view()); };
  const auto first = MetricsExposer::start("127.0.0.1", 0, ask);
  ASSERT_TRUE(first) << first.error();
  EXPECT_NE((*first)->port(), 0);
  const auto second = MetricsExposer::start("127.0.0.1", (*first)->port(), ask);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("cannot serve HTTP"));
}

}  // namespace
}  // namespace topod::admin
