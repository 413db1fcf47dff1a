#include "server/node/metrics_source.h"

#include <algorithm>

#include "server/node/ensemble_view.h"

namespace topod::node {

namespace {

using admin::MemberRole;
using zab::Learner;

// In the words of a label, which name_of's sentences are too long for. Null: nobody was refused.
const char* refusal_of(zab::CloseReason reason) {
  using zab::CloseReason;
  switch (reason) {
    case CloseReason::kNone:
    case CloseReason::kClosedByClient: return nullptr;
    case CloseReason::kMalformedConnect: return "malformed_connect";
    case CloseReason::kMalformedRequest: return "malformed_request";
    case CloseReason::kZxidAhead: return "client_ahead";
    case CloseReason::kSessionRefused: return "session_unknown";
    case CloseReason::kSessionMoved: return "session_moved";
    case CloseReason::kSessionExpired: return "session_expired";
    case CloseReason::kUnknownOperation: return "unknown_operation";
    case CloseReason::kAuthenticationFailed: return "authentication_failed";
    case CloseReason::kAuthenticationRequired: return "authentication_required";
    case CloseReason::kNoLogSpace: return "no_disk_space";
    case CloseReason::kTooMuchUnsent: return "too_much_unsent";
    case CloseReason::kNoQuorum: return "no_quorum";
    case CloseReason::kDiverged: return "diverged";
    case CloseReason::kReadOnlyEnds: return "read_only_ends";
    case CloseReason::kSnapshotInstalled: return "snapshot_installed";
  }
  return nullptr;
}

const char* name_of(Learner::Sync sync) {
  switch (sync) {
    case Learner::Sync::kNone: return "none";
    case Learner::Sync::kDifference: return "difference";
    case Learner::Sync::kTruncation: return "truncation";
    case Learner::Sync::kSnapshot: return "snapshot";
  }
  return "none";
}

MemberRole role_of(const Config& config, const zab::Replica& replica) {
  if (replica.membership().is_alone()) return MemberRole::kStandalone;
  if (replica.leader() == ServerId{}) return MemberRole::kLooking;
  if (replica.role() == zab::Role::kLeading) return MemberRole::kLeader;
  const Member* self = find_self(config);
  const bool observes = self != nullptr && self->role == node::MemberRole::kObserver;
  return observes ? MemberRole::kObserver : MemberRole::kFollower;
}

}  // namespace

admin::MetricsView MetricsSource::view() const {
  const zab::Moment now = parts_.clock.now();
  admin::MetricsView view;
  view.uptime_ms = parts_.administration.uptime_ms();
  view.stats = parts_.administration.stats();
  view.monitoring = parts_.administration.quick_monitoring();
  add_clients(view);
  add_refusals(view);
  add_ensemble(view.ensemble);
  add_storage(view.storage, now.monotonic_ms());
  if (parts_.meters != nullptr) {
    add_load(view);
    add_locks(view, now.monotonic_us);
  }
  return view;
}

void MetricsSource::add_clients(admin::MetricsView& view) const {
  const zab::Clients& clients = parts_.replica.clients();
  const zab::RequestFigures& requests = clients.request_figures();
  for (size_t place = 0; place < zab::RequestFigures::kOperations; ++place) {
    const Histogram& latency = requests.latency_us[place];
    if (latency.count() == 0) continue;
    view.operations.push_back(
        {zab::RequestFigures::operation_at(place), latency, requests.errors[place]});
  }
  const ClientPortFigures& port = parts_.net.port_figures();
  const state::State& state = parts_.replica.state();
  view.outstanding_requests = clients.outstanding_total();
  view.outstanding_bytes = clients.outstanding_bytes();
  view.requests_in_flight = parts_.replica.in_flight();
  view.unsent_bytes = port.unsent_bytes;
  view.connections = parts_.net.socket_count();
  view.connections_accepted = port.accepted;
  view.bytes_received = port.bytes_received;
  view.bytes_sent = port.bytes_sent;
  view.sessions = state.sessions.size();
  view.sessions_begun = requests.sessions_begun;
  view.sessions_lost = requests.sessions_expired;
  view.watches = clients.watches().watch_count();
  view.watch_events = clients.figures().notifications;
  view.znodes = state.tree.size();
  view.ephemerals = state.sessions.ephemeral_count();
  view.data_bytes = state.tree.data_bytes();
  view.zxid = state.applied.value();
}

void MetricsSource::add_refusals(admin::MetricsView& view) const {
  const zab::Clients& clients = parts_.replica.clients();
  const ClientPortFigures& port = parts_.net.port_figures();
  auto& refusals = view.refusals;
  const auto& closed = clients.request_figures().closed;
  for (size_t i = 0; i < closed.size(); ++i) {
    const char* reason = refusal_of(static_cast<zab::CloseReason>(i));
    if (reason != nullptr) refusals.emplace_back(reason, closed[i]);
  }
  for (const char* limit : {"maxCnxns", "maxClientCnxns"}) {
    if (!parts_.node.rejections().contains(limit)) refusals.emplace_back(limit, 0);
  }
  for (const auto& [limit, count] : parts_.node.rejections()) refusals.emplace_back(limit, count);
  refusals.emplace_back("bad_frame", port.bad_frames);
  refusals.emplace_back("no_session_in_time", port.sessionless_closed);
  refusals.emplace_back("slow_reader", port.slow_readers_closed);
  refusals.emplace_back("too_many_watches", clients.watches().refusals());
  refusals.emplace_back("write_without_disk_space", clients.request_figures().writes_without_room);
  refusals.emplace_back("peer", parts_.peers == nullptr ? 0 : parts_.peers->refusals().count);
}

void MetricsSource::add_ensemble(admin::EnsembleMetrics& ensemble) const {
  const zab::Replica& replica = parts_.replica;
  const zab::BroadcastFigures& broadcast = replica.broadcast();
  ensemble.role = role_of(parts_.config, replica);
  ensemble.is_serving = replica.serving();
  ensemble.votes = replica.membership().votes();
  ensemble.has_diverged = replica.diverged();
  ensemble.server = parts_.config.server_id.value();
  ensemble.leader = replica.leader().value();
  ensemble.epoch = replica.promises().current_epoch.value();
  ensemble.quorum_size = std::max<uint64_t>(replica.membership().quorum().voters().size(), 1);
  ensemble.elections = replica.elections().count;
  ensemble.election_us = replica.elections().durations_us;
  ensemble.mismatches = replica.mismatches().count;
  ensemble.proposals = broadcast.proposals;
  ensemble.applied = broadcast.applied;
  ensemble.proposal_us = broadcast.proposal_us;
  ensemble.propagation_us = broadcast.propagation_us;
  ensemble.difference_syncs = broadcast.difference_syncs;
  ensemble.truncating_syncs = broadcast.truncating_syncs;
  ensemble.snapshot_syncs = broadcast.snapshot_syncs;
  ensemble.pending_syncs = replica.pending_syncs();
  if (replica.leading() != nullptr) {
    for (const auto& [server, learner] : replica.leading()->learners()) {
      ensemble.learners.push_back(
          {.server = server.value(),
           .lag_transactions = lag_of(learner, replica.history().last_zxid()),
           .unacknowledged_bytes = learner.unacked_bytes,
           .is_synchronised = learner.phase == Learner::Phase::kUpToDate,
           .sync = name_of(learner.sync)});
    }
  }
  if (parts_.peers == nullptr) return;
  for (const PeerFigures& peer : parts_.peers->peers()) {
    ensemble.peers.push_back({.server = peer.server.value(),
                              .is_linked = peer.state == PeerState::kLinked,
                              .links = peer.links,
                              .bytes_received = peer.bytes_received,
                              .bytes_sent = peer.bytes_sent,
                              .queued_bytes = peer.queued_bytes});
  }
}

void MetricsSource::add_storage(admin::StorageMetrics& storage, int64_t now_ms) const {
  const LogAdapter::FlushFigures& flushes = parts_.log.flushes();
  storage.flush_us = flushes.duration_us;
  storage.flush_records = flushes.records;
  storage.flush_bytes = flushes.bytes;
  storage.log_queued_bytes = parts_.log.queued_bytes();
  storage.checkpoint_us = parts_.tree.checkpoint_durations_us();
  storage.checkpoint_age_ms = parts_.tree.checkpoint_age_ms(now_ms);
  storage.checkpoint_pending_changes = parts_.tree.gathered_entries();
  storage.checkpoint_pending_bytes = parts_.tree.gathered_bytes();
  const std::shared_ptr<const storage::Store> store = parts_.tree.store();
  storage.tree_used_bytes = store->used_bytes();
  storage.tree_map_bytes = store->map_bytes();
  storage.has_no_space = parts_.replica.has_no_log_space();
}

void MetricsSource::add_load(admin::MetricsView& view) const {
  for (const auto& slot : parts_.meters->load.addresses().slots()) {
    view.by_address.push_back({slot.name, slot.figures.requests, slot.figures.bytes, slot.users});
  }
  for (const auto& slot : parts_.meters->load.prefixes().slots()) {
    view.by_path.push_back({slot.name, slot.figures.requests, slot.figures.bytes, 0});
  }
}

void MetricsSource::add_locks(admin::MetricsView& view, int64_t now_us) const {
  view.locks_not_followed = parts_.meters->locks.not_followed();
  // What there is now is told by the one who also counts, so that it can be summed up.
  const bool tells = parts_.replica.role() == zab::Role::kLeading;
  const std::vector<LockWatch::Present> present = parts_.meters->locks.present(now_us);
  const auto& slots = parts_.meters->locks.labels().slots();
  for (size_t i = 0; i < slots.size(); ++i) {
    const LockWatch::Figures& figures = slots[i].figures;
    const LockWatch::Present now = tells ? present[i] : LockWatch::Present{};
    view.locks.push_back({.path = slots[i].name,
                          .wait_us = figures.wait_us,
                          .hold_us = figures.hold_us,
                          .released = figures.released,
                          .lost = figures.lost,
                          .given_up = figures.given_up,
                          .holders = now.holders,
                          .waiters = now.waiters,
                          .longest_wait_us = now.longest_wait_us,
                          .longest_hold_us = now.longest_hold_us});
  }
}

}  // namespace topod::node
