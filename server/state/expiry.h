// Deadlines in buckets of one tick: touching a session is O(1) and expiry looks at one bucket.
// A deadline is rounded up, so a session lives between its timeout and timeout + tick after the
// last touch (the rule of ZooKeeper's ExpiryQueue). Volatile: only the leader has one, and it
// starts with full timeouts after an election. Pure; times are monotonic milliseconds.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "proto/ids.h"

namespace topod::state {

class ExpiryBuckets {
 public:
  explicit ExpiryBuckets(int64_t tick_ms);

  void touch(SessionId session, int64_t now_ms, int64_t timeout_ms);
  void remove(SessionId session);
  // Shifts every deadline, for time in which this process was not running itself.
  void shift(int64_t by_ms);
  // Takes out the sessions whose deadline has passed, in ascending order.
  std::vector<SessionId> take_expired(int64_t now_ms);
  // When the next bucket is due; -1 if there is none.
  [[nodiscard]] int64_t next_deadline_ms() const;
  [[nodiscard]] size_t size() const { return deadlines_.size(); }
  // Deadline -> sessions, for the `dump` word.
  [[nodiscard]] const std::map<int64_t, std::set<SessionId>>& buckets() const { return buckets_; }

 private:
  [[nodiscard]] int64_t bucket_of(int64_t deadline_ms) const;

  int64_t tick_ms_;
  std::unordered_map<SessionId, int64_t> deadlines_;  // looked up, never iterated
  std::map<int64_t, std::set<SessionId>> buckets_;
};

}  // namespace topod::state
