// What a server's configuration means to the replica. Resolved into log entries where evaluation
// depends on it; evaluation itself never reads it. Times in milliseconds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "proto/limits.h"
#include "server/state/acl.h"

namespace topod::zab {

// A server of the ensemble.
struct PeerConfig {
  ServerId id;
  bool observer = false;
  uint32_t weight = 1;
  uint32_t group = 0;
};

struct ReplicaConfig {
  ServerId self;
  InstanceId instance{};      // of the data directory
  EnsembleId fresh_ensemble;  // drawn at random: the id if this server founds an ensemble
  // All servers, this one too, in ascending order; empty: this one alone.
  std::vector<PeerConfig> members;

  int64_t init_limit_ms = limits::kInitLimitTicks * limits::kTickTimeMs;
  int64_t sync_limit_ms = limits::kSyncLimitTicks * limits::kTickTimeMs;
  int64_t failover_hold_ms = limits::kFailoverHoldMs;
  bool read_only_enabled = false;  // "readonlymode.enabled"
  int32_t tick_ms = limits::kTickTimeMs;
  int32_t min_session_timeout_ms = limits::kMinSessionTimeoutTicks * limits::kTickTimeMs;
  int32_t max_session_timeout_ms = limits::kMaxSessionTimeoutTicks * limits::kTickTimeMs;

  // What /zookeeper/config holds here; empty: what the state holds, which is nothing.
  std::string config_node_data;
  state::AuthenticationConfig authentication;
  bool skip_acl = false;
  bool enforce_quota = false;
  bool ttl_nodes_enabled = true;
  // Connections without an id of one of these schemes may only authenticate, ping and close;
  // empty: everybody may ask ("enforce.auth.schemes").
  std::vector<std::string> required_schemes;

  // A connection whose unsent replies of one turn exceed this is closed.
  size_t max_unsent_bytes = limits::kUnsentCloseBytes;
  uint32_t watch_limit_per_connection = limits::kMaxWatchesPerConnection;
  int64_t container_check_interval_ms = limits::kContainerCheckIntervalMs;
  int32_t container_max_per_minute = limits::kContainerMaxPerMinute;
  int64_t container_max_never_used_ms = limits::kContainerMaxNeverUsedMs;

  // Between the heartbeats of a leader.
  [[nodiscard]] int64_t heartbeat_ms() const {
    return std::clamp<int64_t>(tick_ms / 4, limits::kHeartbeatMinMs, limits::kHeartbeatMaxMs);
  }
};

}  // namespace topod::zab
