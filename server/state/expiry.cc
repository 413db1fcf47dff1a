#include "server/state/expiry.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"

namespace topod::state {

ExpiryBuckets::ExpiryBuckets(int64_t tick_ms) : tick_ms_(tick_ms) { CHECK(tick_ms > 0); }

int64_t ExpiryBuckets::bucket_of(int64_t deadline_ms) const {
  return (deadline_ms / tick_ms_ + 1) * tick_ms_;
}

void ExpiryBuckets::touch(SessionId session, int64_t now_ms, int64_t timeout_ms) {
  const int64_t bucket = bucket_of(now_ms + timeout_ms);
  const auto [place, is_new] = deadlines_.try_emplace(session, bucket);
  if (!is_new) {
    // The usual case: a client asks many times within one tick.
    if (place->second == bucket) return;
    const auto old = buckets_.find(place->second);
    CHECK(old != buckets_.end());
    old->second.erase(session);
    if (old->second.empty()) buckets_.erase(old);
    place->second = bucket;
  }
  buckets_[bucket].insert(session);
}

void ExpiryBuckets::remove(SessionId session) {
  const auto place = deadlines_.find(session);
  if (place == deadlines_.end()) return;
  const auto bucket = buckets_.find(place->second);
  CHECK(bucket != buckets_.end());
  bucket->second.erase(session);
  if (bucket->second.empty()) buckets_.erase(bucket);
  deadlines_.erase(place);
}

void ExpiryBuckets::shift(int64_t by_ms) {
  std::map<int64_t, std::set<SessionId>> shifted;
  for (auto& [deadline_ms, sessions] : buckets_) {
    for (const SessionId session : sessions) deadlines_[session] = deadline_ms + by_ms;
    shifted.emplace_hint(shifted.end(), deadline_ms + by_ms, std::move(sessions));
  }
  buckets_ = std::move(shifted);
}

std::vector<SessionId> ExpiryBuckets::take_expired(int64_t now_ms) {
  std::vector<SessionId> expired;
  while (!buckets_.empty() && buckets_.begin()->first <= now_ms) {
    const std::set<SessionId>& sessions = buckets_.begin()->second;
    for (const SessionId session : sessions) deadlines_.erase(session);
    expired.insert(expired.end(), sessions.begin(), sessions.end());
    buckets_.erase(buckets_.begin());
  }
  std::sort(expired.begin(), expired.end());
  return expired;
}

int64_t ExpiryBuckets::next_deadline_ms() const {
  return buckets_.empty() ? -1 : buckets_.begin()->first;
}

}  // namespace topod::state
