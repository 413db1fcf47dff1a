#include "server/node/ensemble_view.h"

#include "server/node/config_node.h"

namespace topod::node {
namespace {

using zab::Leader;
using zab::Learner;
using zab::Role;

bool is_observer(const Config& config, ServerId server) {
  for (const Member& member : config.members) {
    if (member.id == server) return member.role == MemberRole::kObserver;
  }
  return false;
}

std::string_view phase_name(Leader::Phase phase) {
  switch (phase) {
    case Leader::Phase::kGathering:
    case Leader::Phase::kPromising: return "discovery";
    case Leader::Phase::kSynchronising: return "synchronization";
    case Leader::Phase::kEstablished: return "broadcast";
  }
  return "unknown";
}

struct LearnerCounts {
  int64_t followers = 0;
  int64_t synced_followers = 0;  // that vote
  int64_t synced_not_voting = 0;
  int64_t synced_observers = 0;
};

LearnerCounts count_learners(const Config& config, const Leader& leader) {
  LearnerCounts counts;
  for (const auto& [server, learner] : leader.learners()) {
    const bool is_synced = learner.phase == Learner::Phase::kUpToDate;
    if (is_observer(config, server)) {
      counts.synced_observers += is_synced ? 1 : 0;
      continue;
    }
    ++counts.followers;
    counts.synced_followers += is_synced && learner.votes ? 1 : 0;
    counts.synced_not_voting += is_synced && !learner.votes ? 1 : 0;
  }
  return counts;
}

void add_leader_gauges(const Config& config, const zab::Replica& replica, zab::Moment now,
                       std::vector<admin::Gauge>& gauges) {
  const Leader& leader = *replica.leading();
  const LearnerCounts counts = count_learners(config, leader);
  gauges.push_back({"leader_uptime", now.monotonic_ms() - leader.began_ms()});
  gauges.push_back({"learners", static_cast<int64_t>(leader.learners().size())});
  gauges.push_back({"followers", counts.followers});
  gauges.push_back({"synced_followers", counts.synced_followers});
  gauges.push_back({"synced_non_voting_followers", counts.synced_not_voting});
  gauges.push_back({"synced_observers", counts.synced_observers});
  gauges.push_back({"pending_syncs", static_cast<int64_t>(replica.pending_syncs())});
  for (const auto& [server, learner] : leader.learners()) {
    const std::string id = std::to_string(server.value());
    gauges.push_back({"learner_lag_" + id, lag_of(learner, replica.history().last_zxid())});
    gauges.push_back({"learner_unacked_bytes_" + id, static_cast<int64_t>(learner.unacked_bytes)});
  }
}

std::string cell_lines(const Config& config) {
  std::string lines;
  for (const Member& member : config.members) {
    if (member.cell.empty()) continue;
    lines += "cell." + std::to_string(member.id.value()) + "=" + member.cell + "\n";
  }
  return lines;
}

}  // namespace

int64_t lag_of(const Learner& learner, Zxid last) {
  const bool same_epoch = epoch_of(learner.acked) == epoch_of(last);
  return counter_of(last) - (same_epoch ? counter_of(learner.acked) : 0);
}

admin::Mode mode_of(const Config& config, const zab::Replica& replica) {
  if (replica.membership().is_alone()) return admin::Mode::kStandalone;
  if (replica.clients().is_read_only()) return admin::Mode::kReadOnly;
  switch (replica.role()) {
    case Role::kLeading: return admin::Mode::kLeader;
    case Role::kFollowing:
      return is_observer(config, config.server_id) ? admin::Mode::kObserver
                                                   : admin::Mode::kFollower;
    case Role::kLooking: break;
  }
  return admin::Mode::kReadOnly;  // not serving at all, and then nobody is told
}

std::string peer_state_of(const Config& config, const zab::Replica& replica) {
  if (replica.membership().is_alone()) return {};
  switch (replica.role()) {
    case Role::kLooking: break;
    case Role::kLeading: return "leading - " + std::string(phase_name(replica.leading()->phase()));
    case Role::kFollowing: {
      const bool observes = is_observer(config, config.server_id);
      const bool is_synced = replica.leader() != ServerId{};
      return std::string(observes ? "observing" : "following") +
             (is_synced ? " - broadcast" : " - synchronization");
    }
  }
  return "looking";
}

std::optional<admin::ProposalSizes> proposal_sizes_of(const zab::Replica& replica) {
  if (replica.membership().is_alone() || replica.leading() == nullptr) return std::nullopt;
  const Leader::ProposalBytes& bytes = replica.leading()->proposal_bytes();
  return admin::ProposalSizes{bytes.last, bytes.min, bytes.max};
}

std::optional<admin::EnsembleSettings> ensemble_settings_of(const Config& config) {
  const Member* self = find_self(config);
  if (self == nullptr || config.members.size() < 2) return std::nullopt;
  return admin::EnsembleSettings{.init_limit = config.init_limit_ticks,
                                 .sync_limit = config.sync_limit_ticks,
                                 .election_port = self->addresses.front().election_port,
                                 .quorum_port = self->addresses.front().quorum_port,
                                 .is_observer = self->role == MemberRole::kObserver,
                                 .cells = cell_lines(config),
                                 .membership = config_node_text(config)};
}

std::optional<admin::EnsembleStatus> ensemble_status_of(const zab::Replica& replica,
                                                        const PeerView* peers) {
  if (replica.membership().is_alone()) return std::nullopt;
  admin::EnsembleStatus status;
  status.last_change = replica.last_change();
  status.voters_differ = replica.membership().differs();
  if (peers == nullptr) return status;
  status.last_refusal = peers->refusals().last;
  for (const PeerFigures& figures : peers->peers()) {
    const bool is_linked = figures.state == PeerState::kLinked;
    status.peers.push_back({figures.server.value(), std::string(name_of(figures.state)),
                            is_linked ? figures.address : figures.last_error});
  }
  return status;
}

admin::ZabStatus zab_status_of(const Config& config, const zab::Replica& replica) {
  admin::ZabStatus status;
  status.server = config.server_id.value();
  status.leader = replica.leader().value();
  status.is_leader = status.leader != 0 && status.leader == status.server;
  status.votes = replica.membership().votes();
  status.phase = "election";
  if (const Leader* leader = replica.leading()) {
    status.phase = phase_name(leader->phase());
    for (const auto& [server, learner] : leader->learners()) {
      if (learner.phase == Learner::Phase::kUpToDate && is_observer(config, server)) {
        status.synced_observers.push_back(server.value());
      }
    }
  } else if (replica.role() == Role::kFollowing) {
    status.phase = status.leader != 0 ? "broadcast" : "synchronization";
  }
  for (const Member& member : config.members) {
    admin::ZabStatus::Member shown{.id = member.id.value(),
                                   .host = member.addresses.front().host,
                                   .quorum_addresses = {},
                                   .election_addresses = {},
                                   .client_address = {},
                                   .is_observer = member.role == MemberRole::kObserver};
    for (const PeerAddress& address : member.addresses) {
      const std::string host = address.host + ":";
      shown.quorum_addresses.push_back(host + std::to_string(address.quorum_port));
      shown.election_addresses.push_back(host + std::to_string(address.election_port));
    }
    if (member.client && !config.hides_client_addresses) {
      shown.client_address = member.client->host + ":" + std::to_string(member.client->port);
    }
    status.members.push_back(std::move(shown));
  }
  return status;
}

void add_ensemble_gauges(const Config& config, const zab::Replica& replica, const PeerView* peers,
                         zab::Moment now, std::vector<admin::Gauge>& gauges) {
  const auto voters = static_cast<int64_t>(replica.membership().quorum().voters().size());
  gauges.push_back({"quorum_size", std::max<int64_t>(voters, 1)});
  if (replica.membership().is_alone()) return;
  gauges.push_back({"election_count", static_cast<int64_t>(replica.elections().count)});
  gauges.push_back({"last_election_time", replica.elections().last_us / 1000});
  gauges.push_back({"digest_mismatches_count", static_cast<int64_t>(replica.mismatches().count)});
  if (peers != nullptr) {
    int64_t linked = 0;
    for (const PeerFigures& figures : peers->peers()) {
      linked += figures.state == PeerState::kLinked ? 1 : 0;
    }
    gauges.push_back({"linked_peers", linked});
    gauges.push_back({"refused_peers", static_cast<int64_t>(peers->refusals().count)});
  }
  if (replica.leading() != nullptr) add_leader_gauges(config, replica, now, gauges);
}

admin::Summary election_times_of(const zab::Replica& replica) {
  const zab::Replica::ElectionFigures& figures = replica.elections();
  admin::Summary summary;
  summary.name = "election_time";
  summary.count = figures.found;
  summary.sum = figures.sum_us / 1000;
  summary.min = figures.min_us / 1000;
  summary.max = figures.max_us / 1000;
  if (figures.found > 0) {
    summary.average =
        static_cast<double>(figures.sum_us) / 1000 / static_cast<double>(figures.found);
  }
  return summary;
}

}  // namespace topod::node
