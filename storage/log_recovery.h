// Reading a log that nobody writes: what holds, where it ends, and whether its end was torn by a
// crash (normal: nothing acknowledged is lost) or damaged (never repaired silently, for carrying
// on without acknowledged transactions is how a quorum forgets). Changes nothing on the disk.
//
// Torn: a bad batch with no valid one after it, of which at least one sector was never written.
// By the rule "one flush in flight" nothing after it was written and it was not acknowledged.
// Damaged: a valid batch after a bad or missing one; or all sectors there and the hash wrong.
//
// Memory is bounded by the largest batch. One thread per call; reads past the page cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "storage/file.h"
#include "storage/log_contents.h"
#include "storage/log_format.h"
#include "storage/log_segment.h"

namespace topod::storage {

struct LogDamage {
  LogPosition begin;     // of what was read
  LogPosition position;  // of the first byte that cannot be used
  std::string reason;
  Zxid last_good_zxid;  // everything after it would be lost
  // What can still be read behind the damage.
  uint64_t batches_behind = 0;
  Zxid first_zxid_behind;
  Zxid last_zxid_behind;
  Epoch accepted_epoch_behind;
  Epoch current_epoch_behind;

  // For the operator: where, why, and what would be lost.
  [[nodiscard]] std::string describe() const;
};

// Bytes of a segment that are not zero and belong to no batch.
struct DirtyRange {
  uint64_t segment = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
};

enum class LogVerdict : uint8_t { kClean, kTornTail, kDamaged };

struct LogScan {
  LogVerdict verdict = LogVerdict::kClean;
  std::optional<LogDamage> damage;
  LogContents contents;
  std::vector<uint64_t> segments;  // all, also those before `begin` and the empty ones
  LogPosition begin;               // of what was read
  LogPosition end;                 // where the next batch goes; {0, 0} without any segment
  uint64_t end_hash = 0;           // of the last batch
  bool sealed = false;             // the last batch is a seal
  uint64_t batches = 0;
  uint64_t transactions = 0;  // cut ones included
  std::vector<DirtyRange> dirty;
};

// Reads from the segment that holds `from`, a place at or before the first record that the
// checkpoint does not cover; from the oldest segment if there is no checkpoint.
[[nodiscard]] IoResult<LogScan> scan_log(FileSystem& file_system, const std::string& dir,
                                         const LogIdentity& identity,
                                         std::optional<LogPosition> from);

// Adds a batch to what is known. Takes its bytes apart. Returns what is wrong with it, or nothing.
[[nodiscard]] std::string apply_batch(Batch& batch, LogPosition position, LogScan& scan);

// Steps through the valid batches in order, each proved to follow the one before.
class BatchWalker {
 public:
  enum class Step : uint8_t {
    kBatch,
    kStop,  // no further batch can be read: the end, or damage
  };

  // `segments` are the existing ones to walk through, in order; not empty.
  BatchWalker(FileSystem& file_system, std::string dir, const LogIdentity& identity,
              std::vector<uint64_t> segments);

  IoResult<Step> next();
  // After kBatch.
  [[nodiscard]] Batch& batch() { return batch_; }
  [[nodiscard]] LogPosition position() const { return position_; }
  // Where the next batch begins, and the hash that it must name.
  [[nodiscard]] LogPosition end() const { return end_; }
  [[nodiscard]] uint64_t hash() const { return hash_; }
  // After kStop: why this cannot be the regular end of the log; empty if it may be.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  IoResult<Step> stop(std::string reason);
  // Turns an unreadable sector into a stop, passes other errors on.
  IoResult<Step> stop_or_fail(const IoError& error);
  // At the end of what is written in a segment: does the next one go on from here?
  IoResult<bool> enter_next_segment();

  FileSystem& file_system_;
  std::string dir_;
  uint64_t seed_;
  std::vector<uint64_t> segments_;
  size_t index_ = 0;  // of the segment that `reader_` reads
  std::optional<SegmentReader> reader_;
  Batch batch_;
  LogPosition position_;
  LogPosition end_;
  uint64_t hash_ = 0;
  bool hash_known_ = false;  // not before the first batch
  std::string reason_;
};

}  // namespace topod::storage
