// Start, requests, and what comes of them. Who leads is in replica_roles.cc.
#include "server/zab/replica.h"

#include "proto/check.h"
#include "proto/mutants.h"

namespace topod::zab {

namespace {
constexpr int64_t kDigestInterval = 128;
}  // namespace

Replica::Replica(ReplicaConfig config, state::State state, Incarnation incarnation)
    : config_(std::move(config)),
      incarnation_(incarnation),
      state_(std::move(state)),
      journal_(output_),
      membership_(config_, state_, journal_),
      tracker_(config_),
      clients_(config_, incarnation_, state_, tracker_, *this),
      election_(config_.self, membership_.quorum()) {}

// ---- start ----------------------------------------------------------------------------------

bool Replica::replay(Zxid zxid, std::string_view entry_bytes) {
  CHECK(zxid > state_.applied);
  if (!parsed_.ParseFromArray(entry_bytes.data(), static_cast<int>(entry_bytes.size()))) {
    return false;
  }
  evaluate(zxid);
  return true;
}

void Replica::evaluate(Zxid zxid) {
  state::evaluate(state_, zxid, parsed_, effects_);
  CHECK_MSG(state_.feature_level <= state::kFeatureLevel,
            "the ensemble has gone on to a feature level that this topod does not know");
}

void Replica::prepare(Restored restored) {
  journal_.start(std::move(restored.promises));
  history_.start(std::move(restored.epoch_ends), state_.applied, restored.log_begin);
  history_.keep_window(!membership_.is_alone());
  committed_ = logged_committed_ = state_.applied;
  diverged_ = restored.diverged;
}

void Replica::restore(Zxid zxid, Zxid predecessor, std::string_view entry_bytes) {
  Proposal& proposal = history_.append(zxid, 0);
  CHECK(proposal.predecessor == predecessor);
  proposal.bytes = entry_bytes;
  membership_.appended(zxid, entry_bytes);
}

void Replica::start(Moment now) {
  now_ = now;
  history_.durable(0);
  leaderless_ms_ = last_contact_ms_ = now.monotonic_ms();
  looking_since_us_ = now.monotonic_us;
  membership_.start();
  look(diverged_ ? "started; this server's state differs from that of the others" : "started");
}

// ---- inputs from clients and the disk --------------------------------------------------------

void Replica::open_connection(ConnectionId id, std::string_view address,
                              const state::Secret& fresh_secret, Moment now) {
  clients_.open(id, address, fresh_secret, now);
}

void Replica::frame(ConnectionId id, std::string_view bytes, Moment now) {
  now_ = now;
  clients_.frame(id, bytes, now);
}

void Replica::connection_closed(ConnectionId id) { clients_.closed(id); }

void Replica::durable(uint64_t record_number, Moment now) {
  now_ = now;
  journal_.durable(record_number);
  history_.durable(record_number);
  membership_.durable(record_number);
  pending_since_ms_ = journal_.all_durable() ? -1 : now.monotonic_ms();
}

void Replica::set_no_log_space(bool no_space) {
  news_ |= no_space != no_log_space_;
  no_log_space_ = no_space;
}

// ---- outputs --------------------------------------------------------------------------------

Output& Replica::output() {
  advance_role();
  apply_committed();
  confirm_syncs();
  give_forwards();
  // What was applied may have brought new proposals, and so on: they are sent in this turn.
  if (leader_) {
    leader_->advance();
    leader_->send(now_);
  }
  if (follower_) follower_->send(clients_, now_);
  if (!output_.append.empty() || log_watermark_) {
    // Start applies what a logged watermark covers; alone, the whole log is committed.
    if (!membership_.is_alone() && (log_watermark_ || committed_ > logged_committed_)) {
      membership_.watermark(committed_, journal_.committed(committed_));
      logged_committed_ = committed_;
    }
    log_watermark_ = false;
    if (pending_since_ms_ < 0 && !journal_.all_durable()) pending_since_ms_ = now_.monotonic_ms();
  }
  clients_.collect(output_.clients);
  return output_;
}

void Replica::finish_turn() {
  output_.clear();
  history_.finish_turn();
  journal_.finish_turn();
}

// ---- requests -------------------------------------------------------------------------------

void Replica::submit(entry::Entry& entry, ConnectionId connection) {
  const bool leads = leader_ != nullptr && ready_ && leader_->may_propose();
  // Alone, what is proposed stays in the log, whatever happens to this reign.
  if (leads && membership_.is_alone()) {
    propose(entry);
    return;
  }
  Forwards::Forward& forward = forwards_.add(entry.origin().forward_number(), connection);
  CHECK(entry.SerializeToString(&forward.bytes));
  if (leads && forwards_.next() == &forward) {
    propose(entry);
    forwards_.gave_next();
  }
}

// Gives the leader what waits, in order, and not more at a time than links are made for. Never
// for a connection that has closed.
void Replica::give_forwards() {
  while (ready_) {
    const Forwards::Forward* forward = forwards_.next();
    if (forward == nullptr) return;
    if (follower_ && forwards_.given_bytes() >= limits::kPeerWindowBytes) return;
    if (leader_ && !leader_->may_propose()) return;
    if (clients_.is_open(forward->connection)) give(forward->bytes);
    forwards_.gave_next();
  }
}

void Replica::propose(entry::Entry& entry) {
  entry.set_time_ms(now_.wall_ms);
  leader_->propose(entry);
  proposed_.push_back({history_.last_zxid(), now_.monotonic_us});
}

void Replica::note_committed() {
  while (!proposed_.empty() && proposed_.front().zxid <= committed_) {
    figures_.proposal_us.add(now_.monotonic_us - proposed_.front().at_us);
    proposed_.pop_front();
  }
}

void Replica::give(const std::string& bytes) {
  if (follower_) {
    follower_->forward(bytes);
    return;
  }
  CHECK(parsed_.ParseFromString(bytes));
  propose(parsed_);
}

// A follower's clients ask. What comes while it is not up to date has been discarded by its new
// link: it will send it again.
bool Replica::forwarded(ServerId server, const peer::Forward& message) {
  for (const std::string& bytes : message.entries()) {
    if (!leader_->accepts_from(server)) return true;
    entry::Entry entry;
    if (!entry.ParseFromString(bytes) || entry.origin().server() != server.value()) return false;
    propose(entry);
  }
  return true;
}

// There is a leader, and everything that it had of this server's requests is evaluated: what is
// still waiting is given to it, in order. Never for a connection that has closed.
void Replica::become_ready() {
  ready_ = true;
  note_election();
  const auto found = state_.members.find(config_.self);
  if (found == state_.members.end() || found->second.incarnation != incarnation_) {
    // From here on, forwards of this run count and those of earlier runs do not.
    entry::Entry up;
    up.mutable_origin()->set_server(config_.self.value());
    up.mutable_origin()->set_incarnation(incarnation_.value());
    up.mutable_server_up();
    give(up.SerializeAsString());
  } else {
    forwards_.evaluated(found->second.last_number);
    serving_ = true;
  }
  forwards_.restart();
  if (MUTANT(ForwardsNotRepeated) && found != state_.members.end()) {
    while (forwards_.next() != nullptr) forwards_.gave_next();
  }
  for (const auto& [number, connection] : clients_.syncs()) ask_sync(config_.self, number);
  if (serving_) begin_serving();
}

void Replica::begin_serving() {
  clients_.set_read_only(false, now_);
  clients_.resume(now_);
}

// ---- linearizable reads ---------------------------------------------------------------------

bool Replica::request_sync(uint64_t number) {
  // Alone, what is committed is applied, and nobody else can have committed anything.
  if (membership_.is_alone() || MUTANT(SyncWithoutBarrier)) return true;
  if (ready_) ask_sync(config_.self, number);
  return false;
}

void Replica::ask_sync(ServerId server, uint64_t number) {
  if (leader_) {
    // The commit zxid is at least the end of the history that this leader began with.
    syncs_asked_.push_back({server, number, leader_->ask_confirmation(), leader_->committed()});
  } else if (follower_) {
    follower_->ask_sync(number);
  }
}

void Replica::confirm_syncs() {
  while (leader_ && !syncs_asked_.empty() &&
         (leader_->confirmed(syncs_asked_.front().token) || MUTANT(SyncUnconfirmed))) {
    const Sync sync = syncs_asked_.front();
    syncs_asked_.pop_front();
    if (sync.server == config_.self) {
      syncs_ready_.emplace(sync.zxid, sync.number);
      continue;
    }
    const auto peer = peers_.find(sync.server);
    if (peer == peers_.end()) continue;
    PeerSend& send = output_.peers.emplace_back();
    send.links.push_back(peer->second.link);
    send.message.mutable_sync_reply()->set_number(sync.number);
    send.message.mutable_sync_reply()->set_zxid(sync.zxid.value());
  }
  while (!syncs_ready_.empty() && syncs_ready_.begin()->first <= state_.applied) {
    const uint64_t number = syncs_ready_.begin()->second;
    syncs_ready_.erase(syncs_ready_.begin());
    clients_.synced(number, now_);
  }
}

// ---- applying -------------------------------------------------------------------------------

Zxid Replica::apply_limit() const {
  if (leader_) return leader_->committed();
  if (follower_) return std::max(committed_, follower_->committed());
  return committed_;
}

// Committed, and durable here.
void Replica::apply_committed() {
  if (follower_ && follower_->is_installing()) return;
  committed_ = std::max(committed_, std::min(apply_limit(), history_.last_zxid()));
  note_committed();
  const Zxid limit = std::min(committed_, history_.durable_zxid());
  while (history_.has_unapplied() && history_.next_unapplied().zxid <= limit) {
    apply(history_.next_unapplied());
    // A proposal made while this one was answered may be committed already: alone it is not, for
    // it is not durable.
  }
}

void Replica::apply(const Proposal& proposal) {
  CHECK_MSG(parsed_.ParseFromString(proposal.bytes), "a committed entry cannot be decoded");
  const Zxid zxid = proposal.zxid;
  evaluate(zxid);
  history_.applied_next();
  membership_.applied();
  ++figures_.applied;
  figures_.propagation_us.add(std::max<int64_t>(now_.wall_ms - parsed_.time_ms(), 0) * 1000);
  const entry::Origin& origin = parsed_.origin();
  const bool is_ours = parsed_.has_origin() && origin.server() == config_.self.value() &&
                       origin.incarnation() == incarnation_.value();
  if (is_ours) forwards_.evaluated(origin.forward_number());
  // Evaluation found that the judged attachment is not the session's any more: it lives.
  if (parsed_.kind_case() == entry::Entry::kExpireSession &&
      effects_.closed_session == SessionId{}) {
    const state::Session* session =
        state_.sessions.find(SessionId(parsed_.expire_session().session()));
    if (session != nullptr) tracker_.touch(session->id, session->timeout_ms, now_);
  }
  if (counter_of(zxid) % kDigestInterval == 0) sample_digest(zxid);
  // Until the log tells that it is committed, a start finds its server suspended.
  log_watermark_ |= parsed_.has_admit();
  const bool is_up = is_ours && parsed_.has_server_up();
  clients_.applied(parsed_, zxid, effects_, now_);
  if (is_up && ready_ && !serving_) {
    serving_ = true;
    begin_serving();
  }
}

}  // namespace topod::zab
