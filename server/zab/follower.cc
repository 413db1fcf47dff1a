#include "server/zab/follower.h"

#include <algorithm>

#include "proto/check.h"
#include "proto/mutants.h"

namespace topod::zab {

Follower::Follower(const Leader::Parts& parts, ServerId leader, LinkId link, bool wants_snapshot,
                   Moment now)
    : parts_(parts),
      leader_(leader),
      link_(link),
      began_ms_(now.monotonic_ms()),
      heard_ms_(now.monotonic_ms()) {
  peer::FollowerInfo& info = *send_to_leader().mutable_follower_info();
  info.set_accepted_epoch(parts_.journal.promises().accepted_epoch.value());
  info.set_feature_level(state::kFeatureLevel);
  info.set_wants_snapshot(wants_snapshot);
}

bool Follower::message(peer::Message& message, Moment now) {
  heard_ms_ = now.monotonic_ms();
  switch (message.kind_case()) {
    case peer::Message::kNewEpoch: return new_epoch(message.new_epoch());
    case peer::Message::kTruncate: return truncate(message.truncate());
    case peer::Message::kSnapshotBegin:
      if (phase_ != Phase::kSyncing || matched_ || is_receiving_ || snapshot_) return false;
      is_receiving_ = true;
      return true;
    case peer::Message::kPropose: return propose(*message.mutable_propose());
    case peer::Message::kNewLeader: return new_leader(message.new_leader());
    case peer::Message::kUpToDate: return up_to_date(message.up_to_date());
    case peer::Message::kCommit:
      committed_ = std::max(committed_, Zxid(message.commit().zxid()));
      return matched_ || MUTANT(CommitBeforeMatch);
    case peer::Message::kHeartbeat: heartbeat(message.heartbeat()); return true;
    default: return false;
  }
}

// ---- discovery ------------------------------------------------------------------------------

bool Follower::new_epoch(const peer::NewEpoch& message) {
  const Epoch epoch(message.epoch());
  if (phase_ != Phase::kInfoSent || epoch.value() > kEpochMax) return false;
  const Epoch accepted = parts_.journal.promises().accepted_epoch;
  if (epoch < accepted) {
    fail("its epoch is older than one accepted here");
    return true;
  }
  // An epoch that was accepted before was promised to somebody else, or to this leader on another
  // link: this server may follow, but its promise does not count again.
  promised_ = epoch > accepted;
  epoch_record_ = promised_ ? parts_.journal.accept_epoch(epoch) : parts_.journal.appended();
  epoch_ = epoch;
  if (MUTANT(EpochBeforeHistory)) parts_.journal.set_current_epoch(epoch);
  phase_ = Phase::kEpochPending;
  return true;
}

// ---- synchronisation ------------------------------------------------------------------------

bool Follower::truncate(const peer::Truncate& message) {
  const Zxid last(message.zxid());
  if (phase_ != Phase::kSyncing || matched_ || is_receiving_ || snapshot_) return false;
  if (last < parts_.history.applied_zxid() || last >= parts_.history.last_zxid()) return false;
  if (!MUTANT(TruncationNotLogged)) parts_.journal.truncate(last);
  parts_.history.truncate(last);
  parts_.membership.truncated(last);
  matched_ = true;
  return true;
}

bool Follower::propose(peer::Propose& message) {
  if (phase_ < Phase::kSyncing) return false;
  for (peer::Proposed& proposed : *message.mutable_entries()) {
    if (is_receiving_ || (snapshot_ && !installing_)) {
      after_snapshot_.push_back(std::move(proposed));
    } else if (!append(proposed)) {
      return false;
    }
  }
  committed_ = std::max(committed_, Zxid(message.committed()));
  return true;
}

bool Follower::append(peer::Proposed& proposed) {
  History& history = parts_.history;
  const Zxid zxid(proposed.zxid());
  if (zxid <= history.last_zxid() || Zxid(proposed.predecessor()) != history.last_zxid()) {
    return false;  // a gap is never skipped, a duplicate cannot be on an ordered link
  }
  matched_ = true;
  Proposal& proposal = history.append(zxid, parts_.journal.next_number());
  proposal.bytes = std::move(*proposed.mutable_entry());
  parts_.journal.transaction(proposal);
  parts_.membership.appended(zxid, proposal.bytes);
  return true;
}

bool Follower::snapshot_received(ReceivedSnapshot snapshot) {
  if (!is_receiving_) return false;
  is_receiving_ = false;
  snapshot_ = std::move(snapshot);
  if (!new_leader_waits_) return true;
  peer::NewLeader message;
  message.set_epoch(epoch_.value());
  if (!new_leader(message)) fail("its history does not go on where its snapshot ends");
  return failed_.empty();
}

// The tree and the history above it become this server's together with the epoch that ends the
// synchronisation: nothing is logged of it before, so nothing has to be taken back.
bool Follower::log_snapshot() {
  Zxid before = snapshot_->zxid;
  for (const peer::Proposed& proposed : after_snapshot_) {
    if (Zxid(proposed.predecessor()) != before || Zxid(proposed.zxid()) <= before) return false;
    before = Zxid(proposed.zxid());
  }
  installing_ = true;
  parts_.journal.install(snapshot_->zxid, snapshot_->generation, snapshot_->digest);
  parts_.history.restart(snapshot_->zxid);
  parts_.membership.truncated(Zxid(0));
  for (peer::Proposed& proposed : after_snapshot_) CHECK(append(proposed));
  after_snapshot_.clear();
  return true;
}

bool Follower::new_leader(const peer::NewLeader& message) {
  if (phase_ != Phase::kSyncing || Epoch(message.epoch()) != epoch_) return false;
  if (is_receiving_) {
    new_leader_waits_ = true;
    return true;
  }
  if (snapshot_ && !log_snapshot()) return false;
  matched_ = true;
  new_leader_record_ = parts_.journal.set_current_epoch(epoch_);
  phase_ = Phase::kNewLeaderPending;
  return true;
}

std::optional<ReceivedSnapshot> Follower::take_installed() {
  if (!installing_ || !parts_.journal.is_durable(new_leader_record_)) return std::nullopt;
  installing_ = false;
  auto installed = std::move(snapshot_);
  snapshot_.reset();
  return installed;
}

bool Follower::up_to_date(const peer::UpToDate& message) {
  if (phase_ != Phase::kSynced) return false;
  phase_ = Phase::kUpToDate;
  committed_ = std::max(committed_, Zxid(message.committed()));
  barrier_ = Zxid(message.barrier());
  return true;
}

// ---- staying --------------------------------------------------------------------------------

void Follower::heartbeat(const peer::Heartbeat& message) {
  echo_us_ = message.sent_us();
  contact_us_ = std::max(contact_us_, message.echo_us());
}

void Follower::forward(const std::string& bytes) {
  if (forwards_.empty() || forward_bytes_ >= limits::kProposeBytes) {
    forwards_.emplace_back();
    forward_bytes_ = 0;
  }
  forwards_.back().add_entries(bytes);
  forward_bytes_ += bytes.size();
}

void Follower::ask_sync(uint64_t number) { syncs_.push_back(number); }

void Follower::tick(Moment now) {
  const int64_t now_ms = now.monotonic_ms();
  if (now_ms - heard_ms_ > parts_.config.sync_limit_ms) {
    fail("the leader has been silent for syncLimit");
  } else if (phase_ < Phase::kSyncing && now_ms - began_ms_ > parts_.config.init_limit_ms) {
    fail("the leader's epoch did not come within initLimit");
  }
}

void Follower::acknowledge() {
  const Journal& journal = parts_.journal;
  if (phase_ == Phase::kEpochPending &&
      (journal.is_durable(epoch_record_) || MUTANT(PromiseBeforeFlush))) {
    phase_ = Phase::kSyncing;
    peer::AckEpoch& ack = *send_to_leader().mutable_ack_epoch();
    ack.set_epoch(epoch_.value());
    ack.set_promised(promised_);
    ack.set_current_epoch(journal.promises().current_epoch.value());
    ack.set_last_zxid(parts_.history.last_zxid().value());
    ack.set_applied_zxid(parts_.history.applied_zxid().value());
    for (const EpochEnd& end : parts_.history.ends()) {
      peer::EpochEnd& row = *ack.add_ends();
      row.set_epoch(end.epoch.value());
      row.set_counter(end.counter);
    }
  }
  if (!matched_) return;
  const Zxid durable =
      MUTANT(AckBeforeFlush) ? parts_.history.last_zxid() : parts_.history.durable_zxid();
  if (phase_ == Phase::kNewLeaderPending &&
      (journal.is_durable(new_leader_record_) || MUTANT(NewLeaderAckBeforeFlush))) {
    phase_ = Phase::kSynced;
    peer::AckNewLeader& ack = *send_to_leader().mutable_ack_new_leader();
    ack.set_epoch(epoch_.value());
    ack.set_zxid(durable.value());
    acked_ = durable;
  } else if (durable > acked_ && phase_ != Phase::kNewLeaderPending) {
    send_to_leader().mutable_ack()->set_zxid(durable.value());
    acked_ = durable;
  }
}

void Follower::send(Clients& clients, Moment now) {
  if (!failed_.empty()) return;
  acknowledge();
  for (peer::Forward& forward : forwards_) send_to_leader().mutable_forward()->Swap(&forward);
  forwards_.clear();
  for (const uint64_t number : syncs_) {
    send_to_leader().mutable_sync_request()->set_number(number);
  }
  syncs_.clear();
  if (echo_us_ == 0) return;
  peer::HeartbeatReply& reply = *send_to_leader().mutable_heartbeat_reply();
  reply.set_epoch(parts_.journal.promises().accepted_epoch.value());
  reply.set_echo_us(echo_us_);
  reply.set_sent_us(now.monotonic_us);
  clients.take_touches([&](SessionId session, int32_t timeout_ms) {
    peer::Touch& touch = *reply.add_touches();
    touch.set_session(session.value());
    touch.set_timeout_ms(timeout_ms);
  });
  if (digest_) *reply.mutable_digest() = *digest_;
  digest_.reset();
  echo_us_ = 0;
}

peer::Message& Follower::send_to_leader() {
  PeerSend& send = parts_.output.peers.emplace_back();
  send.links.push_back(link_);
  return send.message;
}

void Follower::fail(std::string reason) {
  if (failed_.empty()) failed_ = std::move(reason);
}

}  // namespace topod::zab
