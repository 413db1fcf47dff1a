// Reads the transactions of a log in order, leaving out those that were cut again: for replay at
// start, and for sending recent history to a peer while the log is being written further on.
//
// One thread at a time; independent of the thread that writes, as long as `end` is durable. A
// segment that retention took away meanwhile shows as an error: the history is no longer there.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "storage/log_recovery.h"

namespace topod::storage {

class LogReader {
 public:
  // Goes through the log twice: first for what was cut. `from` may be anywhere in a segment.
  static tl::expected<LogReader, std::string> open(FileSystem& file_system, const std::string& dir,
                                                   const LogIdentity& identity, LogPosition from,
                                                   LogPosition end);
  // With what `scan_log` found out about the same log.
  LogReader(FileSystem& file_system, const std::string& dir, const LogIdentity& identity,
            const LogScan& scan, LogPosition from);

  // The next surviving transaction, valid until the next call; nullptr at the end.
  tl::expected<const LogRecordView*, std::string> next();
  // Of the batch that holds it; before the first, where reading began.
  [[nodiscard]] LogPosition position() const { return place_.batch; }

 private:
  tl::expected<bool, std::string> next_batch();

  LogContents contents_;
  BatchWalker walker_;
  LogPosition from_;
  LogPosition end_;
  RecordCursor cursor_{{}};
  RecordPlace place_;
  LogRecordView record_;
};

}  // namespace topod::storage
