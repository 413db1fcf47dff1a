// A server as the samples of ZooKeeper 3.8's answers show one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/admin/view.h"
#include "server/node/version.h"

namespace topod::admin {

inline ServerStats sample_stats() {
  ServerStats stats;
  stats.latency = {1, 13.16666, 53};
  stats.received = 14;
  stats.sent = 13;
  stats.connections = 3;
  stats.zxid = Zxid(4);
  stats.node_count = 7;
  return stats;
}

inline std::vector<ConnectionInfo> sample_connections() {
  ConnectionInfo asking;
  asking.peer = "127.0.0.1:53164";
  asking.received = 1;
  ConnectionInfo client;
  client.peer = "127.0.0.1:53070";
  client.interest_bits = 1;
  client.received = 3;
  client.sent = 3;
  client.session = ConnectionInfo::Session{SessionId(0x10000340c0b0001),
                                           OpCode::kGetChildren2,
                                           1795415309029,
                                           10'000,
                                           2,
                                           4,
                                           3412486,
                                           1,
                                           0,
                                           3,
                                           7};
  return {asking, client};
}

class SampleSource : public AdminSource {
 public:
  bool serving = true;
  bool read_only = false;
  bool stopping = false;
  std::optional<EnsembleStatus> status;

  [[nodiscard]] bool is_serving() const override { return serving; }
  [[nodiscard]] bool is_read_only() const override { return read_only; }
  [[nodiscard]] bool is_stopping() const override { return stopping; }
  [[nodiscard]] int64_t trace_mask() const override { return 306; }
  [[nodiscard]] std::string version() const override {
    return std::string(node::protocol_version());
  }
  [[nodiscard]] ServerStats server_stats() const override { return sample_stats(); }
  [[nodiscard]] std::optional<EnsembleStatus> ensemble_status() const override { return status; }
  [[nodiscard]] ZabStatus zab_status() const override {
    ZabStatus zab;
    zab.server = zab.leader = 1;
    zab.is_leader = zab.votes = true;
    zab.phase = "broadcast";
    zab.members = {{1, "zk1", {"zk1:2888"}, {"zk1:3888"}, "zk1:2181", false},
                   {2, "zk2", {"zk2:2888"}, {"zk2:3888"}, "zk2:2181", true}};
    zab.synced_observers = {2};
    zab.checkpoint_zxid = Zxid(0x1f);
    zab.checkpoint_at_ms = 1795415326000;
    return zab;
  }
  [[nodiscard]] std::vector<ConnectionInfo> connections() const override {
    return sample_connections();
  }
  [[nodiscard]] Settings settings() const override {
    Settings settings;
    settings.client_port = 2181;
    settings.data_dir = settings.log_dir = "/var/lib/topod";
    settings.sizes = directory_sizes();
    settings.tick_time_ms = 2'000;
    settings.max_connections_per_address = 60;
    settings.min_session_timeout_ms = 4'000;
    settings.max_session_timeout_ms = 40'000;
    settings.server_id = 1;
    return settings;
  }
  [[nodiscard]] DirectorySizes directory_sizes() const override { return {67109337, 67109338}; }
  [[nodiscard]] Environment environment() const override {
    return {"localhost", "Linux", "amd64", "6.1.0", "topod", "/home/topod", "/", {198, 247}};
  }
  [[nodiscard]] SessionsDump sessions() const override {
    SessionsDump dump;
    dump.expiring_at_ms[1795415319000] = {SessionId(0x10000340c0b0000),
                                          SessionId(0x10000340c0b0001)};
    return dump;
  }
  [[nodiscard]] ConnectionsDump connection_expiry() const override {
    ConnectionsDump dump;
    dump.expiring_at_ms[1795415326000] = {{"127.0.0.1:53104", SessionId(0)},
                                          {"127.0.0.1:53070", SessionId(0x10000340c0b0001)}};
    return dump;
  }
  [[nodiscard]] std::map<SessionId, std::vector<std::string>> ephemerals() const override {
    return {{SessionId(0x10000340c0b0000), {"/e1"}}};
  }
  [[nodiscard]] WatchSummary watch_summary() const override { return {1, 1, 1}; }
  [[nodiscard]] std::map<std::string, std::set<SessionId>> watches_by_path() const override {
    return {{"/a", {SessionId(0x10000340c0b0001)}}};
  }
  [[nodiscard]] std::vector<DigestEntry> digest_log() const override {
    return {{Zxid(0x80), 55156810721}};
  }
  [[nodiscard]] Monitoring monitoring() const override {
    Monitoring monitoring;
    monitoring.gauges = {{"ephemerals_count", int64_t{1}}, {"connection_drop_probability", 0.0}};
    monitoring.summaries = {{"fsynctime", 1.5, 0, 9, 4, 6, std::nullopt},
                            {"readlatency", 0.25, 0, 1, 4, 1, Summary::Percentiles{0, 1, 1, 1}}};
    return monitoring;
  }
};

}  // namespace topod::admin
