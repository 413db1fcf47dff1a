#include "tools/client/core/leader_watch.h"

#include <utility>

namespace topod::client {

LeaderWatch::Output LeaderWatch::step(Event event) {
  if (phase_ != Phase::kOver) std::visit([this](const auto& happened) { on(happened); }, event);
  return std::exchange(out_, Output{});
}

void LeaderWatch::await(Request request) {
  out_.asks.push_back({++last_ticket_, std::move(request)});
}

// Watched only when it has turned out to be empty: a busy queue changes all the time.
void LeaderWatch::list(bool watch) {
  phase_ = Phase::kListing;
  is_watching_queue_ = watch;
  await(children_request(queue_, watch));
}

void LeaderWatch::on(const Contender::Answer& answer) {
  if (answer.ticket != last_ticket_) return;
  const bool is_missing = !answer.result && answer.result.error().is(ErrorCode::kNoNode);
  if (!answer.result && !is_missing) return give_up(answer.result.error());
  switch (phase_) {
    case Phase::kListing: return listed(answer.result);
    case Phase::kReading: return read(answer.result);
    case Phase::kMissing:
      // The queue does not exist and is watched; or it has just been made.
      if (!is_missing) list(false);
      return;
    default: return;
  }
}

void LeaderWatch::listed(const Result<Reply>& result) {
  if (!result) {
    tell(std::nullopt);
    phase_ = Phase::kMissing;
    return await(exists_request(queue_, true));
  }
  Result<Children> list_of = children(*result);
  if (!list_of) return give_up(list_of.error());
  const std::vector<QueueEntry> queue = contenders(std::move(list_of->names));
  if (queue.empty()) {
    tell(std::nullopt);
    if (!is_watching_queue_) return list(true);
    phase_ = Phase::kFollowing;
    first_.clear();
    return;
  }
  first_ = queue_ + "/" + queue.front().name;
  phase_ = Phase::kReading;
  await(get_request(first_, true));
}

void LeaderWatch::read(const Result<Reply>& result) {
  if (!result) return list(false);
  const Result<Node> first = node(*result);
  if (!first) return give_up(first.error());
  phase_ = Phase::kFollowing;
  tell(Leader{first_, std::string(first->bytes()), Zxid(first->stat.czxid)});
}

void LeaderWatch::on(const WatchNews& news) {
  const bool concerns = phase_ == Phase::kMissing ||
                        (phase_ == Phase::kFollowing && (first_.empty() || news.path == first_));
  if (concerns && (news.path == queue_ || news.path == first_)) list(false);
}

void LeaderWatch::on(const SessionState& state) {
  if (is_final(state)) give_up(Error{.failure = Failure::kSessionExpired});
}

void LeaderWatch::tell(std::optional<Leader> leader) {
  if (told_ && *told_ == leader) return;
  // Assigning nobody would assign nothing.
  told_.emplace(leader);
  out_.leader.emplace(std::move(leader));
}

void LeaderWatch::give_up(Error error) {
  phase_ = Phase::kOver;
  out_.error = std::move(error);
}

}  // namespace topod::client
