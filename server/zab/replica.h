// One server's part in the ensemble, without any I/O: inputs in, `Output` out.
//
// The driver (server/node, or a simulator) takes what is ready, calls the inputs, carries out
// `output()` in the order that output.h gives, and ends the turn with `finish_turn`. Same inputs
// give the same outputs, byte for byte: no clock, thread, random number or address of anything
// takes part. One thread.
//
// Now: a quorum of one. Its leader is elected by itself as soon as its promises are durable.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "proto/entry.pb.h"
#include "proto/ids.h"
#include "server/state/evaluate.h"
#include "server/state/state.h"
#include "server/zab/clients.h"
#include "server/zab/config.h"
#include "server/zab/history.h"
#include "server/zab/leader.h"
#include "server/zab/moment.h"
#include "server/zab/output.h"
#include "server/zab/session_tracker.h"

namespace topod::zab {

class Replica final : private RequestSink {
 public:
  // `state` is the checkpoint's; `incarnation` a fresh random number of this run.
  Replica(ReplicaConfig config, state::State state, Incarnation incarnation);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // ---- start: replay what the log holds beyond the checkpoint, then start --------------------
  // False: the bytes are no entry; nothing was changed.
  [[nodiscard]] bool replay(Zxid zxid, std::string_view entry_bytes);
  void start(Promises promises, Moment now);

  // ---- inputs --------------------------------------------------------------------------------
  void open_connection(ConnectionId id, std::string_view address, const state::Secret& fresh_secret,
                       Moment now);
  void frame(ConnectionId id, std::string_view bytes, Moment now);
  void connection_closed(ConnectionId id);
  // Log records of this run up to this number are on disk.
  void durable(uint64_t record_number, Moment now);
  void tick(Moment now);
  // Whether the log has no room for more.
  void set_no_log_space(bool no_space) { no_log_space_ = no_space; }

  // ---- outputs -------------------------------------------------------------------------------
  Output& output();
  // What changed in the state since the last turn; the driver takes the after-images.
  [[nodiscard]] state::Changes& changes() { return state_.changes; }
  void finish_turn();

  // ---- for the driver's decisions and the administrator --------------------------------------
  // Serving: established, and this run's SERVER_UP is applied.
  [[nodiscard]] bool serving() const { return serving_; }
  // Entries proposed and not applied yet.
  [[nodiscard]] size_t in_flight() const { return history_.size(); }
  [[nodiscard]] const state::State& state() const { return state_; }
  [[nodiscard]] const Clients& clients() const { return clients_; }
  [[nodiscard]] Clients& clients() { return clients_; }
  [[nodiscard]] const SessionTracker& tracker() const { return tracker_; }
  // Digests of the state after every kDigestInterval-th transaction, the oldest first.
  struct DigestSample {
    Zxid zxid;
    uint64_t digest = 0;
  };
  [[nodiscard]] const std::deque<DigestSample>& digest_samples() const { return samples_; }
  [[nodiscard]] const Promises& promises() const { return leader_.promises(); }

 private:
  void submit(entry::Entry& entry) override;
  [[nodiscard]] bool refuses_writes() const override { return no_log_space_; }
  void apply_committed();

  ReplicaConfig config_;
  Incarnation incarnation_;
  state::State state_;
  SessionTracker tracker_;
  Clients clients_;
  History history_;
  uint64_t records_ = 0;  // appended to the log in this run
  Leader leader_;
  bool serving_ = false;
  bool no_log_space_ = false;
  Moment now_;
  Output output_;

  entry::Entry parsed_;
  state::Effects effects_;
  std::vector<entry::Entry> due_;
  std::deque<DigestSample> samples_;
};

}  // namespace topod::zab
