// Whether all servers are in the same state, and what becomes of one that is not.
#include "server/zab/replica.h"

namespace topod::zab {

namespace {

constexpr size_t kDigestSamplesMax = 1'024;

std::string text_of(Zxid zxid) {
  return "epoch " + std::to_string(epoch_of(zxid).value()) + " counter " +
         std::to_string(counter_of(zxid));
}

}  // namespace

void Replica::sample_digest(Zxid zxid) {
  samples_.push_back({zxid, state_.digest});
  if (samples_.size() > kDigestSamplesMax) samples_.pop_front();
  if (follower_) {
    peer::Digest digest;
    digest.set_zxid(zxid.value());
    digest.set_low(state_.digest.low());
    digest.set_high(state_.digest.high());
    follower_->report(digest);
  }
  if (leader_) note_digest(config_.self, zxid, state_.digest);
}

// The majority is believed; a leader that is not of it leads no more.
void Replica::note_digest(ServerId server, Zxid zxid, const state::Digest& digest) {
  if (!leader_ || !leader_->established()) return;
  const DigestBook::Verdict verdict = digests_.note(
      server, zxid, digest, membership_.quorum(),
      [&](ServerId voter) { return voter == config_.self || peers_.contains(voter); });
  if (verdict.is_open && zxid > open_question_) {
    open_question_ = zxid;
    note_mismatch("at " + text_of(zxid) + " no majority of the servers is in the same state");
  }
  for (const ServerId differs : verdict.differ) {
    digests_.forget(differs);
    if (differs == config_.self) {
      set_diverged("the majority has another digest at " + text_of(zxid));
      return;
    }
    note_mismatch("server " + std::to_string(differs.value()) +
                  " has another digest than the majority at " + text_of(zxid));
    const auto peer = peers_.find(differs);
    if (peer == peers_.end()) continue;
    PeerSend& send = output_.peers.emplace_back();
    send.links.push_back(peer->second.link);
    send.message.mutable_diverged()->mutable_digest()->set_zxid(zxid.value());
  }
}

void Replica::heard_diverged(const peer::Diverged& told) {
  set_diverged(told.has_digest()
                   ? "the majority has another digest at " + text_of(Zxid(told.digest().zxid()))
                   : "it has applied what the majority does not have");
}

// Its log still votes, but what it made of it is not to be served, not even after a restart.
void Replica::set_diverged(const std::string& why) {
  if (diverged_ || (follower_ && follower_->is_installing())) return;
  diverged_ = true;
  journal_.diverged(state_.applied);
  note_mismatch("this server's state differs from that of the others: " + why);
  clients_.close_all(CloseReason::kDiverged);
  if (follower_) output_.peers_closed.push_back({follower_->link(), "the state has diverged"});
  look(mismatches_.last);
}

void Replica::note_mismatch(std::string what) {
  ++mismatches_.count;
  mismatches_.last = std::move(what);
}

}  // namespace topod::zab
