// The leader's clocks: which sessions have run out of time, which container and TTL nodes are
// due. They only propose; evaluation decides whether that still holds when its turn comes.
// Volatile: a new leader gives every session its full timeout. Pure; times in milliseconds of
// the monotonic clock unless said otherwise.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "proto/entry.pb.h"
#include "proto/ids.h"
#include "server/state/expiry.h"
#include "server/state/state.h"
#include "server/zab/config.h"
#include "server/zab/moment.h"

namespace topod::zab {

class SessionTracker {
 public:
  explicit SessionTracker(const ReplicaConfig& config);

  // This server leads now: gives every session its full timeout. Until then, and after `stop`,
  // nothing is tracked.
  void start(const state::State& state, Moment now);
  void stop();
  [[nodiscard]] bool is_active() const { return is_active_; }
  void touch(SessionId session, int32_t timeout_ms, Moment now);
  void forget(SessionId session);
  [[nodiscard]] size_t size() const { return buckets_.size(); }
  [[nodiscard]] const state::ExpiryBuckets& buckets() const { return buckets_; }

  // Called about every tick/4. Appends the entries that are due.
  void tick(const state::State& state, Moment now, std::vector<entry::Entry>& due);

 private:
  void expire(const state::State& state, Moment now, std::vector<entry::Entry>& due);
  void reap(const state::State& state, Moment now, std::vector<entry::Entry>& due);
  [[nodiscard]] bool is_due(const state::State& state, NodeId id, state::NodeKind kind,
                            Moment now) const;

  const ReplicaConfig& config_;
  state::ExpiryBuckets buckets_;
  // A sign of life may be on its way from another server, which tells of it at the next heartbeat.
  int64_t report_ms_;
  int64_t last_tick_ms_ = -1;
  int64_t shifted_in_a_row_ms_ = 0;
  int64_t next_reap_ms_ = 0;
  NodeId reaped_up_to_;  // where the next bounded round of the reaper goes on
  bool is_active_ = false;
};

}  // namespace topod::zab
