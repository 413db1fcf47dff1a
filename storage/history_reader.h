// Recent history for peers, read from the log while it is written further on: the transactions
// that follow a given one, without those that were cut again.
//
// Where each segment begins in the order of zxids is known from its head; reading starts at the
// last segment that begins low enough, and what was cut is found out by going through the log from
// there to its end. That happens once for each peer: its next request goes on where the last one
// ended.
//
// One thread. The log must not lose segments from `HistoryAnswer::needed` on; where it has, the
// history is gone, which is no error: the peer then takes a whole tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "proto/log_record.h"
#include "storage/log_reader.h"

namespace topod::storage {

struct HistoryRequest {
  LinkId link;
  Zxid after;
  Zxid through;
  size_t max_bytes = 0;  // of payload; exceeded by the last transaction only
  LogPosition end;       // of what is durable
  // Changes whenever the log is truncated or replaced by a tree: what was found out before about
  // cuts no longer holds then.
  uint64_t revision = 0;
};

struct HistoryAnswer {
  // Follow `after` and each other without a gap. Empty: the history is gone.
  std::vector<LogRecord> transactions;
  LogPosition needed;  // from here on the log is needed for the next request
  std::string why;     // it is gone
};

class HistoryReader {
 public:
  HistoryReader(FileSystem& file_system, std::string dir, const LogIdentity& identity);

  [[nodiscard]] HistoryAnswer read(const HistoryRequest& request);
  // The peer will not go on.
  void forget(LinkId link) { cursors_.erase(link); }

 private:
  struct Cursor {
    LogReader reader;
    LogPosition end;
    uint64_t revision = 0;
    Zxid last;                       // given out
    std::optional<LogRecord> ahead;  // read and not given out
  };
  // nullptr: `why` says so.
  Cursor* cursor_for(const HistoryRequest& request, std::string& why);
  [[nodiscard]] std::optional<LogPosition> start_for(const HistoryRequest& request,
                                                     std::string& why);
  // Adds what fits; false: the log cannot be read.
  static bool fill(Cursor& cursor, const HistoryRequest& request, HistoryAnswer& answer);

  FileSystem& file_system_;
  const std::string dir_;
  const LogIdentity identity_;
  std::map<uint64_t, Zxid> heads_;  // segment -> last transaction before it
  std::map<LinkId, Cursor> cursors_;
};

// The transaction above which all others can be read from the retained log, as far as the heads of
// its segments tell; `scan` may have begun later.
[[nodiscard]] Zxid history_begin(FileSystem& file_system, const std::string& dir,
                                 const LogIdentity& identity, const LogScan& scan);

}  // namespace topod::storage
