// One server's part in the ensemble, without any I/O: inputs in, `Output` out.
//
// The driver (server/node, or a simulator) takes what is ready, calls the inputs, carries out
// `output()` in the order that output.h gives, and ends the turn with `finish_turn`. Same inputs
// give the same outputs, byte for byte: no clock, thread, random number or address of anything
// takes part. One thread.
//
// A server looks for a leader (election.h), leads (leader.h) or follows (follower.h). A single
// server is a quorum of one and goes the same way, with nobody to wait for.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/entry.pb.h"
#include "proto/ids.h"
#include "proto/peer.pb.h"
#include "server/state/evaluate.h"
#include "server/state/state.h"
#include "server/zab/clients.h"
#include "server/zab/config.h"
#include "server/zab/digest_book.h"
#include "server/zab/election.h"
#include "server/zab/follower.h"
#include "server/zab/forwards.h"
#include "server/zab/history.h"
#include "server/zab/journal.h"
#include "server/zab/leader.h"
#include "server/zab/membership.h"
#include "server/zab/moment.h"
#include "server/zab/output.h"
#include "server/zab/session_tracker.h"

namespace topod::zab {

enum class Role { kLooking, kFollowing, kLeading };

// What the log holds beside transactions.
struct Restored {
  Promises promises;
  std::vector<EpochEnd> epoch_ends;
  Zxid log_begin;         // transactions above it can be read from the log
  bool diverged = false;  // what log and tree make differs from the ensemble's
};

class Replica final : private RequestSink {
 public:
  // `state` is the checkpoint's; `incarnation` a fresh random number of this run.
  Replica(ReplicaConfig config, state::State state, Incarnation incarnation);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // ---- start: what the log holds beyond the checkpoint, in order ------------------------------
  // Known to be committed. False: the bytes are no entry; nothing was changed.
  [[nodiscard]] bool replay(Zxid zxid, std::string_view entry_bytes);
  // The rest, between `prepare` and `start`: it may or may not be committed.
  void prepare(Restored restored);
  void restore(Zxid zxid, Zxid predecessor, std::string_view entry_bytes);
  void start(Moment now);

  // ---- inputs --------------------------------------------------------------------------------
  void open_connection(ConnectionId id, std::string_view address, const state::Secret& fresh_secret,
                       Moment now);
  void frame(ConnectionId id, std::string_view bytes, Moment now);
  void connection_closed(ConnectionId id);
  // Log records of this run up to this number are on disk.
  void durable(uint64_t record_number, Moment now);
  void tick(Moment now);
  // Whether the log has no room for more.
  void set_no_log_space(bool no_space);

  void peer_connected(LinkId link, ServerId server, const InstanceId& instance,
                      uint32_t feature_level, Moment now);
  // False: the message makes no sense, the link is to be closed.
  [[nodiscard]] bool peer_message(LinkId link, peer::Message& message, Moment now);
  void peer_disconnected(LinkId link, Moment now);
  void history_read(LinkId link, std::vector<HistoryEntry> entries, bool gone, Moment now);
  void snapshot_sent(LinkId link, Zxid zxid, bool ok, Moment now);
  // False: nobody waits for it; the tree is to be removed.
  [[nodiscard]] bool snapshot_received(LinkId link, ReceivedSnapshot snapshot, Moment now);
  // The tree received on this link is becoming the state, whatever happens to the link.
  [[nodiscard]] bool is_installing(LinkId link) const {
    return follower_ && follower_->link() == link && follower_->is_installing();
  }
  [[nodiscard]] bool has_no_log_space() const { return no_log_space_; }
  // This server is going to stop: somebody else shall lead.
  void hand_over(Moment now);

  // ---- outputs -------------------------------------------------------------------------------
  Output& output();
  // What changed in the state since the last turn; the driver takes the after-images.
  [[nodiscard]] state::Changes& changes() { return state_.changes; }
  void finish_turn();

  // ---- for the driver's decisions and the administrator --------------------------------------
  // Up to date with a leader, and this run's SERVER_UP is applied.
  [[nodiscard]] bool serving() const override { return serving_; }
  [[nodiscard]] Role role() const { return role_; }
  // 0: none.
  [[nodiscard]] ServerId leader() const;
  [[nodiscard]] const Leader* leading() const { return leader_.get(); }
  [[nodiscard]] const Follower* following() const { return follower_.get(); }
  [[nodiscard]] const Membership& membership() const { return membership_; }
  // Why this server is not doing what it did; empty at first.
  [[nodiscard]] const std::string& last_change() const { return last_change_; }
  struct ElectionFigures {
    uint64_t count = 0;  // times that this server began to lead or to follow
    // How long it was without a leader that takes requests, each time that it found one.
    uint64_t found = 0;
    int64_t last_us = 0;
    int64_t min_us = 0;
    int64_t max_us = 0;
    int64_t sum_us = 0;
    Histogram durations_us;
  };
  [[nodiscard]] const ElectionFigures& elections() const { return elections_; }
  [[nodiscard]] const BroadcastFigures& broadcast() const { return figures_; }
  // Leading: syncs that wait for a quorum to confirm it.
  [[nodiscard]] size_t pending_syncs() const { return syncs_asked_.size(); }
  // Entries proposed and not applied yet, and requests not given to a leader.
  [[nodiscard]] size_t in_flight() const { return history_.unapplied() + forwards_.size(); }
  [[nodiscard]] const state::State& state() const { return state_; }
  [[nodiscard]] const Clients& clients() const { return clients_; }
  [[nodiscard]] Clients& clients() { return clients_; }
  [[nodiscard]] const SessionTracker& tracker() const { return tracker_; }
  [[nodiscard]] const History& history() const { return history_; }
  // Digests of the state after every kDigestInterval-th transaction, the oldest first.
  struct DigestSample {
    Zxid zxid;
    state::Digest digest;
  };
  [[nodiscard]] const std::deque<DigestSample>& digest_samples() const { return samples_; }
  [[nodiscard]] const Promises& promises() const { return journal_.promises(); }
  // For checkpoints.
  [[nodiscard]] Promises durable_promises() const { return journal_.durable_promises(); }
  // This server's state differed from that of the majority: it waits for a snapshot.
  [[nodiscard]] bool diverged() const { return diverged_; }
  struct Mismatches {
    uint64_t count = 0;
    std::string last;  // in words
  };
  // States that did not agree: this server's own, and while it led those of others.
  [[nodiscard]] const Mismatches& mismatches() const { return mismatches_; }

 private:
  struct Peer {
    LinkId link;
    InstanceId instance{};
    uint32_t feature_level = 0;
    bool has_told = false;  // its view of the ensemble, and it agrees with this server's
    peer::Notification notification;
  };

  // replica.cc: requests and their outcome
  void submit(entry::Entry& entry, ConnectionId connection) override;
  [[nodiscard]] bool request_sync(uint64_t number) override;
  [[nodiscard]] bool refuses_writes() const override { return no_log_space_; }
  void propose(entry::Entry& entry);
  void give(const std::string& bytes);
  void note_committed();
  void give_forwards();
  [[nodiscard]] bool forwarded(ServerId server, const peer::Forward& message);
  void become_ready();
  void begin_serving();
  void ask_sync(ServerId server, uint64_t number);
  void confirm_syncs();
  void apply_committed();
  void apply(const Proposal& proposal);
  void evaluate(Zxid zxid);
  [[nodiscard]] Zxid apply_limit() const;

  // replica_digests.cc: whether all are in the same state
  void sample_digest(Zxid zxid);
  void note_digest(ServerId server, Zxid zxid, const state::Digest& digest);
  void heard_diverged(const peer::Diverged& told);
  void set_diverged(const std::string& why);
  void note_mismatch(std::string what);

  // replica_roles.cc: who leads, and this server's part
  void advance_role();
  bool change_role();
  void note_election();
  void look(std::string why);
  void begin_leading();
  void follow(ServerId server);
  [[nodiscard]] bool heard_follower_info(ServerId server, const peer::FollowerInfo& info);
  void install(ReceivedSnapshot snapshot);
  [[nodiscard]] ServerId whom_to_follow() const;
  [[nodiscard]] ServerId server_of(LinkId link) const;
  void notify(LinkId link);
  void notify_all();
  void tell_founded(LinkId link);
  [[nodiscard]] bool heard_notification(ServerId server, const peer::Notification& notification);
  [[nodiscard]] bool heard_founded(ServerId server, const peer::Founded& told);
  void membership_changed();
  [[nodiscard]] bool has_ended(const peer::Notification& leader) const;
  [[nodiscard]] bool is_eligible() const;
  [[nodiscard]] bool is_stalled() const;
  void tick_leader();
  [[nodiscard]] std::string why_resign() const;
  [[nodiscard]] uint32_t supported_level() const;
  [[nodiscard]] Leader::Parts parts();

  ReplicaConfig config_;
  Incarnation incarnation_;
  state::State state_;
  Output output_;
  Journal journal_;
  History history_;
  Membership membership_;
  SessionTracker tracker_;
  Clients clients_;
  Forwards forwards_;
  Election election_;

  Role role_ = Role::kLooking;
  std::unique_ptr<Leader> leader_;      // while leading
  std::unique_ptr<Follower> follower_;  // while following
  std::map<ServerId, Peer> peers_;      // linked
  bool was_established_ = false;
  // By whoever has wanted to follow this server. A reign that ends over it is followed by one whose
  // epoch is above it, though that server comes late again.
  Epoch heard_accepted_;
  bool news_ = false;  // the peers are to be told where this server stands
  bool stopping_ = false;
  std::string last_change_;
  ElectionFigures elections_;
  BroadcastFigures figures_;
  int64_t looking_since_us_ = 0;

  Zxid committed_;         // as far as this server knows, from any leader
  Zxid logged_committed_;  // watermark in the log
  Zxid ready_at_;          // leading: forwards are given once this is applied
  bool ready_ = false;     // forwards may be given to the leader
  bool serving_ = false;
  int64_t leaderless_ms_ = 0;  // since when not serving
  // When a leader that a quorum follows, this one perhaps, last knew of this server's sessions.
  int64_t last_contact_ms_ = 0;
  int64_t pending_since_ms_ = -1;  // how long the log has owed something
  bool no_log_space_ = false;
  Moment now_;

  // Leading: what was proposed and not committed at the end of a turn, and when.
  struct Proposed {
    Zxid zxid;
    int64_t at_us = 0;
  };
  std::deque<Proposed> proposed_;

  struct Sync {
    ServerId server;  // this one, or a follower
    uint64_t number = 0;
    int64_t token = 0;
    Zxid zxid;
  };
  std::deque<Sync> syncs_asked_;               // leading
  std::multimap<Zxid, uint64_t> syncs_ready_;  // confirmed, to be applied up to here

  entry::Entry parsed_;
  state::Effects effects_;
  std::vector<entry::Entry> due_;
  std::deque<DigestSample> samples_;
  DigestBook digests_;  // leading
  Zxid open_question_;  // leading: the last zxid at which nobody knows who is right
  Mismatches mismatches_;
  bool diverged_ = false;
  bool log_watermark_ = false;  // in this turn, though nothing else is logged
};

}  // namespace topod::zab
