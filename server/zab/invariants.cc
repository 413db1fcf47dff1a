#include "server/zab/invariants.h"

#include "server/zab/replica.h"

namespace topod::zab {

namespace {

std::string of_history(const History& history) {
  if (history.applied_zxid() > history.durable_zxid()) return "applied before it is durable";
  if (history.durable_zxid() > history.last_zxid()) return "durable beyond the end of the log";
  Zxid before = history.window_begin();
  for (const Proposal& proposal : history.proposals()) {
    if (proposal.predecessor != before) return "a gap in the history";
    if (proposal.zxid <= before) return "the history does not ascend";
    before = proposal.zxid;
  }
  if (before != history.last_zxid()) return "the history does not end at its last zxid";
  const EpochEnd* previous = nullptr;
  for (const EpochEnd& end : history.ends()) {
    if (previous != nullptr && end.epoch <= previous->epoch) return "epochs do not ascend";
    previous = &end;
  }
  const Zxid last = previous == nullptr ? Zxid(0) : make_zxid(previous->epoch, previous->counter);
  if (last != history.last_zxid()) return "the ends of the epochs do not tell the last zxid";
  return {};
}

std::string of_learner(const Replica& replica, const Leader& leader, const Learner& learner) {
  const Zxid last = replica.history().last_zxid();
  if (learner.cursor > last && !learner.snapshotting) return "a learner was sent what is not there";
  if (learner.acked > learner.cursor) return "a learner acknowledged what it was not sent";
  if (learner.votes && !replica.membership().is_voter(learner.server)) {
    return "somebody who is no voter counts";
  }
  size_t bytes = 0;
  for (const Learner::Sent& sent : learner.unacked) bytes += sent.bytes;
  if (bytes != learner.unacked_bytes) return "the bytes under way are counted wrongly";
  if (!learner.votes && learner.told_committed > leader.committed()) {
    return "a learner was told of a commit that is none";
  }
  return {};
}

std::string of_leader(const Replica& replica, const Leader& leader) {
  const Promises& promises = replica.promises();
  if (leader.phase() > Leader::Phase::kGathering && promises.accepted_epoch < leader.epoch()) {
    return "a leader has not accepted its own epoch";
  }
  if (leader.established() && promises.current_epoch != leader.epoch()) {
    return "an established leader's epoch is not current";
  }
  if (leader.committed() > replica.history().last_zxid()) return "committed beyond the log";
  for (const auto& [server, learner] : leader.learners()) {
    if (std::string wrong = of_learner(replica, leader, learner); !wrong.empty()) return wrong;
  }
  return {};
}

std::string of_role(const Replica& replica) {
  const Leader* leader = replica.leading();
  const Follower* follower = replica.following();
  if ((leader != nullptr) != (replica.role() == Role::kLeading)) return "leading without a reign";
  if ((follower != nullptr) != (replica.role() == Role::kFollowing)) {
    return "following without a leader";
  }
  if (!replica.serving()) return {};
  if (leader != nullptr && !leader->established()) return "serving before it is established";
  if (follower != nullptr && !follower->up_to_date()) return "serving before it is up to date";
  if (leader == nullptr && follower == nullptr) return "serving without a leader";
  return {};
}

}  // namespace

std::string violated_invariant(const Replica& replica) {
  const Promises& promises = replica.promises();
  if (promises.current_epoch > promises.accepted_epoch) {
    return "the current epoch is above the accepted one";
  }
  const bool is_installing = replica.following() != nullptr && replica.following()->is_installing();
  if (!is_installing && replica.state().applied != replica.history().applied_zxid()) {
    return "state and history disagree about what is applied";
  }
  if (std::string wrong = of_history(replica.history()); !wrong.empty()) return wrong;
  if (std::string wrong = of_role(replica); !wrong.empty()) return wrong;
  if (replica.leading() != nullptr) return of_leader(replica, *replica.leading());
  return {};
}

}  // namespace topod::zab
