#include "server/zab/leader.h"

#include <algorithm>

#include "proto/check.h"
#include "proto/entry.pb.h"
#include "proto/mutants.h"
#include "server/zab/sync_plan.h"

namespace topod::zab {

namespace {
// A new epoch begins long before the counter could run out; the 2^39 transactions that are left
// then are years of work.
constexpr int64_t kCounterOfEpochChange = kZxidCounterMax / 2;
// Saying "I follow you" needs no disk.
constexpr int64_t kGatherMs = 1'000;
}  // namespace

Leader::Leader(const Parts& parts, Zxid committed, Epoch accepted, Moment now)
    : parts_(parts),
      committed_(std::max(committed, parts.history.applied_zxid())),
      known_accepted_(accepted),
      began_ms_(now.monotonic_ms()) {
  CHECK(parts_.membership.votes());
}

template <class Holds>
bool Leader::quorum(bool self, const Holds& holds) const {
  return parts_.membership.quorum().reached([&](ServerId server) {
    if (server == parts_.config.self) return self;
    const auto learner = learners_.find(server);
    return learner != learners_.end() && learner->second.votes && holds(learner->second);
  });
}

// ---- discovery ------------------------------------------------------------------------------

void Leader::follower_info(ServerId server, LinkId link, const InstanceId& instance,
                           const peer::FollowerInfo& info, Moment now) {
  Learner learner;
  learner.server = server;
  learner.link = link;
  learner.instance = instance;
  learner.feature_level = info.feature_level();
  learner.votes = parts_.membership.counts(server, instance);
  learner.accepted_epoch = Epoch(info.accepted_epoch());
  learner.wants_snapshot = info.wants_snapshot();
  learner.barrier = parts_.history.last_zxid();
  learner.heard_ms = learner.progress_ms = now.monotonic_ms();
  if (phase_ != Phase::kGathering && learner.accepted_epoch > epoch_) {
    // It has promised another leader more, and may not follow this one, even if it does not vote.
    // A new, higher epoch brings it back.
    failed_ = "server " + std::to_string(server.value()) + " has accepted a later epoch";
    return;
  }
  if (phase_ != Phase::kGathering) {
    learner.phase = Learner::Phase::kEpochSent;
    send_to(link).mutable_new_epoch()->set_epoch(epoch_.value());
  }
  learners_[server] = std::move(learner);
}

void Leader::choose_epoch() {
  if (!quorum(true, [](const Learner&) { return true; })) return;
  Epoch highest = std::max(known_accepted_, parts_.journal.promises().accepted_epoch);
  for (const auto& [server, learner] : learners_) {
    highest = std::max(highest, learner.accepted_epoch);
  }
  epoch_ = Epoch(highest.value() + 1);
  epoch_record_ = parts_.journal.accept_epoch(epoch_);
  phase_ = Phase::kPromising;
  for (auto& [server, learner] : learners_) {
    learner.phase = Learner::Phase::kEpochSent;
    send_to(learner.link).mutable_new_epoch()->set_epoch(epoch_.value());
  }
}

bool Leader::ack_epoch(ServerId server, const peer::AckEpoch& ack) {
  const auto found = learners_.find(server);
  if (found == learners_.end()) return true;  // of a following that has ended
  if (found->second.phase != Learner::Phase::kEpochSent || Epoch(ack.epoch()) != epoch_) {
    return false;
  }
  Learner& learner = found->second;
  // Of one that counts later, nobody has compared the history.
  learner.promised = ack.promised() && learner.votes;
  const auto& promises = parts_.journal.promises();
  // Before this epoch is current here, `promises.current_epoch` is that of the leader's history.
  if (!MUTANT(BetterHistoryIgnored) && !MUTANT(ElectionIgnoresEpoch) &&
      phase_ == Phase::kPromising && learner.votes &&
      std::pair(Epoch(ack.current_epoch()), Zxid(ack.last_zxid())) >
          std::pair(promises.current_epoch, parts_.history.last_zxid())) {
    failed_ = "server " + std::to_string(server.value()) + " has a better history";
    return true;
  }
  plan(learner, ack);
  return true;
}

// ---- synchronisation ------------------------------------------------------------------------

void Leader::plan(Learner& learner, const peer::AckEpoch& ack) {
  learner.phase = Learner::Phase::kSyncing;
  std::vector<EpochEnd> ends;
  for (const peer::EpochEnd& end : ack.ends()) ends.push_back({Epoch(end.epoch()), end.counter()});
  const History& history = parts_.history;
  const SyncPlan plan =
      plan_sync(history.ends(), std::min(history.log_begin(), history.window_begin()),
                {ends, Zxid(ack.last_zxid()), Zxid(ack.applied_zxid())});
  if (plan.diverged && !learner.wants_snapshot) {
    learner.diverged = true;
    tell_diverged(learner);
    return;
  }
  if (plan.kind == SyncPlan::Kind::kSnapshot || learner.wants_snapshot) {
    send_snapshot(learner);
    return;
  }
  learner.sync = plan.truncate ? Learner::Sync::kTruncation : Learner::Sync::kDifference;
  ++(plan.truncate ? parts_.figures.truncating_syncs : parts_.figures.difference_syncs);
  learner.cursor = plan.point;
  if (plan.truncate) send_to(learner.link).mutable_truncate()->set_zxid(plan.point.value());
}

void Leader::send_snapshot(Learner& learner) {
  learner.snapshotting = true;
  learner.sync = Learner::Sync::kSnapshot;
  ++parts_.figures.snapshot_syncs;
  parts_.output.snapshots.push_back({learner.link});
}

// Not before a quorum has promised: until then it may be this leader that misses something. The
// learner keeps what it has aside, and comes again for a snapshot.
void Leader::tell_diverged(Learner& learner) {
  learner.snapshotting = true;
  if (phase_ >= Phase::kSynchronising) send_to(learner.link).mutable_diverged();
}

void Leader::begin_synchronising() {
  if (!quorum(parts_.journal.is_durable(epoch_record_),
              [](const Learner& learner) { return learner.promised; })) {
    // Who had accepted this epoch before, from another or on another link, cannot promise it any
    // more. A higher one ends the wait.
    if (!quorum(true, [](const Learner& learner) {
          return learner.promised || learner.phase == Learner::Phase::kEpochSent;
        })) {
      failed_ = "too few of those who follow can promise its epoch";
    }
    return;
  }
  initial_end_ = parts_.history.last_zxid();
  current_epoch_record_ = parts_.journal.set_current_epoch(epoch_);
  phase_ = Phase::kSynchronising;
  for (auto& [server, learner] : learners_) {
    if (learner.diverged) tell_diverged(learner);
  }
}

void Leader::establish() {
  if (!quorum(parts_.journal.is_durable(current_epoch_record_), [](const Learner& learner) {
        return learner.phase >= Learner::Phase::kActive || MUTANT(MinorityEstablishes);
      })) {
    return;
  }
  phase_ = Phase::kEstablished;
  committed_ = std::max(committed_, initial_end_);
}

bool Leader::ack_new_leader(ServerId server, const peer::AckNewLeader& ack) {
  const auto found = learners_.find(server);
  if (found == learners_.end()) return true;  // of a following that has ended
  if (found->second.phase != Learner::Phase::kNewLeaderSent || Epoch(ack.epoch()) != epoch_ ||
      Zxid(ack.zxid()) < new_leader_at(found->second)) {
    return false;
  }
  Learner& learner = found->second;
  learner.phase = Learner::Phase::kActive;
  learner.catch_up_to = committed_;
  return this->ack(server, Zxid(ack.zxid()));
}

void Leader::bring_up_to_date(Learner& learner) {
  if (learner.phase != Learner::Phase::kActive || learner.acked < learner.catch_up_to) return;
  learner.phase = Learner::Phase::kUpToDate;
  peer::UpToDate& message = *send_to(learner.link).mutable_up_to_date();
  message.set_committed(committed_.value());
  message.set_barrier(learner.barrier.value());
  learner.told_committed = committed_;
}

// ---- broadcast ------------------------------------------------------------------------------

void Leader::propose(const entry::Entry& entry) {
  CHECK(may_propose());
  ++counter_;
  ++parts_.figures.proposals;
  const Zxid zxid = make_zxid(epoch_, counter_);
  Proposal& proposal = parts_.history.append(zxid, parts_.journal.next_number());
  CHECK(entry.SerializeToString(&proposal.bytes));
  const auto bytes = static_cast<int64_t>(proposal.bytes.size());
  const bool is_first = proposal_bytes_.last < 0;
  proposal_bytes_ = {.last = bytes,
                     .min = is_first ? bytes : std::min(proposal_bytes_.min, bytes),
                     .max = std::max(proposal_bytes_.max, bytes)};
  parts_.journal.transaction(proposal);
  parts_.membership.appended(zxid, proposal.bytes);
  if (counter_ >= kCounterOfEpochChange) failed_ = "the epoch's counter is used up";
}

bool Leader::accepts_from(ServerId server) const {
  const auto learner = learners_.find(server);
  return may_propose() && learner != learners_.end() &&
         learner->second.phase == Learner::Phase::kUpToDate;
}

bool Leader::ack(ServerId server, Zxid zxid) {
  const auto found = learners_.find(server);
  if (found == learners_.end()) return true;  // of a following that has ended
  Learner& learner = found->second;
  if (zxid > learner.cursor || learner.phase < Learner::Phase::kSyncing) return false;
  learner.acked = std::max(learner.acked, zxid);
  while (!learner.unacked.empty() && learner.unacked.front().last <= zxid) {
    learner.unacked_bytes -= learner.unacked.front().bytes;
    learner.unacked.pop_front();
  }
  return true;
}

void Leader::commit() {
  const Zxid mine =
      MUTANT(LeaderCountsItselfAtOnce) ? parts_.history.last_zxid() : parts_.history.durable_zxid();
  const auto is_committed = [&](Zxid zxid) {
    return quorum(mine >= zxid, [&](const Learner& learner) {
      const auto least =
          MUTANT(CommitByUnsynchronised) ? Learner::Phase::kEpochSent : Learner::Phase::kActive;
      return learner.phase >= least && learner.acked >= zxid;
    });
  };
  Zxid best = committed_;
  if (mine > best && is_committed(mine)) best = mine;
  for (const auto& [server, learner] : learners_) {
    if (learner.votes && learner.acked > best && is_committed(learner.acked)) best = learner.acked;
  }
  committed_ = best;
}

void Leader::advance() {
  if (!failed_.empty()) return;
  if (phase_ == Phase::kGathering) choose_epoch();
  if (phase_ == Phase::kPromising) begin_synchronising();
  if (phase_ == Phase::kSynchronising) establish();
  if (phase_ == Phase::kEstablished) commit();
}

// ---- sending --------------------------------------------------------------------------------

peer::Message& Leader::send_to(LinkId link) {
  PeerSend& send = parts_.output.peers.emplace_back();
  send.links.push_back(link);
  return send.message;
}

// Who counts is sent everything, others what is committed.
Zxid Leader::send_limit(const Learner& learner) const {
  const Zxid last = parts_.history.last_zxid();
  return learner.votes ? last : std::min(committed_, last);
}

// The end of what a learner must have on disk to count: this reign's initial history, and
// whatever it may have acknowledged earlier in this reign.
Zxid Leader::new_leader_at(const Learner& learner) const {
  return std::max(initial_end_, learner.barrier);
}

bool Leader::window_is_full(const Learner& learner) const {
  // What follows a snapshot is kept by the learner until it is whole, unacknowledged.
  return !learner.buffers && learner.unacked_bytes >= limits::kPeerWindowBytes;
}

void Leader::send(Moment now) {
  if (!failed_.empty()) return;
  for (auto& [server, learner] : learners_) {
    if (learner.phase < Learner::Phase::kSyncing || learner.snapshotting) continue;
    while (stream(learner)) {
    }
    // Not before this leader's own history is final: what it was elected with.
    if (learner.phase == Learner::Phase::kSyncing && phase_ >= Phase::kSynchronising &&
        learner.cursor >= new_leader_at(learner)) {
      learner.buffers = false;
      learner.phase = Learner::Phase::kNewLeaderSent;
      send_to(learner.link).mutable_new_leader()->set_epoch(epoch_.value());
    }
    if (established()) bring_up_to_date(learner);
  }
  tell_committed();
  if (confirm_ || now.monotonic_ms() >= next_heartbeat_ms_) heartbeat(now);
}

// Sends one message of proposals; false if there is nothing to send now.
bool Leader::stream(Learner& learner) {
  if (learner.reading || window_is_full(learner)) return false;
  const Zxid limit = send_limit(learner);
  if (learner.cursor >= limit) return false;
  const History& history = parts_.history;
  if (learner.cursor < history.window_begin()) {
    learner.reading = true;
    parts_.output.reads.push_back({learner.link, learner.cursor,
                                   std::min(history.window_begin(), limit), limits::kProposeBytes});
    return false;
  }
  send_proposals(learner, history.first_above(learner.cursor));
  return true;
}

void Leader::send_proposals(Learner& learner, size_t from) {
  const std::deque<Proposal>& proposals = parts_.history.proposals();
  const Zxid limit = send_limit(learner);
  // Followers that are equally far get the same message: it is serialised once.
  PeerSend* message = nullptr;
  const Zxid before = learner.cursor;
  peer::Propose& propose = *send_to(learner.link).mutable_propose();
  message = &parts_.output.peers.back();
  size_t bytes = 0;
  for (size_t i = from; i < proposals.size() && bytes < limits::kProposeBytes; ++i) {
    const Proposal& proposal = proposals[i];
    if (proposal.zxid > limit) break;
    peer::Proposed& proposed = *propose.add_entries();
    proposed.set_zxid(proposal.zxid.value());
    proposed.set_predecessor(proposal.predecessor.value());
    proposed.set_entry(proposal.bytes);
    bytes += proposal.bytes.size();
    learner.cursor = proposal.zxid;
  }
  propose.set_committed(std::min(committed_, learner.cursor).value());
  const auto sent = [&](Learner& to) {
    to.cursor = learner.cursor;
    to.unacked.push_back({to.cursor, bytes});
    to.unacked_bytes += bytes;
    to.told_committed = std::max(to.told_committed, Zxid(propose.committed()));
  };
  sent(learner);
  for (auto& [server, other] : learners_) {
    if (&other == &learner || other.cursor != before || other.votes != learner.votes ||
        other.phase < Learner::Phase::kSyncing || other.snapshotting || other.reading ||
        window_is_full(other)) {
      continue;
    }
    message->links.push_back(other.link);
    sent(other);
  }
}

void Leader::history_read(ServerId server, std::vector<HistoryEntry>& entries, bool gone) {
  const auto found = learners_.find(server);
  if (found == learners_.end() || !found->second.reading) return;
  Learner& learner = found->second;
  learner.reading = false;
  if (gone) {
    // The log has been trimmed since it was opened; the next plan knows.
    parts_.history.set_gone_after(learner.cursor);
    if (learner.phase != Learner::Phase::kSyncing || learner.acked > Zxid(0)) {
      drop(server, "it has fallen behind the history that is kept");
      return;
    }
    send_snapshot(learner);
    return;
  }
  if (entries.empty()) return;
  peer::Propose& propose = *send_to(learner.link).mutable_propose();
  size_t bytes = 0;
  for (HistoryEntry& entry : entries) {
    if (entry.zxid <= learner.cursor || entry.zxid > send_limit(learner)) continue;
    peer::Proposed& proposed = *propose.add_entries();
    proposed.set_zxid(entry.zxid.value());
    proposed.set_predecessor(entry.predecessor.value());
    bytes += entry.bytes.size();
    proposed.set_entry(std::move(entry.bytes));
    learner.cursor = entry.zxid;
  }
  propose.set_committed(std::min(committed_, learner.cursor).value());
  learner.unacked.push_back({learner.cursor, bytes});
  learner.unacked_bytes += bytes;
}

void Leader::snapshot_sent(ServerId server, Zxid zxid, bool ok) {
  const auto found = learners_.find(server);
  if (found == learners_.end() || !found->second.snapshotting) return;
  if (!ok) {
    drop(server, "its snapshot could not be sent");
    return;
  }
  found->second.snapshotting = false;
  found->second.buffers = true;
  found->second.cursor = zxid;
}

void Leader::tell_committed() {
  PeerSend* message = nullptr;
  for (auto& [server, learner] : learners_) {
    const auto least =
        MUTANT(CommitBeforeMatch) ? Learner::Phase::kEpochSent : Learner::Phase::kActive;
    if (learner.phase < least || learner.told_committed >= committed_) continue;
    // It may not have been sent that far yet; then the proposals themselves will tell.
    const Zxid commit =
        MUTANT(CommitBeforeMatch) ? committed_ : std::min(committed_, learner.cursor);
    if (commit <= learner.told_committed) continue;
    learner.told_committed = commit;
    if (message != nullptr && message->message.commit().zxid() == commit.value()) {
      message->links.push_back(learner.link);
    } else {
      send_to(learner.link).mutable_commit()->set_zxid(commit.value());
      message = &parts_.output.peers.back();
    }
  }
}

// ---- staying leader -------------------------------------------------------------------------

void Leader::heartbeat(Moment now) {
  next_heartbeat_ms_ = now.monotonic_ms() + parts_.config.heartbeat_ms();
  confirm_ = false;
  ++token_;
  tokens_sent_.emplace_back(token_, now.monotonic_ms());
  for (const auto& [server, learner] : learners_) {
    peer::Heartbeat& heartbeat = *send_to(learner.link).mutable_heartbeat();
    heartbeat.set_epoch(epoch_.value());
    heartbeat.set_sent_us(token_);
    heartbeat.set_echo_us(learner.echo_us);
  }
}

bool Leader::heartbeat_reply(ServerId server, const peer::HeartbeatReply& reply, Moment now) {
  const auto found = learners_.find(server);
  if (found == learners_.end()) return true;
  Learner& learner = found->second;
  learner.heard_ms = now.monotonic_ms();
  learner.echo_us = reply.sent_us();
  // It confirms this leader only while it has accepted nobody later.
  if (Epoch(reply.epoch()) == epoch_ && reply.echo_us() <= token_) {
    learner.confirmed_token = std::max(learner.confirmed_token, reply.echo_us());
  }
  return true;
}

int64_t Leader::ask_confirmation() {
  confirm_ = true;
  return token_ + 1;
}

bool Leader::confirmed(int64_t token) const {
  return established() && quorum(true, [&](const Learner& learner) {
           return learner.phase >= Learner::Phase::kActive && learner.confirmed_token >= token;
         });
}

int64_t Leader::contact_ms() {
  while (!tokens_sent_.empty() && confirmed(tokens_sent_.front().first)) {
    contact_ms_ = tokens_sent_.front().second;
    tokens_sent_.pop_front();
  }
  return contact_ms_;
}

bool Leader::quorum_linked() const {
  return quorum(true, [](const Learner&) { return true; });
}

void Leader::tick(Moment now) {
  const int64_t now_ms = now.monotonic_ms();
  if (phase_ == Phase::kGathering && now_ms - began_ms_ > kGatherMs) {
    failed_ = "no quorum follows";
  } else if (!established() && now_ms - began_ms_ > parts_.config.init_limit_ms) {
    failed_ = "no quorum was synchronised within initLimit";
  }
  std::vector<ServerId> silent;
  std::vector<ServerId> stuck;
  for (auto& [server, learner] : learners_) {
    if (now_ms - learner.heard_ms > parts_.config.sync_limit_ms) silent.push_back(server);
    note_progress(learner, now_ms);
    if (now_ms - learner.progress_ms > parts_.config.init_limit_ms) stuck.push_back(server);
  }
  for (const ServerId server : silent) drop(server, "it has been silent for syncLimit");
  for (const ServerId server : stuck) drop(server, "it was not synchronised within initLimit");
  // Whose directory was admitted, or not any more.
  for (auto& [server, learner] : learners_) {
    learner.votes = parts_.membership.counts(server, learner.instance);
  }
}

// Synchronisation may take long, but it must go on. A snapshot has limits of its own, and a reign
// that waits for one is not to be given up: the next would send it again (ZOOKEEPER-1465).
void Leader::note_progress(Learner& learner, int64_t now_ms) {
  const Learner::Progress progress{learner.phase, learner.cursor, learner.acked};
  if (learner.phase >= Learner::Phase::kActive || learner.phase == Learner::Phase::kInfo ||
      learner.snapshotting || learner.progress != progress) {
    learner.progress = progress;
    learner.progress_ms = now_ms;
  }
  if (learner.votes && learner.snapshotting) began_ms_ = now_ms;
}

void Leader::peer_gone(ServerId server) {
  learners_.erase(server);
  if (phase_ > Phase::kGathering && !quorum_linked()) failed_ = "the quorum is gone";
}

void Leader::drop(ServerId server, std::string reason) {
  const auto found = learners_.find(server);
  if (found == learners_.end()) return;
  parts_.output.peers_closed.push_back({found->second.link, std::move(reason)});
  peer_gone(server);
}

}  // namespace topod::zab
