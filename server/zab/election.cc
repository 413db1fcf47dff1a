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
  passed_over_.clear();
  news_ = true;
  choose(now_ms);
}

void Election::heard(ServerId id, const peer::Notification& notification, bool counts,
                     int64_t now_ms) {
  Peer& peer = peers_[id];
  peer.leads = notification.role() == peer::Notification::LEADING;
  peer.round = notification.role() == peer::Notification::LOOKING ? notification.round() : 0;
  peer.vote = ServerId(notification.vote());
  peer.credentials = {Epoch(notification.current_epoch()), Zxid(notification.last_zxid()),
                      !notification.no_space(), id};
  peer.eligible = notification.eligible();
  peer.counts = counts;
  if (!looking_) return;
  if (counts && peer.round > round_) {
    round_ = peer.round;
    began_ms_ = now_ms;
    vote_ = ServerId{};
    passed_over_.clear();
    news_ = true;
  }
  choose(now_ms);
}

void Election::peer_gone(ServerId peer, int64_t now_ms) {
  peers_.erase(peer);
  passed_over_.erase(peer);
  if (looking_) choose(now_ms);
}

void Election::tick(int64_t now_ms) {
  if (!looking_) return;
  std::erase_if(passed_over_, [&](const auto& one) { return one.second <= now_ms; });
  // The favourite does not come to lead: something between it and the others is wrong.
  if (vote_ != self_ && vote_ != ServerId{} && now_ms - voted_ms_ > limits::kElectionPatienceMs) {
    passed_over_[vote_] = now_ms + limits::kElectionPatienceMs;
  }
  choose(now_ms);
}

void Election::choose(int64_t now_ms) {
  if (!votes_) return;
  std::optional<Credentials> best;
  if (eligible_) best = mine_;
  for (const auto& [id, peer] : peers_) {
    // One that leads already, though no quorum is synchronised yet, is still a candidate.
    const bool stands = peer.round == round_ || peer.leads;
    if (!stands || !peer.eligible || !peer.counts || passed_over_.contains(id)) continue;
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
