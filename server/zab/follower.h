// Following one leader over one link: discovery, synchronisation and broadcast from the other
// side. One object lives as long as one following; when `failed` is not empty it is over, and
// its link goes with it.
//
// What it promises leaves only when it is on disk: the epoch, the initial history together with
// the epoch that makes it current (Zab's atomic step, kept whole by the one log), each proposal.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "proto/mutants.h"
#include "proto/peer.pb.h"
#include "server/state/state.h"
#include "server/zab/clients.h"
#include "server/zab/leader.h"

namespace topod::zab {

// A whole tree from the leader, stored and checked, waiting to become this server's state.
struct ReceivedSnapshot {
  std::unique_ptr<state::State> state;
  Zxid zxid;
  uint64_t generation = 0;
  std::string digest;
};

class Follower {
 public:
  // `wants_snapshot`: this server's own state is not to be trusted.
  Follower(const Leader::Parts& parts, ServerId leader, LinkId link, bool wants_snapshot,
           Moment now);

  [[nodiscard]] ServerId leader() const { return leader_; }
  // 0: not known yet.
  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] LinkId link() const { return link_; }
  [[nodiscard]] const std::string& failed() const { return failed_; }
  // The leader has said so: what it commits may be served.
  [[nodiscard]] bool up_to_date() const { return phase_ == Phase::kUpToDate; }
  // What of this server's log the leader has committed: nothing before its log is known to be a
  // prefix of the leader's.
  [[nodiscard]] Zxid committed() const {
    const bool is_prefix = matched_ || MUTANT(CommitBeforeMatch);
    return is_prefix && !is_receiving_ && !snapshot_ ? committed_ : Zxid(0);
  }
  // Requests may be forwarded once this is applied.
  [[nodiscard]] Zxid barrier() const { return barrier_; }
  // When the leader last confirmed to have heard of this server: this server's own time.
  [[nodiscard]] int64_t contact_us() const { return contact_us_; }

  // False: it makes no sense.
  bool message(peer::Message& message, Moment now);
  // False: it makes no sense.
  bool snapshot_received(ReceivedSnapshot snapshot);
  // A received tree whose epoch is on disk: it is the state now.
  [[nodiscard]] std::optional<ReceivedSnapshot> take_installed();
  // The records that install it are in the log: it will take effect, whatever the leader does.
  [[nodiscard]] bool is_installing() const { return installing_; }

  void forward(const std::string& bytes);
  void ask_sync(uint64_t number);

  void tick(Moment now);
  // The end of a turn. Takes the sessions that have shown life from the clients.
  void send(Clients& clients, Moment now);
  // To be reported with the next heartbeat.
  void report(const peer::Digest& digest) { digest_ = digest; }

 private:
  enum class Phase { kInfoSent, kEpochPending, kSyncing, kNewLeaderPending, kSynced, kUpToDate };

  bool new_epoch(const peer::NewEpoch& message);
  bool truncate(const peer::Truncate& message);
  bool propose(peer::Propose& message);
  bool append(peer::Proposed& proposed);
  bool new_leader(const peer::NewLeader& message);
  bool log_snapshot();
  bool up_to_date(const peer::UpToDate& message);
  void heartbeat(const peer::Heartbeat& message);
  void acknowledge();
  void fail(std::string reason);
  peer::Message& send_to_leader();

  Leader::Parts parts_;
  ServerId leader_;
  LinkId link_;
  Phase phase_ = Phase::kInfoSent;
  std::string failed_;
  Epoch epoch_;
  bool promised_ = false;
  uint64_t epoch_record_ = 0;
  uint64_t new_leader_record_ = 0;
  Zxid committed_;
  Zxid barrier_;
  Zxid acked_;
  bool matched_ = false;  // this log is a prefix of the leader's

  bool is_receiving_ = false;  // a snapshot has begun to arrive and is not whole yet
  bool new_leader_waits_ = false;
  std::optional<ReceivedSnapshot> snapshot_;
  std::vector<peer::Proposed> after_snapshot_;
  bool installing_ = false;

  int64_t began_ms_;
  int64_t heard_ms_;
  int64_t contact_us_ = 0;
  int64_t echo_us_ = 0;  // of the heartbeat to be answered; 0: none
  std::optional<peer::Digest> digest_;
  std::deque<peer::Forward> forwards_;  // a message each
  size_t forward_bytes_ = 0;            // of the last one
  std::vector<uint64_t> syncs_;
};

}  // namespace topod::zab
