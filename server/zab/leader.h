// A leader's reign: discovery, synchronisation, broadcast (phases 1 to 3 of Zab: Junqueira, Reed,
// Serafini, DSN 2011). One object lives as long as one reign; when `failed` is not empty the
// reign is over.
//
// Discovery: a quorum says it follows; the new epoch is above all that they accepted; each
// promises it, and tells its history. If anybody's is better than the leader's the reign ends.
// Synchronisation: each follower's log is brought to the leader's; a quorum has it on disk.
// Broadcast: proposals in one order to everybody who has promised the epoch, from a cursor for
// each, so that nothing can be missed between its synchronisation and the present; committed once
// a quorum, the leader counting itself only after its own flush, has them on disk.
//
// Observers and servers that may not vote (yet) are sent what is committed, and count nowhere.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "proto/peer.pb.h"
#include "server/zab/broadcast_figures.h"
#include "server/zab/config.h"
#include "server/zab/history.h"
#include "server/zab/journal.h"
#include "server/zab/learner.h"
#include "server/zab/membership.h"
#include "server/zab/moment.h"
#include "server/zab/output.h"

namespace topod::entry {
class Entry;
}

namespace topod::zab {

class Leader {
 public:
  // What the parts of one replica share.
  struct Parts {
    const ReplicaConfig& config;
    Membership& membership;
    Journal& journal;
    History& history;
    Output& output;
    BroadcastFigures& figures;
  };
  enum class Phase { kGathering, kPromising, kSynchronising, kEstablished };

  // `committed`: known to be so from earlier reigns. `accepted`: an epoch that somebody is known
  // to have accepted; the new one will be above it.
  Leader(const Parts& parts, Zxid committed, Epoch accepted, Moment now);

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool established() const { return phase_ == Phase::kEstablished; }
  // Why the reign is over; empty: it is not.
  [[nodiscard]] const std::string& failed() const { return failed_; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] Zxid committed() const { return committed_; }
  [[nodiscard]] const std::map<ServerId, Learner>& learners() const { return learners_; }
  [[nodiscard]] int64_t began_ms() const { return began_ms_; }
  struct ProposalBytes {
    int64_t last = -1;  // none yet in this reign
    int64_t min = -1;
    int64_t max = -1;
  };
  [[nodiscard]] const ProposalBytes& proposal_bytes() const { return proposal_bytes_; }

  // ---- inputs; false: the message makes no sense, its link is to be closed ---------------------
  void follower_info(ServerId server, LinkId link, const InstanceId& instance,
                     const peer::FollowerInfo& info, Moment now);
  bool ack_epoch(ServerId server, const peer::AckEpoch& ack);
  bool ack_new_leader(ServerId server, const peer::AckNewLeader& ack);
  bool ack(ServerId server, Zxid zxid);
  bool heartbeat_reply(ServerId server, const peer::HeartbeatReply& reply, Moment now);
  void peer_gone(ServerId server);
  void history_read(ServerId server, std::vector<HistoryEntry>& entries, bool gone);
  void snapshot_sent(ServerId server, Zxid zxid, bool ok);
  void tick(Moment now);

  // Gives the entry the next zxid and asks for it to be logged. Established only.
  void propose(const entry::Entry& entry);
  [[nodiscard]] bool may_propose() const { return established() && failed_.empty(); }
  // Whether that server's requests may be appended.
  [[nodiscard]] bool accepts_from(ServerId server) const;

  // A heartbeat that leaves after this call has this token; when a quorum has answered one that
  // is not older, this server still leads.
  int64_t ask_confirmation();
  [[nodiscard]] bool confirmed(int64_t token) const;
  // When the last heartbeat was sent that a quorum has answered; 0: none.
  [[nodiscard]] int64_t contact_ms();

  // The end of a turn: what has become durable, promised and acknowledged takes effect, and what
  // is due is sent.
  void advance();
  void send(Moment now);

 private:
  void choose_epoch();
  void begin_synchronising();
  void establish();
  void commit();
  void bring_up_to_date(Learner& learner);
  void plan(Learner& learner, const peer::AckEpoch& ack);
  void send_snapshot(Learner& learner);
  void tell_diverged(Learner& learner);
  [[nodiscard]] Zxid new_leader_at(const Learner& learner) const;
  [[nodiscard]] bool window_is_full(const Learner& learner) const;
  void note_progress(Learner& learner, int64_t now_ms);
  [[nodiscard]] Zxid send_limit(const Learner& learner) const;
  bool stream(Learner& learner);
  void send_proposals(Learner& learner, size_t from);
  void tell_committed();
  void heartbeat(Moment now);
  peer::Message& send_to(LinkId link);
  void drop(ServerId server, std::string reason);
  [[nodiscard]] bool quorum_linked() const;
  template <class Holds>
  [[nodiscard]] bool quorum(bool self, const Holds& holds) const;

  Parts parts_;
  Phase phase_ = Phase::kGathering;
  std::string failed_;
  Epoch epoch_;
  uint64_t epoch_record_ = 0;
  uint64_t current_epoch_record_ = 0;
  Zxid committed_;
  Epoch known_accepted_;
  Zxid initial_end_;
  int64_t counter_ = 0;  // of the last zxid proposed in this epoch
  int64_t began_ms_;
  ProposalBytes proposal_bytes_;
  std::map<ServerId, Learner> learners_;
  int64_t token_ = 0;
  std::deque<std::pair<int64_t, int64_t>> tokens_sent_;  // not confirmed, and when
  int64_t contact_ms_ = 0;
  bool confirm_ = false;
  int64_t next_heartbeat_ms_ = 0;
};

}  // namespace topod::zab
