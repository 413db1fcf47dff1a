// The transactions at the end of the log, in zxid order: those not applied yet, and before them a
// window of recent ones for peers that are a little behind. Pure; one thread.
//
// An entry is kept as the bytes that are logged. It passes through two marks on its way: durable
// (on this server's disk) and applied (committed, durable, evaluated).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "proto/ids.h"

namespace topod::zab {

struct Proposal {
  Zxid zxid;
  Zxid predecessor;
  uint64_t record_number = 0;  // of its log record in this run; 0: logged by an earlier one
  std::string bytes;           // serialized entry
};

// A transaction as it was read from the log for a peer.
struct HistoryEntry {
  Zxid zxid;
  Zxid predecessor;
  std::string bytes;
};

// The last transaction that a log holds of an epoch. A log is told by the ends of its epochs:
// whoever holds a transaction holds all that went before it (Zab, "primary integrity").
struct EpochEnd {
  Epoch epoch;
  int64_t counter = 0;
  bool operator==(const EpochEnd&) const = default;
};

class History {
 public:
  // The log as it was loaded: everything up to `applied` is in the state. `begin`: transactions
  // above it can be read from the log.
  void start(std::vector<EpochEnd> ends, Zxid applied, Zxid begin);
  // Whether applied transactions are kept for peers.
  void keep_window(bool keep) { keeps_window_ = keep; }
  // Everything is replaced by a tree at this zxid.
  void restart(Zxid snapshot);

  // The zxid must be above every one before. The reference stays valid until it is dropped.
  Proposal& append(Zxid zxid, uint64_t record_number);
  // Drops the transactions above this one, which must not be applied.
  void truncate(Zxid last);
  // Bytes of what `truncate` dropped stay until here, for records of this turn refer to them.
  void finish_turn() { dropped_.clear(); }

  void durable(uint64_t record_number);
  [[nodiscard]] bool has_unapplied() const { return applied_ < proposals_.size(); }
  [[nodiscard]] const Proposal& next_unapplied() const { return proposals_[applied_]; }
  void applied_next();

  [[nodiscard]] size_t unapplied() const { return proposals_.size() - applied_; }
  [[nodiscard]] Zxid last_zxid() const { return last_; }
  [[nodiscard]] Zxid durable_zxid() const {
    return durable_ == 0 ? window_begin_ : proposals_[durable_ - 1].zxid;
  }
  [[nodiscard]] Zxid applied_zxid() const {
    return applied_ == 0 ? window_begin_ : proposals_[applied_ - 1].zxid;
  }

  // ---- for peers -----------------------------------------------------------------------------
  [[nodiscard]] const std::vector<EpochEnd>& ends() const { return ends_; }
  // Transactions above these are in memory, or can be read from the log.
  [[nodiscard]] Zxid window_begin() const { return window_begin_; }
  [[nodiscard]] Zxid log_begin() const { return log_begin_; }
  // What follows this transaction was asked of the log, and is there no more.
  void set_gone_after(Zxid zxid) { log_begin_ = std::max(log_begin_, Zxid(zxid.value() + 1)); }
  // The transactions in memory; `first_above(z)` is an index into them, or their number.
  [[nodiscard]] const std::deque<Proposal>& proposals() const { return proposals_; }
  [[nodiscard]] size_t first_above(Zxid zxid) const;

 private:
  void note_end(Zxid zxid);
  void trim();

  std::deque<Proposal> proposals_;
  std::vector<std::string> dropped_;
  size_t applied_ = 0;  // of `proposals_`, from the front
  size_t durable_ = 0;
  size_t applied_bytes_ = 0;
  Zxid window_begin_;
  Zxid log_begin_;
  Zxid last_;
  std::vector<EpochEnd> ends_;
  bool keeps_window_ = false;
};

}  // namespace topod::zab
