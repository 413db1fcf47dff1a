// The word mntr: everything that monitoring reads, one "zk_<key><TAB><value>" a line.
#include "server/admin/text.h"

namespace topod::admin {
namespace {

class Lines {
 public:
  void add(std::string_view key, std::string_view value) {
    text_.append("zk_").append(key).append("\t").append(value).append("\n");
  }
  void add(std::string_view key, int64_t value) { add(key, std::to_string(value)); }
  void add(std::string_view key, uint64_t value) { add(key, std::to_string(value)); }
  void add(std::string_view key, double value) { add(key, average_text(value)); }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_stats(Lines& lines, const ServerStats& stats) {
  lines.add("avg_latency", stats.latency.average);
  lines.add("min_latency", stats.latency.min);
  lines.add("max_latency", stats.latency.max);
  lines.add("packets_received", stats.received);
  lines.add("packets_sent", stats.sent);
  lines.add("num_alive_connections", stats.connections);
  lines.add("outstanding_requests", stats.outstanding);
  lines.add("znode_count", stats.node_count);
  if (!stats.proposals) return;
  lines.add("last_proposal_size", stats.proposals->last);
  lines.add("min_proposal_size", stats.proposals->min);
  lines.add("max_proposal_size", stats.proposals->max);
}

void add_summary(Lines& lines, const Summary& summary) {
  lines.add("avg_" + summary.name, summary.average);
  lines.add("min_" + summary.name, summary.min);
  lines.add("max_" + summary.name, summary.max);
  lines.add("cnt_" + summary.name, summary.count);
  lines.add("sum_" + summary.name, summary.sum);
  if (!summary.percentiles) return;
  lines.add("p50_" + summary.name, summary.percentiles->p50);
  lines.add("p95_" + summary.name, summary.percentiles->p95);
  lines.add("p99_" + summary.name, summary.percentiles->p99);
  lines.add("p999_" + summary.name, summary.percentiles->p999);
}

}  // namespace

std::string mntr_text(const std::string& version, const ServerStats& stats,
                      const Monitoring& monitoring) {
  Lines lines;
  lines.add("version", version);
  lines.add("server_state", name_of(stats.mode));
  if (!stats.peer_state.empty()) lines.add("peer_state", stats.peer_state);
  add_stats(lines, stats);
  for (const Gauge& gauge : monitoring.gauges) {
    std::visit([&](auto value) { lines.add(gauge.name, value); }, gauge.value);
  }
  for (const Summary& summary : monitoring.summaries) add_summary(lines, summary);
  return lines.take();
}

}  // namespace topod::admin
