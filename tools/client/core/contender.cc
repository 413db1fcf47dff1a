#include "tools/client/core/contender.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace topod::client {

namespace {

// Making the queue may be undone by those who remove it when it is empty; not for ever.
constexpr int kMakingsMax = 1'000;
// Before a removal that was refused is tried again: a server's disk may be full for a while.
constexpr int64_t kRemoveAgainMs = 500;

bool is_uncertain(const Result<Reply>& result) {
  return !result && result.error().outcome_is_unknown();
}
bool is_refused(const Result<Reply>& result, ErrorCode code) {
  return !result && result.error().is(code);
}
// The session is over; its notice has come or will.
bool is_end(const Result<Reply>& result) {
  if (result) return false;
  const Failure failure = result.error().failure;
  return failure == Failure::kSessionExpired || failure == Failure::kClosed ||
         failure == Failure::kAuthenticationFailed;
}

}  // namespace

Contender::Output Contender::step(Event event, int64_t now_ms) {
  now_ms_ = now_ms;
  std::visit([this](auto& happened) { on(happened); }, event);
  keep_time();
  out_.wake_ms = is_contending() ? give_up_ms()
                                 : remove_again_ms_.value_or(std::numeric_limits<int64_t>::max());
  return std::exchange(out_, Output{});
}

bool Contender::is_in_queue() const {
  return !is_leaving_ && phase_ >= Phase::kLooking && phase_ <= Phase::kHolding;
}

bool Contender::is_contending() const {
  return !is_leaving_ && phase_ != Phase::kIdle && phase_ < Phase::kHolding;
}

int64_t Contender::give_up_ms() const {
  return has_looked_ ? settings_.deadline_ms
                     : std::max(settings_.deadline_ms, settings_.look_by_ms);
}

void Contender::keep_time() {
  if (is_contending() && now_ms_ >= give_up_ms()) fail(Reason::kTimedOut);
  if (phase_ == Phase::kLeaving && remove_again_ms_ && now_ms_ >= *remove_again_ms_) leave();
}

uint64_t Contender::ask(Request request) {
  out_.asks.push_back({++last_ticket_, std::move(request)});
  return last_ticket_;
}

// ---- what has happened -----------------------------------------------------------------------

void Contender::on(const Start&) {
  if (phase_ == Phase::kIdle) enter();
}

void Contender::on(Answer& answer) {
  const bool is_check = answer.ticket == check_;
  if ((answer.ticket != awaited_ && !is_check) || phase_ == Phase::kOver) return;
  if (is_end(answer.result)) {
    on(SessionState::kExpired);
    return;
  }
  if (is_check) return checked(answer.result);
  switch (phase_) {
    case Phase::kEntering: return entered(answer.result);
    case Phase::kMaking: return made(answer.result);
    case Phase::kSearching: return searched(answer.result);
    case Phase::kLearning: return learned(answer.result);
    case Phase::kLooking: return looked(answer.result);
    case Phase::kWatching: return watched(answer.result);
    case Phase::kLeaving: return removed(answer.result);
    case Phase::kPruning: return pruned(answer.result);
    case Phase::kIdle:
    case Phase::kWaiting:
    case Phase::kHolding:
    case Phase::kOver: return;
  }
}

void Contender::on(const WatchNews& news) {
  if (news.path == own_ && is_in_queue()) {
    if (news.type == EventType::kNodeDeleted) return broken();
    is_own_watched_ = false;
    return phase_ == Phase::kHolding ? check() : look();
  }
  if (phase_ == Phase::kWaiting && news.path == watched_) look();
}

void Contender::on(const SessionState& state) {
  if (phase_ == Phase::kIdle || phase_ == Phase::kOver) return;
  if (is_final(state)) {
    if (phase_ == Phase::kHolding) {
      out_.notices.emplace_back(Lost{Reason::kSessionExpired});
    } else if (!has_failed_ && !is_leaving_) {
      out_.notices.emplace_back(Failed{Reason::kSessionExpired, {}});
    }
    return over();
  }
  if (state != SessionState::kConnected) {
    is_sure_ = false;
  } else if (is_in_queue() && check_ == 0) {
    check();
  }
  // Who waits may go on waiting: if the session lives, its znode has kept its place.
  if (state == SessionState::kOverdue && phase_ == Phase::kHolding) {
    out_.notices.emplace_back(Lost{Reason::kSessionOverdue});
    leave();
  }
}

void Contender::on(const Release&) {
  if (phase_ == Phase::kIdle) return over();
  if (is_leaving_ || phase_ >= Phase::kLeaving) return;
  leave();
}

// ---- entering the queue ------------------------------------------------------------------------

void Contender::enter() {
  phase_ = Phase::kEntering;
  CreateOptions options;
  options.mode = CreateMode::kEphemeralSequential;
  options.acls = settings_.acls;
  await(create_request(settings_.queue + "/" + settings_.prefix, settings_.contents, options));
}

void Contender::entered(const Result<Reply>& result) {
  if (is_uncertain(result)) return search();
  if (is_refused(result, ErrorCode::kNoNode) && !is_leaving_) {
    phase_ = Phase::kMaking;
    making_ = settings_.queue;
    return await(create_request(making_, std::string_view(), {.mode = settings_.queue_mode}));
  }
  if (!result) return fail(Reason::kRefused, result.error());
  const Result<Created> place = created(*result);
  if (!place) return search();
  own_ = place->path;
  found(place->stat);
}

// Upwards until there is something to stand on, then from the queue again.
void Contender::made(const Result<Reply>& result) {
  if (is_leaving_) return over();
  const bool is_there = result || is_refused(result, ErrorCode::kNodeExists);
  const bool has_parent = parent_of(making_) != "/";
  if (++makings_ > kMakingsMax) return fail(Reason::kRefused, result ? Error{} : result.error());
  if (is_there && making_ == settings_.queue) return enter();
  if (is_there || is_uncertain(result)) {
    making_ = settings_.queue;
  } else if (is_refused(result, ErrorCode::kNoNode) && has_parent) {
    making_ = parent_of(making_);
  } else {
    return fail(Reason::kRefused, result.error());
  }
  const bool is_queue = making_ == settings_.queue;
  const CreateMode mode = is_queue ? settings_.queue_mode : CreateMode::kPersistent;
  await(create_request(making_, std::string_view(), {.mode = mode}));
}

void Contender::search() {
  phase_ = Phase::kSearching;
  // Another server than before may lag behind what the session has done.
  ask(sync_request(settings_.queue));
  await(ephemerals_request(settings_.queue + "/" + settings_.prefix));
}

void Contender::searched(const Result<Reply>& result) {
  if (!result) {
    return is_uncertain(result) ? search() : fail(Reason::kRefused, result.error());
  }
  const auto places = ephemerals(*result);
  if (!places) return fail(Reason::kRefused, places.error());
  std::vector<std::string> names;
  for (const std::string& path : *places) {
    if (parent_of(path) == settings_.queue) names.emplace_back(name_of_path(path));
  }
  const std::vector<QueueEntry> mine = contenders(std::move(names));
  if (mine.empty()) return is_leaving_ ? over() : enter();
  own_ = settings_.queue + "/" + mine.front().name;
  learn();
}

// Whose is the znode of that name? Another server than before may lag behind, see above.
void Contender::learn() {
  phase_ = Phase::kLearning;
  ask(sync_request(own_));
  await(exists_request(own_));
}

void Contender::learned(const Result<Reply>& result) {
  const Result<Stat> stat = result ? stat_of(*result) : tl::unexpected(result.error());
  const bool is_gone = is_refused(result, ErrorCode::kNoNode) ||
                       (stat && token_ != Zxid() && token_ != Zxid(stat->czxid));
  if (is_gone) return is_leaving_ ? gone() : broken();
  if (stat) return found(*stat);
  if (is_leaving_) return leave_later();
  fail(Reason::kRefused, stat.error());
}

void Contender::found(const Stat& stat) {
  token_ = Zxid(stat.czxid);
  is_sure_ = true;
  if (is_leaving_) return leave();
  look();
}

// ---- waiting -----------------------------------------------------------------------------------

void Contender::look() {
  phase_ = Phase::kLooking;
  // With its own znode watched, the list it is missing from cannot come before that event.
  if (!is_own_watched_) check();
  await(children_request(settings_.queue));
}

void Contender::check() {
  is_own_watched_ = true;
  check_ = ask(get_request(own_, true));
}

void Contender::checked(const Result<Reply>& result) {
  check_ = 0;
  if (!is_in_queue()) return;
  if (is_refused(result, ErrorCode::kNoNode)) return broken();
  const Result<Node> own = result ? node(*result) : tl::unexpected(result.error());
  if (!own) return;  // not for it to read: only the end of its session ends its hold
  if (Zxid(own->stat.czxid) != token_) return broken();
  is_sure_ = true;
}

void Contender::looked(const Result<Reply>& result) {
  if (is_refused(result, ErrorCode::kNoNode)) return broken();
  if (!result) return fail(Reason::kRefused, result.error());
  Result<Children> list = children(*result);
  if (!list) return fail(Reason::kRefused, list.error());
  std::vector<QueueEntry> queue = contenders(std::move(list->names));
  std::erase_if(queue, [this](const auto& entry) { return not_contenders_.contains(entry.name); });
  const std::string_view mine = name_of_path(own_);
  const auto place = std::find_if(queue.begin(), queue.end(),
                                  [&](const auto& entry) { return entry.name == mine; });
  if (place == queue.end()) return broken();
  const QueueEntry* before = predecessor(queue, mine, settings_.is_reader);
  if (before == nullptr) return hold();
  ahead_ = static_cast<size_t>(place - queue.begin());
  watched_ = settings_.queue + "/" + before->name;
  phase_ = Phase::kWatching;
  // Not exists: that would leave a watch on what is gone already.
  await(get_request(watched_, true));
}

void Contender::watched(const Result<Reply>& result) {
  if (is_refused(result, ErrorCode::kNoNode)) return look();
  if (!result) return fail(Reason::kRefused, result.error());
  const Result<Node> before = node(*result);
  if (!before) return fail(Reason::kRefused, before.error());
  if (before->stat.ephemeral_owner == 0) {
    not_contenders_.emplace(name_of_path(watched_));
    return look();
  }
  phase_ = Phase::kWaiting;
  has_looked_ = true;
  out_.notices.emplace_back(Waits{ahead_, watched_, std::string(before->bytes())});
}

void Contender::hold() {
  phase_ = Phase::kHolding;
  out_.notices.emplace_back(Holds{own_, token_});
}

// ---- leaving -----------------------------------------------------------------------------------

void Contender::fail(Reason why, Error error) {
  if (!has_failed_ && !is_leaving_) {
    out_.notices.emplace_back(Failed{why, std::move(error)});
    has_failed_ = true;
  }
  const bool is_undecided = phase_ == Phase::kEntering || phase_ == Phase::kSearching;
  if (why == Reason::kTimedOut || !is_undecided || !own_.empty()) return leave();
  over();
}

// Somebody has removed its znode. What has that name now is not its own.
void Contender::broken() {
  if (phase_ == Phase::kHolding) {
    out_.notices.emplace_back(Lost{Reason::kBroken});
  } else {
    out_.notices.emplace_back(Failed{Reason::kBroken, {}});
    has_failed_ = true;
  }
  is_leaving_ = true;
  gone();
}

void Contender::leave() {
  is_leaving_ = true;
  if (own_.empty()) {
    // An answer that is under way will tell whether there is something to remove.
    const bool is_undecided = phase_ == Phase::kEntering || phase_ == Phase::kSearching;
    if (!is_undecided) over();
    return;
  }
  remove_again_ms_.reset();
  if (!is_sure_) return learn();
  phase_ = Phase::kLeaving;
  is_sure_ = false;  // from here on it may be gone
  await(remove_request(own_, kAnyVersion));
}

void Contender::leave_later() {
  phase_ = Phase::kLeaving;
  remove_again_ms_ = now_ms_ + kRemoveAgainMs;
}

void Contender::removed(const Result<Reply>& result) {
  if (is_uncertain(result)) return leave();
  // Its place must go: it would stand in the way of all others until the session ends. Without the
  // right to remove it nothing else remains.
  const bool is_gone = result || is_refused(result, ErrorCode::kNoNode);
  if (is_gone || is_refused(result, ErrorCode::kNoAuth)) return gone();
  leave_later();
}

void Contender::gone() {
  if (settings_.prune_below.empty()) return over();
  prune(settings_.queue);
}

void Contender::prune(std::string_view path) {
  const bool is_below =
      path.size() > settings_.prune_below.size() && path.starts_with(settings_.prune_below);
  if (!is_below) return over();
  phase_ = Phase::kPruning;
  pruning_ = path;
  await(remove_request(pruning_, kAnyVersion));
}

void Contender::pruned(const Result<Reply>& result) {
  if (!result) return over();  // not empty, gone already, or not ours to remove
  prune(parent_of(pruning_));
}

void Contender::over() {
  phase_ = Phase::kOver;
  out_.notices.emplace_back(Left{});
}

}  // namespace topod::client
