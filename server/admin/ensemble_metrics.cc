// Metrics of a member's part in its ensemble, and of its disk.
#include "server/admin/metrics.h"

namespace topod::admin {

namespace {

using prometheus::MetricType;

// From one record to those of the largest batch.
constexpr MetricFamilies::Range kRecords{0, 10, 1};
constexpr MetricFamilies::Range kBytes{8, 24, 1};

double number(uint64_t value) { return static_cast<double>(value); }

std::string name_of(MemberRole role) {
  switch (role) {
    case MemberRole::kLooking: return "looking";
    case MemberRole::kStandalone: return "standalone";
    case MemberRole::kLeader: return "leader";
    case MemberRole::kFollower: return "follower";
    case MemberRole::kObserver: return "observer";
  }
  return "unknown";
}

void add_role(const EnsembleMetrics& ensemble, MetricFamilies& families) {
  families.family("topod_role", MetricType::Gauge, "1 for the role that this server has.");
  for (const MemberRole role : kMemberRoles) {
    families.add(role == ensemble.role ? 1 : 0, {{"role", name_of(role)}});
  }
  families.gauge("topod_serving", "Whether this server is up to date with a leader and serves.",
                 ensemble.is_serving ? 1 : 0);
  families.gauge("topod_votes", "Whether this server counts for a quorum.", ensemble.votes ? 1 : 0);
  families.gauge("topod_diverged", "Whether its state differs from that of the majority.",
                 ensemble.has_diverged ? 1 : 0);
  families.gauge("topod_server_id", "As myid says.", ensemble.server);
  families.gauge("topod_leader_id", "Whom it follows, itself perhaps; 0: nobody.", ensemble.leader);
  families.gauge("topod_epoch", "Number of the leader's reign.",
                 static_cast<double>(ensemble.epoch));
  families.gauge("topod_quorum_voters", "Servers that vote.", number(ensemble.quorum_size));
}

void add_broadcast(const EnsembleMetrics& ensemble, MetricFamilies& families) {
  families.counter("topod_elections_total", "Times that it began to lead or to follow.",
                   number(ensemble.elections));
  families.family("topod_election_duration_seconds", MetricType::Histogram,
                  "How long it was without a leader that takes requests.");
  families.add(ensemble.election_us, kSeconds);
  families.counter("topod_digest_mismatches_total", "States found to differ between servers.",
                   number(ensemble.mismatches));
  families.counter("topod_proposals_total", "Transactions proposed as leader.",
                   number(ensemble.proposals));
  families.counter("topod_applied_total", "Transactions applied.", number(ensemble.applied));
  families.family("topod_proposal_duration_seconds", MetricType::Histogram,
                  "From a proposal of this leader until a quorum has it on disk.");
  families.add(ensemble.proposal_us, kSeconds);
  families.family("topod_commit_duration_seconds", MetricType::Histogram,
                  "From the leader's time in a transaction until it is applied here.");
  families.add(ensemble.propagation_us, kSeconds);
  families.family("topod_syncs_total", MetricType::Counter,
                  "Followers that this leader has brought to its log, by kind.");
  families.add(number(ensemble.difference_syncs), {{"kind", "difference"}});
  families.add(number(ensemble.truncating_syncs), {{"kind", "truncation"}});
  families.add(number(ensemble.snapshot_syncs), {{"kind", "snapshot"}});
  families.gauge("topod_pending_reads",
                 "Linearizable reads that wait for a quorum to confirm this leader.",
                 number(ensemble.pending_syncs));
}

void add_learners(const EnsembleMetrics& ensemble, MetricFamilies& families) {
  const auto label = [](uint32_t server) { return std::to_string(server); };
  families.family("topod_follower_lag_transactions", MetricType::Gauge,
                  "Transactions of this leader that a follower has not on its disk.");
  for (const LearnerMetrics& learner : ensemble.learners) {
    families.add(static_cast<double>(learner.lag_transactions),
                 {{"server", label(learner.server)}});
  }
  families.family("topod_follower_unacknowledged_bytes", MetricType::Gauge,
                  "Sent to a follower and not acknowledged.");
  for (const LearnerMetrics& learner : ensemble.learners) {
    families.add(number(learner.unacknowledged_bytes), {{"server", label(learner.server)}});
  }
  families.family(
      "topod_follower_synchronised", MetricType::Gauge,
      "Whether a follower is up to date with this leader, and how it was brought there.");
  for (const LearnerMetrics& learner : ensemble.learners) {
    families.add(learner.is_synchronised ? 1 : 0,
                 {{"server", label(learner.server)}, {"kind", learner.sync}});
  }
}

void add_peers(const EnsembleMetrics& ensemble, MetricFamilies& families) {
  const auto each = [&](std::string name, MetricType type, std::string_view help, auto value) {
    families.family(std::move(name), type, help);
    for (const PeerMetrics& peer : ensemble.peers) {
      families.add(value(peer), {{"server", std::to_string(peer.server)}});
    }
  };
  each("topod_peer_linked", MetricType::Gauge, "Whether there is a link to that member.",
       [](const PeerMetrics& peer) { return peer.is_linked ? 1.0 : 0.0; });
  each("topod_peer_links_total", MetricType::Counter, "Links made to that member.",
       [](const PeerMetrics& peer) { return number(peer.links); });
  each("topod_peer_received_bytes_total", MetricType::Counter, "Received from that member.",
       [](const PeerMetrics& peer) { return number(peer.bytes_received); });
  each("topod_peer_sent_bytes_total", MetricType::Counter, "Sent to that member.",
       [](const PeerMetrics& peer) { return number(peer.bytes_sent); });
  each("topod_peer_queued_bytes", MetricType::Gauge, "Waiting to be sent to that member.",
       [](const PeerMetrics& peer) { return number(peer.queued_bytes); });
}

}  // namespace

void add_ensemble_metrics(const EnsembleMetrics& ensemble, MetricFamilies& families) {
  add_role(ensemble, families);
  add_broadcast(ensemble, families);
  add_learners(ensemble, families);
  add_peers(ensemble, families);
}

void add_storage_metrics(const StorageMetrics& storage, MetricFamilies& families) {
  families.family("topod_log_flush_duration_seconds", MetricType::Histogram,
                  "Writing a batch of records to the log, until it is on the disk.");
  families.add(storage.flush_us, kSeconds);
  families.family("topod_log_batch_records", MetricType::Histogram, "Records of one flush.");
  families.add(storage.flush_records, kRecords);
  families.family("topod_log_batch_bytes", MetricType::Histogram, "Bytes of one flush.");
  families.add(storage.flush_bytes, kBytes);
  families.gauge("topod_log_queued_bytes", "Records not on the disk yet.",
                 number(storage.log_queued_bytes));
  families.gauge("topod_no_disk_space", "Whether writes are refused for want of disk space.",
                 storage.has_no_space ? 1 : 0);
  families.family("topod_checkpoint_duration_seconds", MetricType::Histogram,
                  "Bringing the tree at rest up to date.");
  families.add(storage.checkpoint_us, kSeconds);
  families.gauge("topod_checkpoint_age_seconds",
                 "For how long the oldest change waits that the tree at rest does not have.",
                 static_cast<double>(storage.checkpoint_age_ms) * 1e-3);
  families.gauge("topod_checkpoint_pending_changes", "Changes that no checkpoint holds yet.",
                 number(storage.checkpoint_pending_changes));
  families.gauge("topod_checkpoint_pending_bytes", "The same in bytes.",
                 number(storage.checkpoint_pending_bytes));
  families.gauge("topod_store_used_bytes", "Of the tree at rest (LMDB), free pages included.",
                 number(storage.tree_used_bytes));
  families.gauge("topod_store_map_bytes", "How far it may grow before its map is made larger.",
                 number(storage.tree_map_bytes));
}

}  // namespace topod::admin
