// Whose vote counts: the voters of the configuration, each through the one data directory that
// was admitted for it. Also how an ensemble is founded. Pure; one thread.
//
// A blank, wiped or replaced directory must never vote: it has forgotten what it promised
// (ZOOKEEPER-261). So votes, promises and acknowledgements count per instance of a data
// directory. The founders' are in the FOUNDING record; later ones are admitted by an ADMIT entry,
// which is committed without them. While an ADMIT is logged and the log does not tell that it is
// committed, neither the old nor the new directory counts: a restart must not find it undecided
// again after somebody relied on it. What any member has applied is committed: so peers tell each
// other who counts as of which transaction, and the latest word is believed. Otherwise one that
// was away during an admission would disagree with the others about who may lead it.
//
// Founding: the lowest-numbered voter picks the ensemble's id; each voter logs it (FOUNDING
// without instances: still blank) and says so; who has heard that of all voters, or hears of one
// that votes already and counts this directory among the founders, logs FOUNDING again with the
// instances of all, and votes once that is durable.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "proto/entry.pb.h"
#include "proto/ids.h"
#include "proto/peer.pb.h"
#include "server/state/state.h"
#include "server/zab/config.h"
#include "server/zab/journal.h"
#include "server/zab/quorum.h"

namespace topod::zab {

// Tells configurations with other voters, weights or groups. Never 0.
[[nodiscard]] uint64_t voters_hash(const ReplicaConfig& config);

class Membership {
 public:
  Membership(const ReplicaConfig& config, const state::State& state, Journal& journal);

  // With the journal's promises: what was founded earlier. Founds a single node at once.
  void start();

  // ---- founding ------------------------------------------------------------------------------
  // What to tell a peer: now, and again whenever `take_news` says so.
  [[nodiscard]] peer::Founded tell() const;
  // A peer has told. Not empty: it must not be spoken with, for this reason.
  [[nodiscard]] std::string heard(ServerId peer, const peer::Founded& told);
  void peer_gone(ServerId peer) { told_.erase(peer); }
  // Log records up to this one are on disk.
  void durable(uint64_t record);
  // Since the last call, there is something new to tell.
  [[nodiscard]] bool take_news();

  // ---- who counts ----------------------------------------------------------------------------
  [[nodiscard]] const Quorum& quorum() const { return quorum_; }
  // This server may vote and lead.
  [[nodiscard]] bool votes() const;
  // That server's vote, promise or acknowledgement, given from this data directory, counts.
  [[nodiscard]] bool counts(ServerId server, const InstanceId& instance) const;
  [[nodiscard]] bool is_voter(ServerId server) const { return quorum_.is_voter(server); }
  [[nodiscard]] bool is_alone() const { return config_.members.size() < 2; }
  [[nodiscard]] EnsembleId ensemble() const;
  // The configured voters are not those that the log names: this server does not vote.
  [[nodiscard]] bool differs() const { return differs_; }

  // ---- the log's tail ------------------------------------------------------------------------
  // An entry was appended; one that admits a directory suspends its server until it is applied
  // and a watermark above it is on disk.
  void appended(Zxid zxid, std::string_view entry_bytes);
  void truncated(Zxid last);
  void applied() { settle(); }
  // The log was told, by this record, that everything up to `committed` is committed.
  void watermark(Zxid committed, uint64_t record);
  // The state is another one, and the tail is empty.
  void state_replaced();
  [[nodiscard]] bool is_suspended(ServerId server) const;
  // Who counts now counts after a restart, too.
  [[nodiscard]] bool is_settled() const { return suspended_.empty() && !lags(); }

 private:
  // By an ADMIT in the log.
  struct Suspension {
    ServerId server;
    uint64_t watermark = 0;  // the record that says it is committed; 0: none yet
  };

  void log_founding(uint64_t ensemble, bool with_instances);
  void found_if_all_agree();
  void adopt(const peer::Founded& told);
  void learn_admissions(const peer::Founded& told);
  void settle();
  // The state knows of an admission which a restart would find suspended.
  [[nodiscard]] bool is_ahead_of_disk() const {
    return !suspended_.empty() && suspended_.begin()->first <= state_.applied;
  }
  // Peers know of later admissions than this server's own state.
  [[nodiscard]] bool lags() const { return heard_as_of_ > state_.applied; }
  [[nodiscard]] bool has_history() const {
    return journal_.promises().current_epoch > Epoch(0) || !suspended_.empty();
  }
  [[nodiscard]] std::optional<InstanceId> admitted(ServerId server) const;

  const ReplicaConfig& config_;
  const state::State& state_;
  Journal& journal_;
  Quorum quorum_;
  std::map<ServerId, peer::Founded> told_;  // by linked peers
  std::map<Zxid, Suspension> suspended_;
  std::map<ServerId, InstanceId> heard_admitted_;  // of all servers, as of:
  Zxid heard_as_of_;
  uint64_t founding_record_ = 0;  // of this run
  bool founding_durable_ = true;
  bool news_ = false;
  bool differs_ = false;
};

}  // namespace topod::zab
