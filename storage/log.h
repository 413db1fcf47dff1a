// The log: makes records durable in one order. Synchronous; the log thread drives it, tests do
// without a thread.
//
// Rules, each with a test: one flush in flight; nothing written is ever rewritten; a batch is
// acknowledged only after its flush; any error of a write or flush ends the use of the log (never
// retried: read it again from the disk after a restart); segments are filled with zeros and synced
// before use, so that an append changes no metadata and cannot run out of space.
//
// One thread at a time. Offsets and sizes in bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "storage/file.h"
#include "storage/log_contents.h"
#include "storage/log_format.h"
#include "storage/log_recovery.h"

namespace topod::storage {

struct LogOptions {
  size_t segment_bytes = limits::kSegmentBytes;
  // Kept behind the checkpoint for peers that were away for a while.
  size_t retain_bytes = limits::kLogRetainBytes;
  // New segments are numbered from here, or on from the last one if that is higher.
  uint64_t first_new_segment = 1;
};

// Why a log cannot be used: the disk refuses, or what it holds is damaged.
using LogOpenError = std::variant<IoError, LogDamage>;

class Log {
 public:
  // Reads the log in the folder and makes it ready for appending; creates folder and first
  // segment if there are none. A torn tail is cleared, a snapshot that never took effect given up.
  // `from`: as in `scan_log`. A damaged log is left as it is.
  static tl::expected<std::unique_ptr<Log>, LogOpenError> open(FileSystem& file_system,
                                                               std::string dir,
                                                               const LogIdentity& identity,
                                                               const LogOptions& options,
                                                               std::optional<LogPosition> from);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // What was found when it was opened; `LogReader` reads its transactions.
  [[nodiscard]] const LogScan& recovered() const { return recovered_; }
  // What holds now.
  [[nodiscard]] const LogContents& contents() const { return contents_; }
  [[nodiscard]] LogPosition end() const { return end_; }
  // For readers of the same log.
  [[nodiscard]] FileSystem& file_system() const { return file_system_; }
  [[nodiscard]] const std::string& dir() const { return dir_; }
  [[nodiscard]] const LogIdentity& identity() const { return identity_; }

  // Whether a batch with so many bytes of records fits into prepared space.
  [[nodiscard]] bool has_room(size_t record_bytes) const;

  // Makes the records durable as one batch; `pieces` are whole encoded records. Requires
  // `has_room`. Returns the end of the log, a place for a checkpoint that covers all of it.
  // After an error nothing but destruction is allowed.
  IoResult<LogPosition> append(std::span<const std::string_view> pieces);
  // Proves to a later reader that the last batch was durable. Does nothing if that is proved
  // already, or if there is no room.
  IoResult<LogPosition> seal();

  // Continues in the next segment, whatever room there is; prepares it if need be.
  IoResult<LogPosition> begin_segment();

  // Goes on preparing the next segment by writing at most this many bytes. True: nothing to do.
  // On a full disk a segment that is only kept for peers is used for it. After a `no_space` error
  // it may be called again later; after any other it may not.
  IoResult<bool> prepare_spare(size_t budget_bytes);
  // The next segment is there: there is nothing to prepare.
  [[nodiscard]] bool spare_ready() const { return !spares_.empty(); }
  // The next segment is needed soon: less of it is prepared than of the current one is used.
  [[nodiscard]] bool preparation_is_late() const;

  // Gives up segments that nobody needs: `keep` is the place from which a restart would read; what
  // is before it stays as long as `LogOptions::retain_bytes` and the disk allow. One of them is
  // kept to be used again.
  IoResult<void> trim(LogPosition keep);
  // Of all segments that hold records.
  [[nodiscard]] uint64_t retained_bytes() const;
  // Where the oldest retained segment begins.
  [[nodiscard]] LogPosition begin() const;

 private:
  struct Segment {
    uint64_t number = 0;
    uint64_t size = 0;
  };

  Log(FileSystem& file_system, std::string dir, const LogIdentity& identity,
      const LogOptions& options);
  IoResult<void> start(LogScan scan);
  IoResult<void> clear(const std::vector<DirtyRange>& ranges);
  IoResult<void> adopt_segments();
  IoResult<void> adopt_unfinished_spare();
  IoResult<void> create_first_segment();
  IoResult<void> prepare_whole_spare();
  IoResult<void> open_current();
  IoResult<void> give_up_pending_snapshot();
  IoResult<void> begin_spare();
  IoResult<void> finish_spare();
  IoResult<bool> give_up_spare(const IoError& error);
  // No restart needs the oldest segment.
  [[nodiscard]] bool oldest_is_superfluous() const;
  IoResult<void> give_up_oldest();
  IoResult<void> enter_next_segment();
  IoResult<void> write_head();
  IoResult<void> write_batch(std::span<const std::string_view> pieces, size_t record_bytes,
                             BatchHeader header);
  [[nodiscard]] bool fits_current(size_t record_bytes) const;
  [[nodiscard]] size_t head_bytes() const;

  FileSystem& file_system_;
  std::string dir_;
  LogIdentity identity_;
  LogOptions options_;
  BatchBuilder builder_;
  LogScan recovered_;
  LogContents contents_;

  std::vector<Segment> old_;  // before the current one, oldest first
  Segment current_;
  std::unique_ptr<File> file_;  // of the current segment
  std::deque<Segment> spares_;  // ready for use
  LogPosition keep_;            // a restart reads from here, as far as is known
  LogPosition end_;
  uint64_t hash_ = 0;   // of the last batch
  bool sealed_ = true;  // nothing to prove
  bool failed_ = false;

  std::unique_ptr<File> spare_file_;  // being filled with zeros
  uint64_t spare_written_ = 0;
  bool spare_exists_ = false;  // a file is there to be filled
};

}  // namespace topod::storage
