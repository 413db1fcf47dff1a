// The metrics that have a name in ZooKeeper 3.9 and mean the same here, under that name: without a
// prefix, counters without _total, times in milliseconds. For dashboards and alerts that exist.
#include <algorithm>
#include <span>
#include <string_view>

#include "proto/codes.h"
#include "server/admin/metrics.h"

namespace topod::admin {

namespace {

using prometheus::MetricType;

// Of what mntr tells.
constexpr std::string_view kGauges[] = {"watch_count",
                                        "ephemerals_count",
                                        "approximate_data_size",
                                        "max_file_descriptor_count",
                                        "global_sessions",
                                        "local_sessions",
                                        "non_mtls_local_conn_count",
                                        "non_mtls_remote_conn_count",
                                        "outstanding_tls_handshake",
                                        "connection_drop_probability",
                                        "last_client_response_size",
                                        "max_client_response_size",
                                        "min_client_response_size",
                                        "auth_failed_count",
                                        "uptime",
                                        "quorum_size",
                                        "leader_uptime",
                                        "learners",
                                        "synced_followers",
                                        "synced_non_voting_followers",
                                        "synced_observers",
                                        "pending_syncs"};
constexpr std::string_view kCounters[] = {
    "connection_request_count", "connection_rejected",     "bytes_received_count",
    "response_bytes",           "large_requests_rejected", "sessionless_connections_expired",
    "digest_mismatches_count"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr const char* kHelp = "As in ZooKeeper.";

double number(uint64_t value) { return static_cast<double>(value); }

void add_mntr(const MetricsView& view, MetricFamilies& families) {
  const ServerStats& stats = view.stats;
  families.gauge("avg_latency", kHelp, stats.latency.average);
  families.gauge("min_latency", kHelp, static_cast<double>(stats.latency.min));
  families.gauge("max_latency", kHelp, static_cast<double>(stats.latency.max));
  families.gauge("packets_received", kHelp, number(stats.received));
  families.gauge("packets_sent", kHelp, number(stats.sent));
  families.gauge("num_alive_connections", kHelp, number(stats.connections));
  families.gauge("outstanding_requests", kHelp, number(stats.outstanding));
  families.gauge("znode_count", kHelp, number(stats.node_count));
  if (stats.proposals) {
    families.gauge("last_proposal_size", kHelp, static_cast<double>(stats.proposals->last));
    families.gauge("min_proposal_size", kHelp, static_cast<double>(stats.proposals->min));
    families.gauge("max_proposal_size", kHelp, static_cast<double>(stats.proposals->max));
  }
  for (const Gauge& gauge : view.monitoring.gauges) {
    const double value =
        std::visit([](auto held) { return static_cast<double>(held); }, gauge.value);
    if (is_one_of(kGauges, gauge.name)) families.gauge(gauge.name, kHelp, value);
    if (is_one_of(kCounters, gauge.name)) families.counter(gauge.name, kHelp, value);
  }
}

void add_summary(const char* name, const Histogram& histogram, double unit,
                 std::initializer_list<double> parts, MetricFamilies& families) {
  families.family(name, MetricType::Summary, kHelp);
  MetricFamilies::Summary summary{
      histogram.count(), static_cast<double>(histogram.sum()) * unit, {}};
  for (const double part : parts) {
    summary.quantiles.push_back({part, static_cast<double>(histogram.quantile(part)) * unit});
  }
  families.add(std::move(summary));
}

}  // namespace

void add_zookeeper_metrics(const MetricsView& view, uint64_t open_files, MetricFamilies& families) {
  add_mntr(view, families);
  families.gauge("open_file_descriptor_count", kHelp, number(open_files));
  const EnsembleMetrics& ensemble = view.ensemble;
  families.counter("looking_count", kHelp, number(ensemble.elections));
  families.counter("proposal_count", kHelp, number(ensemble.proposals));
  families.counter("commit_count", kHelp, number(ensemble.applied));
  families.counter("diff_count", kHelp,
                   number(ensemble.difference_syncs + ensemble.truncating_syncs));
  families.counter("snap_count", kHelp, number(ensemble.snapshot_syncs));
  families.counter("stale_sessions_expired", kHelp, number(view.sessions_lost));

  constexpr double kMs = 1e-3;
  Histogram reads;
  Histogram updates;
  for (const OperationMetrics& operation : view.operations) {
    (is_write(operation.op) ? updates : reads) += operation.latency_us;
  }
  add_summary("readlatency", reads, kMs, {0.5, 0.95, 0.99, 0.999}, families);
  add_summary("updatelatency", updates, kMs, {0.5, 0.95, 0.99, 0.999}, families);
  add_summary("proposal_latency", ensemble.proposal_us, kMs, {0.5, 0.95, 0.99, 0.999}, families);
  add_summary("propagation_latency", ensemble.propagation_us, kMs, {0.5, 0.95, 0.99, 0.999},
              families);
  add_summary("fsynctime", view.storage.flush_us, kMs, {0.5}, families);
  add_summary("snapshottime", view.storage.checkpoint_us, kMs, {0.5}, families);
  add_summary("election_time", ensemble.election_us, kMs, {0.5}, families);
  add_summary("sync_processor_batch_size", view.storage.flush_records, 1, {0.5}, families);
}

}  // namespace topod::admin
