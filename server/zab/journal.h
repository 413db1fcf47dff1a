// This server's log as the core sees it: numbers the records of this run, knows what has been
// promised and how much of it is on disk. Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "proto/entry.pb.h"
#include "proto/ids.h"
#include "server/zab/history.h"
#include "server/zab/output.h"

namespace topod::zab {

// What this server has promised, as its log tells.
struct Promises {
  Epoch accepted_epoch;
  Epoch current_epoch;
  entry::Founding founding;  // ensemble 0: none
};

class Journal {
 public:
  explicit Journal(Output& output) : output_(output) {}

  void start(Promises promises);
  // As asked of the log; whether a record is durable is another question.
  [[nodiscard]] const Promises& promises() const { return promises_; }
  // With the epochs that are on disk: what another file, such as a checkpoint, may repeat. An
  // epoch that is durable there before the history that belongs to it is durable here would win
  // elections for a shorter log (ZOOKEEPER-4643).
  [[nodiscard]] Promises durable_promises() const;

  // Each returns the number of the record.
  uint64_t accept_epoch(Epoch epoch);
  uint64_t set_current_epoch(Epoch epoch);
  uint64_t found(entry::Founding founding);
  uint64_t truncate(Zxid last) { return add(LogRecordKind::kTruncate, last, 0, {}); }
  uint64_t install(Zxid zxid, uint64_t generation, std::string digest);
  uint64_t diverged(Zxid applied) { return add(LogRecordKind::kDiverged, applied, 0, {}); }
  uint64_t committed(Zxid zxid) { return add(LogRecordKind::kCommitted, zxid, 0, {}); }
  // The number that the next record will have; `transaction` takes it.
  [[nodiscard]] uint64_t next_number() const { return appended_ + 1; }
  // The proposal must keep its bytes until the turn ends.
  void transaction(const Proposal& proposal);

  void durable(uint64_t number);
  [[nodiscard]] uint64_t appended() const { return appended_; }
  [[nodiscard]] uint64_t durable() const { return durable_; }
  [[nodiscard]] bool is_durable(uint64_t number) const { return number <= durable_; }
  [[nodiscard]] bool all_durable() const { return appended_ == durable_; }
  void finish_turn() { payloads_.clear(); }

 private:
  struct Epochs {
    uint64_t record = 0;
    Epoch accepted;
    Epoch current;
  };
  uint64_t add_epoch(LogRecordKind kind, Epoch epoch);
  uint64_t add(LogRecordKind kind, Zxid zxid, uint64_t number, std::string_view payload);

  Output& output_;
  Promises promises_;
  std::deque<Epochs> epochs_ = {{}};  // the first is on disk, the others as of their records
  uint64_t appended_ = 0;
  uint64_t durable_ = 0;
  std::deque<std::string> payloads_;  // of this turn
};

}  // namespace topod::zab
