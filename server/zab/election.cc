#include "server/zab/election.h"

#include <algorithm>
#include <utility>

#include "proto/limits.h"
#include "proto/mutants.h"

namespace topod::zab {

void Election::look(const Credentials& mine, bool votes, bool eligible, int64_t now_ms) {
  mine_ = mine;
  votes_ = votes;
  eligible_ = votes && eligible;
  looking_ = true;
  began_ms_ = now_ms;
  ++round_;
  for (const auto& [id, peer] : peers_) round_ = std::max(round_, peer.round);
  vote_ = ServerId{};
  think_anew(now_ms);
  news_ = true;
  choose(now_ms);
}

void Election::think_anew(int64_t now_ms) {
  doubts_.clear();
  voted_ms_ = now_ms;
}

void Election::heard(ServerId id, const peer::Notification& notification, bool counts,
                     int64_t now_ms) {
  const bool is_new = !peers_.contains(id);
  Peer& peer = peers_[id];
  peer.leads = notification.role() == peer::Notification::LEADING;
  peer.round = notification.role() == peer::Notification::LOOKING ? notification.round() : 0;
  peer.vote = ServerId(notification.vote());
  peer.credentials = {Epoch(notification.current_epoch()), Zxid(notification.last_zxid()),
                      !notification.no_space(), id};
  peer.eligible = notification.eligible();
  peer.counts = counts;
  if (!looking_) return;
  if (is_new) think_anew(now_ms);  // what did not work without it may work now
  if (counts && peer.round > round_) {
    round_ = peer.round;
    began_ms_ = now_ms;
    vote_ = ServerId{};
    think_anew(now_ms);
    news_ = true;
  }
  choose(now_ms);
}

void Election::peer_gone(ServerId peer, int64_t now_ms) {
  peers_.erase(peer);
  doubts_.erase(peer);
  if (looking_) choose(now_ms);
}

void Election::tick(int64_t now_ms) {
  if (!looking_) return;
  if (vote_ != self_ && vote_ != ServerId{}) {
    Doubt& doubt = doubts_.try_emplace(vote_, Doubt{limits::kElectionPatienceMs}).first->second;
    if (now_ms - voted_ms_ > doubt.patience_ms) {
      // Something between it and the others is wrong.
      doubt.passed_over_until_ms = now_ms + doubt.patience_ms;
      doubt.patience_ms = std::min(2 * doubt.patience_ms, limits::kElectionPatienceMaxMs);
    }
  }
  choose(now_ms);
}

bool Election::is_passed_over(ServerId server, int64_t now_ms) const {
  const auto doubt = doubts_.find(server);
  return doubt != doubts_.end() && now_ms < doubt->second.passed_over_until_ms;
}

void Election::choose(int64_t now_ms) {
  if (!votes_) return;
  std::optional<Credentials> best;
  if (eligible_) best = mine_;
  for (const auto& [id, peer] : peers_) {
    // One that leads already, though no quorum is synchronised yet, is still a candidate.
    const bool stands = peer.round == round_ || peer.leads;
    if (!stands || !peer.eligible || !peer.counts || is_passed_over(id, now_ms)) continue;
    const bool is_better = MUTANT(ElectionIgnoresEpoch)
                               ? !best || std::pair(peer.credentials.last_zxid, id) >
                                              std::pair(best->last_zxid, best->id)
                               : !best || peer.credentials > *best;
    if (is_better) best = peer.credentials;
  }
  const ServerId vote = best ? best->id : ServerId{};
  if (vote == vote_) return;
  vote_ = vote;
  voted_ms_ = now_ms;
  news_ = true;
}

bool Election::supports_me(ServerId server) const {
  if (server == self_) return vote_ == self_;
  const auto peer = peers_.find(server);
  return peer != peers_.end() && peer->second.counts && peer->second.round == round_ &&
         peer->second.vote == self_;
}

bool Election::won(int64_t now_ms) const {
  if (!looking_ || !eligible_) return false;
  if (!quorum_.reached([&](ServerId server) { return supports_me(server); })) return false;
  // Those who are linked may have something better; they get a moment to say so.
  const bool all_spoke = std::all_of(peers_.begin(), peers_.end(), [&](const auto& one) {
    return !one.second.counts || one.second.round == round_ || one.second.round == 0;
  });
  return all_spoke || now_ms - began_ms_ >= limits::kElectionSettleMs;
}

bool Election::take_news() {
  const bool news = news_;
  news_ = false;
  return news;
}

}  // namespace topod::zab
