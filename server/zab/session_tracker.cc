#include "server/zab/session_tracker.h"

#include <algorithm>

#include "proto/mutants.h"

namespace topod::zab {

namespace {
// The driver ticks at least this often; a longer gap means that the process itself stood still.
constexpr int64_t kStallMs = 500;
// The reaper's share of "per minute" is spread over rounds of at least this length.
constexpr int64_t kReapRoundMs = 1000;
// Nodes looked at in one round, due or not.
constexpr int64_t kReapVisits = 20'000;
}  // namespace

SessionTracker::SessionTracker(const ReplicaConfig& config)
    : config_(config),
      buckets_(config.tick_ms),
      report_ms_(config.members.size() < 2 ? 0 : 2 * config.heartbeat_ms()) {}

void SessionTracker::start(const state::State& state, Moment now) {
  is_active_ = true;
  for (const auto& [id, session] : state.sessions) {
    touch(id, MUTANT(NewLeaderExpiresAtOnce) ? 0 : session.timeout_ms, now);
  }
  last_tick_ms_ = now.monotonic_ms();
  next_reap_ms_ = now.monotonic_ms() + config_.container_check_interval_ms;
}

void SessionTracker::stop() {
  is_active_ = false;
  buckets_ = state::ExpiryBuckets(config_.tick_ms);
}

void SessionTracker::touch(SessionId session, int32_t timeout_ms, Moment now) {
  if (is_active_) buckets_.touch(session, now.monotonic_ms() + report_ms_, timeout_ms);
}

void SessionTracker::forget(SessionId session) { buckets_.remove(session); }

void SessionTracker::tick(const state::State& state, Moment now, std::vector<entry::Entry>& due) {
  const int64_t now_ms = now.monotonic_ms();
  // While this process was stopped or starved it could not hear its clients either. A server that
  // is always late must expire the dead all the same, so late ticks in a row have a bound.
  const int64_t gap_ms = last_tick_ms_ >= 0 ? now_ms - last_tick_ms_ : 0;
  if (gap_ms <= kStallMs) {
    shifted_in_a_row_ms_ = 0;
  } else if (shifted_in_a_row_ms_ < config_.max_session_timeout_ms) {
    buckets_.shift(gap_ms);
    shifted_in_a_row_ms_ += gap_ms;
  }
  last_tick_ms_ = now_ms;
  expire(state, now, due);
  if (now_ms >= next_reap_ms_) reap(state, now, due);
}

void SessionTracker::expire(const state::State& state, Moment now, std::vector<entry::Entry>& due) {
  for (const SessionId id : buckets_.take_expired(now.monotonic_ms())) {
    const state::Session* session = state.sessions.find(id);
    if (session == nullptr) continue;  // closed already
    entry::ExpireSession* expire = due.emplace_back().mutable_expire_session();
    expire->set_session(id.value());
    expire->set_server(session->attachment.server.value());
    expire->set_incarnation(session->attachment.incarnation.value());
    expire->set_connection(session->attachment.connection.value());
  }
}

bool SessionTracker::is_due(const state::State& state, NodeId id, state::NodeKind kind,
                            Moment now) const {
  const state::NodeSlot slot = state.tree.by_id(id);
  if (slot == state::kNoNode || state.tree.child_count(slot) > 0) return false;
  const state::NodeFields& fields = state.tree.fields(slot);
  if (kind == state::NodeKind::kTtl) return now.wall_ms - fields.mtime_ms > fields.owner_or_ttl_ms;
  if (fields.children_created > 0) return true;
  // Never used: its maker may still be on the way to create the first child.
  return config_.container_max_never_used_ms > 0 &&
         now.wall_ms - fields.ctime_ms > config_.container_max_never_used_ms;
}

// At most `container_max_per_minute`, spread evenly; a round that was cut short goes on where it
// stopped.
void SessionTracker::reap(const state::State& state, Moment now, std::vector<entry::Entry>& due) {
  const int64_t round_ms = std::min(config_.container_check_interval_ms, kReapRoundMs);
  const auto per_round = std::max<int64_t>(config_.container_max_per_minute * round_ms / 60'000, 1);
  int64_t count = 0;
  int64_t visits = 0;
  auto it = state.reapable.upper_bound(reaped_up_to_);
  for (; it != state.reapable.end() && count < per_round && visits < kReapVisits; ++it, ++visits) {
    reaped_up_to_ = it->first;
    if (!is_due(state, it->first, it->second, now)) continue;
    const state::NodeFields& fields = state.tree.fields(state.tree.by_id(it->first));
    entry::Reap* reap = due.emplace_back().mutable_reap();
    reap->set_node(it->first.value());
    reap->set_pzxid(fields.pzxid.value());
    reap->set_mzxid(fields.mzxid.value());
    ++count;
  }
  const bool finished = it == state.reapable.end();
  if (finished) reaped_up_to_ = NodeId{};
  next_reap_ms_ = now.monotonic_ms() + (finished ? config_.container_check_interval_ms : round_ms);
}

}  // namespace topod::zab
