// Everything that the metrics tell, as plain values: the loop fills one in and hands it over, the
// exposer's thread makes text of it. Durations are in microseconds where a histogram holds them,
// else as their names say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/codes.h"
#include "proto/histogram.h"
#include "proto/ids.h"
#include "server/admin/view.h"

namespace topod::admin {

// "leader" is who leads an established quorum, "standalone" a quorum of one.
enum class MemberRole { kLooking, kStandalone, kLeader, kFollower, kObserver };
inline constexpr MemberRole kMemberRoles[] = {MemberRole::kLooking, MemberRole::kStandalone,
                                              MemberRole::kLeader, MemberRole::kFollower,
                                              MemberRole::kObserver};

struct OperationMetrics {
  OpCode op = OpCode::kError;
  Histogram latency_us;
  uint64_t errors = 0;
};

// One that follows, as its leader sees it.
struct LearnerMetrics {
  uint32_t server = 0;
  int64_t lag_transactions = 0;
  uint64_t unacknowledged_bytes = 0;
  bool is_synchronised = false;
  std::string sync;  // difference, truncation, snapshot, none
};

struct PeerMetrics {
  uint32_t server = 0;
  bool is_linked = false;
  uint64_t links = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t queued_bytes = 0;
};

// By client address or path prefix.
struct LoadMetrics {
  std::string name;
  uint64_t requests = 0;
  uint64_t bytes = 0;
  uint64_t connections = 0;  // now; of addresses only
};

struct LockMetrics {
  std::string path;
  Histogram wait_us;
  Histogram hold_us;
  uint64_t released = 0;
  uint64_t lost = 0;
  uint64_t given_up = 0;
  uint64_t holders = 0;  // now, as the others below
  uint64_t waiters = 0;
  int64_t longest_wait_us = 0;
  int64_t longest_hold_us = 0;
};

struct EnsembleMetrics {
  MemberRole role = MemberRole::kLooking;
  bool is_serving = false;
  bool votes = false;
  bool has_diverged = false;
  uint32_t server = 0;
  uint32_t leader = 0;  // 0: none
  int64_t epoch = 0;
  uint64_t quorum_size = 0;
  uint64_t elections = 0;
  Histogram election_us;
  uint64_t mismatches = 0;
  uint64_t proposals = 0;
  uint64_t applied = 0;
  Histogram proposal_us;
  Histogram propagation_us;
  uint64_t difference_syncs = 0;
  uint64_t truncating_syncs = 0;
  uint64_t snapshot_syncs = 0;
  uint64_t pending_syncs = 0;
  std::vector<LearnerMetrics> learners;
  std::vector<PeerMetrics> peers;
};

struct StorageMetrics {
  Histogram flush_us;
  Histogram flush_records;
  Histogram flush_bytes;
  uint64_t log_queued_bytes = 0;
  Histogram checkpoint_us;
  int64_t checkpoint_age_ms = 0;
  uint64_t checkpoint_pending_changes = 0;
  uint64_t checkpoint_pending_bytes = 0;
  uint64_t tree_used_bytes = 0;
  uint64_t tree_map_bytes = 0;
  bool has_no_space = false;
};

struct MetricsView {
  int64_t uptime_ms = 0;
  ServerStats stats;
  Monitoring monitoring;  // without what takes long to find out

  std::vector<OperationMetrics> operations;                // that were asked at least once
  std::vector<std::pair<std::string, uint64_t>> refusals;  // by reason
  uint64_t outstanding_requests = 0;
  uint64_t outstanding_bytes = 0;
  uint64_t requests_in_flight = 0;
  uint64_t unsent_bytes = 0;
  uint64_t connections = 0;
  uint64_t connections_accepted = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t sessions = 0;
  uint64_t sessions_begun = 0;
  uint64_t sessions_lost = 0;
  uint64_t watches = 0;
  uint64_t watch_events = 0;
  uint64_t znodes = 0;
  uint64_t ephemerals = 0;
  uint64_t data_bytes = 0;
  int64_t zxid = 0;

  EnsembleMetrics ensemble;
  StorageMetrics storage;
  std::vector<LoadMetrics> by_address;
  std::vector<LoadMetrics> by_path;
  std::vector<LockMetrics> locks;
  uint64_t locks_not_followed = 0;
};

}  // namespace topod::admin
