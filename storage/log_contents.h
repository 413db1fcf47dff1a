// What a log amounts to, record by record: the promises made, the last transaction, which
// transactions were cut again. Recovery builds it by reading, the open log keeps it by writing.
//
// Nothing in the log is ever rewritten; a TRUNCATE record cuts what stands before it. A SNAPSHOT
// record stays pending until the CURRENT_EPOCH that ends its synchronisation; then everything
// before it is void. A pending one is given up by a TRUNCATE, and with it the transactions that
// followed it. Plain values; no threading rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proto/ids.h"
#include "storage/log_format.h"

namespace topod::storage {

struct RecordPlace {
  LogPosition batch;
  uint32_t index = 0;  // in the batch
  auto operator<=>(const RecordPlace&) const = default;
};

// A whole tree that was installed in place of what the log before it says.
struct InstalledSnapshot {
  Zxid zxid;
  uint64_t generation = 0;  // of the tree
  std::string digest;
  RecordPlace place;
  bool replaces_diverged = false;  // what was before it differed from the ensemble's
  bool operator==(const InstalledSnapshot&) const = default;
};

class LogContents {
 public:
  // The log begins after this transaction.
  void start(Zxid last_zxid);

  // `repeated`: the record stands at the head of a segment and says again what held before. The
  // error says what is wrong with it.
  tl::expected<void, std::string> apply(const LogRecordView& record, RecordPlace place,
                                        bool repeated);
  // The log ends here: gives up a pending snapshot as a TRUNCATE would.
  void give_up_pending_snapshot();

  // Whether the transaction still stands after everything that was applied.
  [[nodiscard]] bool survives(Zxid zxid, RecordPlace place) const;

  [[nodiscard]] Epoch accepted_epoch() const { return accepted_epoch_; }
  [[nodiscard]] Epoch current_epoch() const { return current_epoch_; }
  [[nodiscard]] Zxid committed() const { return committed_; }
  // Of the last surviving transaction or snapshot.
  [[nodiscard]] Zxid last_zxid() const { return last_zxid_; }
  // The last surviving transaction of each epoch, ascending, beginning with the last one before
  // the log if there is any; the oldest of very many are forgotten. What two servers have in
  // common follows from it.
  [[nodiscard]] const std::vector<Zxid>& epoch_ends() const { return epoch_ends_; }
  // Serialized Founding; empty if there was none.
  [[nodiscard]] const std::string& founding() const { return founding_; }
  [[nodiscard]] const std::optional<InstalledSnapshot>& snapshot() const { return snapshot_; }
  [[nodiscard]] const std::optional<InstalledSnapshot>& pending_snapshot() const {
    return pending_;
  }
  // What it was before the pending snapshot.
  [[nodiscard]] Zxid last_zxid_before_pending() const { return last_before_pending_; }

  // The state that this log and its tree make differs from the ensemble's; what was applied when
  // that was found.
  [[nodiscard]] const std::optional<Zxid>& diverged() const { return diverged_; }

  // The records with which a new segment repeats all of this.
  void repeat_into(RecordBatch& batch) const;

 private:
  struct Cut {
    RecordPlace place;
    Zxid zxid;
  };
  // What followed a snapshot that was given up.
  struct Void {
    RecordPlace begin;
    RecordPlace end;
  };

  tl::expected<void, std::string> apply_transaction(const LogRecordView& record);
  void apply_current_epoch(Epoch epoch, bool repeated);
  void apply_snapshot(const LogRecordView& record, RecordPlace place, bool repeated);
  tl::expected<void, std::string> apply_epoch_ends(std::string_view payload, bool repeated);
  tl::expected<void, std::string> apply_pending_snapshot(const LogRecordView& record,
                                                         RecordPlace place, bool repeated);
  tl::expected<void, std::string> apply_ends_before(std::string_view payload, bool repeated);
  void cut(Zxid zxid, RecordPlace place);
  void set_last_zxid(Zxid zxid);

  Epoch accepted_epoch_;
  Epoch current_epoch_;
  Zxid committed_;
  Zxid last_zxid_;
  std::vector<Zxid> epoch_ends_;  // the last of them is `last_zxid_`, unless that is 0
  std::string founding_;
  std::optional<Zxid> diverged_;
  std::optional<InstalledSnapshot> snapshot_;
  std::optional<InstalledSnapshot> pending_;
  RecordPlace pending_begin_;  // of the first, if one pending snapshot replaced another
  Zxid last_before_pending_;
  std::vector<Zxid> epoch_ends_before_pending_;
  // In log order; zxids ascend, for a later cut makes the earlier, higher ones superfluous.
  std::vector<Cut> cuts_;
  std::vector<Void> voids_;
};

}  // namespace topod::storage
