// The leader's side of the broadcast: a new epoch, then proposals in one order, each committed
// once a quorum, the leader counting itself only after its own flush, holds it durably.
//
// This is phases 1 to 3 of Zab (Junqueira, Reed, Serafini, DSN 2011) for the voters given. With
// one voter, discovery and synchronisation end as soon as its own promises are durable; nothing
// else differs. Pure; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "proto/ids.h"
#include "server/zab/history.h"
#include "server/zab/output.h"
#include "server/zab/quorum.h"

namespace topod::entry {
class Entry;
}

namespace topod::zab {

// What this server has promised, as its log tells.
struct Promises {
  Epoch accepted_epoch;
  Epoch current_epoch;
  bool founded = false;  // a FOUNDING record is in the log
  EnsembleId ensemble;
};

class Leader {
 public:
  // `records` counts the log records of this run; the leader takes the next numbers.
  Leader(ServerId self, Quorum quorum, History& history, uint64_t& records);

  // Asks for the promises of a new epoch to be logged: FOUNDING in a blank log, then the epochs.
  void start(Promises promises, Output& output);
  // All promises of this epoch are durable with a quorum: proposals may be made.
  [[nodiscard]] bool established() const { return established_; }
  [[nodiscard]] Epoch epoch() const { return promises_.current_epoch; }
  [[nodiscard]] const Promises& promises() const { return promises_; }

  // Gives the entry the next zxid and asks for it to be logged.
  void propose(const entry::Entry& entry, Output& output);

  // This server's log is on disk up to here.
  void durable(uint64_t record_number);
  // Whether the oldest unapplied proposal is committed and durable here.
  [[nodiscard]] bool front_committed() const;

 private:
  void log_epoch(Output& output);
  [[nodiscard]] bool self_suffices() const { return quorum_.reached({self_}); }

  ServerId self_;
  Quorum quorum_;
  Promises promises_;
  History& history_;
  uint64_t& records_;
  uint64_t established_at_record_ = 0;
  uint64_t durable_record_ = 0;
  bool established_ = false;
  int64_t counter_ = 0;  // of the last zxid proposed in this epoch
  std::string founding_;
};

}  // namespace topod::zab
