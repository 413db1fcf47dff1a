// Looking for a leader, leading, following: which of them, and the way from one to another.
#include <algorithm>

#include "proto/check.h"
#include "proto/mutants.h"
#include "server/zab/replica.h"

namespace topod::zab {

namespace {
// Role changes in one turn; more than these go on in the next.
constexpr int kRoleChangesMax = 8;
// A leader whose disk owes it something for this long is worse than an election.
constexpr int64_t kLeaderFlushLimitMs = 2'000;
// Without a leader for this long, or a tick, reads are served to those who allow it.
constexpr int64_t kReadOnlyAfterMs = 2'000;
}  // namespace

Leader::Parts Replica::parts() {
  return {config_, membership_, journal_, history_, output_, figures_};
}

ServerId Replica::leader() const {
  if (leader_ && leader_->established()) return config_.self;
  if (follower_ && follower_->up_to_date()) return follower_->leader();
  return ServerId{};
}

ServerId Replica::server_of(LinkId link) const {
  for (const auto& [server, peer] : peers_) {
    if (peer.link == link) return server;
  }
  return ServerId{};
}

// ---- inputs from peers ----------------------------------------------------------------------

void Replica::peer_connected(LinkId link, ServerId server, const InstanceId& instance,
                             uint32_t feature_level, Moment now) {
  now_ = now;
  CHECK(server != config_.self && !peers_.contains(server));
  Peer& peer = peers_[server];
  peer.link = link;
  peer.instance = instance;
  peer.feature_level = feature_level;
  tell_founded(link);
  notify(link);
}

void Replica::peer_disconnected(LinkId link, Moment now) {
  now_ = now;
  const ServerId server = server_of(link);
  if (server == ServerId{}) return;
  peers_.erase(server);
  membership_.peer_gone(server);
  election_.peer_gone(server, now.monotonic_ms());
  digests_.forget(server);
  if (leader_) leader_->peer_gone(server);
}

bool Replica::peer_message(LinkId link, peer::Message& message, Moment now) {
  now_ = now;
  const ServerId server = server_of(link);
  if (server == ServerId{}) return true;
  switch (message.kind_case()) {
    case peer::Message::kFounded: return heard_founded(server, message.founded());
    case peer::Message::kNotification: return heard_notification(server, message.notification());
    case peer::Message::kNewEpoch:
    case peer::Message::kTruncate:
    case peer::Message::kSnapshotBegin:
    case peer::Message::kNewLeader:
    case peer::Message::kUpToDate:
    case peer::Message::kPropose:
    case peer::Message::kCommit:
    case peer::Message::kHeartbeat:
      // Of a following that has ended here: the link goes with it, this came before.
      if (!follower_ || follower_->link() != link) return true;
      return follower_->message(message, now);
    case peer::Message::kDiverged:
      if (follower_ && follower_->link() == link) heard_diverged(message.diverged());
      return true;
    case peer::Message::kSyncReply:
      if (follower_ && follower_->link() == link) {
        syncs_ready_.emplace(Zxid(message.sync_reply().zxid()), message.sync_reply().number());
      }
      return true;
    default: break;
  }
  if (!leader_) return true;  // to a leader that this server is no longer
  switch (message.kind_case()) {
    case peer::Message::kFollowerInfo: return heard_follower_info(server, message.follower_info());
    case peer::Message::kAckEpoch: return leader_->ack_epoch(server, message.ack_epoch());
    case peer::Message::kAckNewLeader:
      return leader_->ack_new_leader(server, message.ack_new_leader());
    case peer::Message::kAck: return leader_->ack(server, Zxid(message.ack().zxid()));
    case peer::Message::kForward: return forwarded(server, message.forward());
    case peer::Message::kHeartbeatReply:
      for (const peer::Touch& touch : message.heartbeat_reply().touches()) {
        if (MUTANT(TouchesLost)) break;
        const SessionId session(touch.session());
        if (state_.sessions.find(session) == nullptr) continue;
        tracker_.touch(session, touch.timeout_ms(), now);
      }
      if (!leader_->heartbeat_reply(server, message.heartbeat_reply(), now)) return false;
      // Last, for it may end this reign.
      if (message.heartbeat_reply().has_digest()) {
        const peer::Digest& digest = message.heartbeat_reply().digest();
        note_digest(server, Zxid(digest.zxid()), {digest.low(), digest.high()});
      }
      return true;
    case peer::Message::kSyncRequest:
      if (leader_->accepts_from(server)) ask_sync(server, message.sync_request().number());
      return true;
    default: return false;
  }
}

bool Replica::heard_follower_info(ServerId server, const peer::FollowerInfo& info) {
  const Peer& peer = peers_.at(server);
  if (info.accepted_epoch() >= kEpochMax) return false;
  if (info.feature_level() < state_.feature_level) {
    output_.peers_closed.push_back(
        {peer.link, "server " + std::to_string(server.value()) + " knows feature level " +
                        std::to_string(info.feature_level()) + ", the ensemble is at level " +
                        std::to_string(state_.feature_level) + ": upgrade that server"});
    return true;
  }
  heard_accepted_ = std::max(heard_accepted_, Epoch(info.accepted_epoch()));
  leader_->follower_info(server, peer.link, peer.instance, info, now_);
  return true;
}

bool Replica::heard_founded(ServerId server, const peer::Founded& told) {
  const std::string objection = membership_.heard(server, told);
  Peer& peer = peers_.at(server);
  if (!objection.empty()) {
    output_.peers_closed.push_back({peer.link, objection});
    return true;
  }
  peer.has_told = true;
  return true;
}

bool Replica::heard_notification(ServerId server, const peer::Notification& notification) {
  Peer& peer = peers_.at(server);
  peer.notification = notification;
  election_.heard(server, notification, membership_.counts(server, peer.instance),
                  now_.monotonic_ms());
  return true;
}

void Replica::history_read(LinkId link, std::vector<HistoryEntry> entries, bool gone, Moment now) {
  now_ = now;
  if (leader_) leader_->history_read(server_of(link), entries, gone);
}

void Replica::snapshot_sent(LinkId link, Zxid zxid, bool ok, Moment now) {
  now_ = now;
  if (leader_) leader_->snapshot_sent(server_of(link), zxid, ok);
}

bool Replica::snapshot_received(LinkId link, ReceivedSnapshot snapshot, Moment now) {
  now_ = now;
  return follower_ && follower_->link() == link &&
         follower_->snapshot_received(std::move(snapshot));
}

// ---- telling peers --------------------------------------------------------------------------

void Replica::notify(LinkId link) {
  PeerSend& send = output_.peers.emplace_back();
  send.links.push_back(link);
  peer::Notification& notification = *send.message.mutable_notification();
  switch (role_) {
    case Role::kLooking: notification.set_role(peer::Notification::LOOKING); break;
    case Role::kFollowing: notification.set_role(peer::Notification::FOLLOWING); break;
    case Role::kLeading: notification.set_role(peer::Notification::LEADING); break;
  }
  notification.set_round(election_.round());
  notification.set_vote(election_.vote().value());
  notification.set_current_epoch(journal_.promises().current_epoch.value());
  notification.set_last_zxid(history_.last_zxid().value());
  notification.set_eligible(is_eligible());
  notification.set_no_space(no_log_space_);
  if (leader_) {
    notification.set_established(leader_->established());
    notification.set_leader_epoch(leader_->epoch().value());
  }
}

void Replica::notify_all() {
  if (peers_.empty()) return;
  notify(peers_.begin()->second.link);
  PeerSend& send = output_.peers.back();
  send.links.clear();
  for (const auto& [server, peer] : peers_) send.links.push_back(peer.link);
}

void Replica::tell_founded(LinkId link) {
  PeerSend& send = output_.peers.emplace_back();
  send.links.push_back(link);
  *send.message.mutable_founded() = membership_.tell();
}

// ---- roles ----------------------------------------------------------------------------------

void Replica::advance_role() {
  if (membership_.take_news()) membership_changed();
  for (int changes = 0; changes < kRoleChangesMax && change_role(); ++changes) {
  }
  if (election_.take_news() || news_) {
    news_ = false;
    notify_all();
  }
  if (ready_) return;
  const bool may_be_ready = (leader_ && leader_->established() && state_.applied >= ready_at_) ||
                            (follower_ && follower_->up_to_date() &&
                             (state_.applied >= follower_->barrier() || MUTANT(DuplicateForwards)));
  if (may_be_ready) become_ready();
}

void Replica::membership_changed() {
  for (const auto& [server, peer] : peers_) {
    tell_founded(peer.link);
    election_.heard(server, peer.notification, membership_.counts(server, peer.instance),
                    now_.monotonic_ms());
  }
  if (role_ == Role::kLooking) look(last_change_);
}

// One step, if there is one to be made.
bool Replica::change_role() {
  switch (role_) {
    case Role::kLooking: {
      const ServerId server = whom_to_follow();
      if (server != ServerId{}) {
        follow(server);
        return true;
      }
      if (!election_.won(now_.monotonic_ms())) return false;
      begin_leading();
      return true;
    }
    case Role::kFollowing: {
      if (auto installed = follower_->take_installed()) install(std::move(*installed));
      // It is in the log, and takes effect whatever becomes of the leader.
      if (follower_->is_installing()) return false;
      const auto peer = peers_.find(follower_->leader());
      if (peer == peers_.end() || peer->second.link != follower_->link()) {
        look("the link to the leader is gone");
        return true;
      }
      if (!follower_->failed().empty()) {
        output_.peers_closed.push_back({follower_->link(), follower_->failed()});
        look(follower_->failed());
        return true;
      }
      if (has_ended(peer->second.notification)) {
        look("the leader leads no more");
        return true;
      }
      return false;
    }
    case Role::kLeading: {
      leader_->advance();
      if (!leader_->failed().empty()) {
        look(leader_->failed());
        return true;
      }
      if (!leader_->established() || was_established_) return false;
      was_established_ = true;
      news_ = true;
      ready_at_ = leader_->committed();
      tracker_.start(state_, now_);
      last_contact_ms_ = now_.monotonic_ms();
      return false;
    }
  }
  return false;
}

// The reign that this server follows. A new one of the same leader may be all that is heard.
bool Replica::has_ended(const peer::Notification& leader) const {
  if (leader.role() != peer::Notification::LEADING) return true;
  if (follower_->up_to_date() && !leader.established()) return true;
  const Epoch mine = follower_->epoch();
  return mine != Epoch(0) && leader.leader_epoch() != 0 && Epoch(leader.leader_epoch()) != mine;
}

bool Replica::is_eligible() const {
  // What is logged without space does not become durable, and no promise behind it.
  const bool can_promise = !is_stalled() && (!no_log_space_ || journal_.all_durable());
  return membership_.votes() && !stopping_ && !diverged_ && can_promise;
}

ServerId Replica::whom_to_follow() const {
  if (is_stalled()) return ServerId{};
  for (const auto& [server, peer] : peers_) {
    const bool is_closing =
        std::any_of(output_.peers_closed.begin(), output_.peers_closed.end(),
                    [&, link = peer.link](const PeerClose& close) { return close.link == link; });
    if (is_closing || !peer.has_told || peer.notification.role() != peer::Notification::LEADING)
      continue;
    // Who was elected a moment ago is followed by those who elected it.
    if (peer.notification.established() || election_.vote() == server) return server;
  }
  return ServerId{};
}

void Replica::note_election() {
  const int64_t duration_us = now_.monotonic_us - looking_since_us_;
  const bool is_first = elections_.found++ == 0;
  elections_.last_us = duration_us;
  elections_.min_us = is_first ? duration_us : std::min(elections_.min_us, duration_us);
  elections_.max_us = std::max(elections_.max_us, duration_us);
  elections_.sum_us += duration_us;
  elections_.durations_us.add(duration_us);
}

void Replica::look(std::string why) {
  if (role_ != Role::kLooking) looking_since_us_ = now_.monotonic_us;
  last_change_ = std::move(why);
  role_ = Role::kLooking;
  leader_.reset();
  follower_.reset();
  was_established_ = false;
  tracker_.stop();
  syncs_asked_.clear();
  syncs_ready_.clear();
  proposed_.clear();
  digests_.clear();
  if (serving_) leaderless_ms_ = now_.monotonic_ms();
  ready_ = serving_ = false;
  election_.look(
      {journal_.promises().current_epoch, history_.last_zxid(), !no_log_space_, config_.self},
      membership_.votes(), is_eligible(), now_.monotonic_ms());
}

void Replica::begin_leading() {
  election_.stop();
  role_ = Role::kLeading;
  ++elections_.count;
  news_ = true;
  leader_ = std::make_unique<Leader>(parts(), committed_, heard_accepted_, now_);
}

void Replica::follow(ServerId server) {
  election_.stop();
  role_ = Role::kFollowing;
  ++elections_.count;
  news_ = true;
  follower_ = std::make_unique<Follower>(parts(), server, peers_.at(server).link, diverged_, now_);
}

// The tree is on disk, and so is the record that makes it this server's. What clients were
// watching meanwhile cannot be told.
void Replica::install(ReceivedSnapshot snapshot) {
  clients_.close_all(CloseReason::kSnapshotInstalled);
  forwards_.clear();
  state_ = std::move(*snapshot.state);
  state_.changes.clear();
  committed_ = logged_committed_ = state_.applied;
  samples_.clear();
  output_.keeps_replaced_tree = diverged_;
  diverged_ = false;
  output_.installed_generation = snapshot.generation;
  membership_.state_replaced();
}

void Replica::hand_over(Moment now) {
  now_ = now;
  stopping_ = true;
  if (role_ != Role::kFollowing) look("this server is about to stop");
  news_ = true;
}

// ---- time -----------------------------------------------------------------------------------

bool Replica::is_stalled() const {
  const int64_t limit_ms = follower_ ? config_.sync_limit_ms : kLeaderFlushLimitMs;
  return pending_since_ms_ >= 0 && now_.monotonic_ms() - pending_since_ms_ > limit_ms;
}

void Replica::tick(Moment now) {
  now_ = now;
  election_.tick(now.monotonic_ms());
  if (follower_) follower_->tick(now);
  if (leader_) tick_leader();
  const bool stands_otherwise =
      is_eligible() != election_.is_eligible() || no_log_space_ == election_.has_space();
  if (role_ == Role::kLooking && stands_otherwise) look(last_change_);
  // Nobody's answers come any more; its clients find another server.
  if (follower_ && !follower_->is_installing() && is_stalled()) {
    output_.peers_closed.push_back({follower_->link(), "the log does not become durable"});
    look("the log does not become durable");
  }
  if (membership_.is_alone()) return;
  if (follower_) last_contact_ms_ = std::max(last_contact_ms_, follower_->contact_us() / 1000);
  if (leader_ && leader_->established()) {
    last_contact_ms_ = std::max(last_contact_ms_, leader_->contact_ms());
  }
  const int64_t leaderless_for_ms = serving_ ? 0 : now.monotonic_ms() - leaderless_ms_;
  clients_.set_read_only(
      config_.read_only_enabled && !serving_ && !diverged_ &&
          leaderless_for_ms > std::max<int64_t>(kReadOnlyAfterMs, config_.tick_ms),
      now);
  clients_.tick(now, last_contact_ms_, serving_ ? std::nullopt : std::optional(leaderless_ms_));
}

// What every configured member understands; 0 unless all of them are here.
uint32_t Replica::supported_level() const {
  uint32_t level = state::kFeatureLevel;
  for (const PeerConfig& member : config_.members) {
    if (member.id == config_.self) continue;
    const auto learner = leader_->learners().find(member.id);
    if (learner == leader_->learners().end()) return 0;
    level = std::min(level, learner->second.feature_level);
  }
  return level;
}

// Whether this server's disk keeps the ensemble from what another leader could do; empty: no.
std::string Replica::why_resign() const {
  bool another_can = false;
  bool another_has_space = false;
  for (const auto& [server, learner] : leader_->learners()) {
    if (!learner.votes || learner.phase != Learner::Phase::kUpToDate) continue;
    another_can = true;
    // If it has not been sent everything, this server would win again.
    another_has_space |=
        learner.cursor == history_.last_zxid() && !peers_.at(server).notification.no_space();
  }
  if (is_stalled() && another_can) return "the log does not become durable";
  if (no_log_space_ && another_has_space) return "the disk is full";
  return {};
}

void Replica::tick_leader() {
  leader_->tick(now_);
  if (!leader_->failed().empty()) return;
  if (std::string why = why_resign(); !why.empty()) {
    look(std::move(why));
    return;
  }
  if (!ready_ || no_log_space_ || !leader_->may_propose()) return;
  due_.clear();
  tracker_.tick(state_, now_, due_);
  for (const auto& [server, learner] : leader_->learners()) {
    if (learner.votes || learner.phase != Learner::Phase::kUpToDate ||
        !membership_.is_voter(server) || membership_.is_suspended(server)) {
      continue;
    }
    entry::Admit& admit = *due_.emplace_back().mutable_admit();
    admit.set_server(server.value());
    admit.set_instance(std::string(learner.instance.begin(), learner.instance.end()));
  }
  if (supported_level() > state_.feature_level) {
    due_.emplace_back().mutable_raise_feature_level()->set_level(supported_level());
  }
  for (entry::Entry& entry : due_) {
    if (leader_->may_propose()) propose(entry);
  }
}

}  // namespace topod::zab
