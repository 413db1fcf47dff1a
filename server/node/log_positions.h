// Where in the log a restart has to begin, given what the stored tree holds: the last place before
// which nothing stands but what is applied already. What is durable and not applied yet, for it is
// not committed, must be found again.
//
// Plain values; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "proto/ids.h"
#include "proto/log_record.h"
#include "storage/log_format.h"

namespace topod::node {

class LogPositions {
 public:
  // The log as it was found: it ends at `end` with `last`; a restart would begin at `from`.
  void start(storage::LogPosition from, Zxid last, storage::LogPosition end) {
    safe_ = from;
    last_ = highest_ = last;
    durable_.assign({{last, end}});
  }

  // Records in the order of the log, numbered from 1; those of a turn are submitted together.
  void add(LogRecordKind kind, Zxid zxid) {
    ++added_;
    if (kind == LogRecordKind::kTransaction || kind == LogRecordKind::kSnapshot) last_ = zxid;
    if (kind == LogRecordKind::kTruncate) last_ = std::min(last_, zxid);
    highest_ = std::max(highest_, last_);
  }
  void submit() {
    if (!submitted_.empty() && submitted_.back().number == added_) return;
    submitted_.push_back({added_, highest_, last_});
    highest_ = last_;
  }
  // The records up to this number are before `end`.
  void durable(uint64_t number, storage::LogPosition end) {
    while (!submitted_.empty() && submitted_.front().number < number) submitted_.pop_front();
    if (submitted_.empty()) return;
    const Submitted& turn = submitted_.front();
    // Of a turn that was cut in two, anything may be in the first part.
    const Zxid highest = turn.number == number ? turn.last : turn.highest;
    while (!durable_.empty() && durable_.back().highest >= highest) durable_.pop_back();
    durable_.push_back({highest, end});
  }

  [[nodiscard]] storage::LogPosition restart_position(Zxid applied) {
    while (!durable_.empty() && durable_.front().highest <= applied) {
      safe_ = durable_.front().end;
      durable_.pop_front();
    }
    return safe_;
  }

 private:
  struct Submitted {
    uint64_t number = 0;  // of its last record
    Zxid highest;         // the log's last transaction at any time in this turn, at most
    Zxid last;            // at its end
  };
  struct Durable {
    Zxid highest;  // that stands before `end`
    storage::LogPosition end;
  };

  storage::LogPosition safe_;
  std::deque<Submitted> submitted_;
  std::deque<Durable> durable_;  // ascending in both
  uint64_t added_ = 0;
  Zxid highest_;
  Zxid last_;
};

}  // namespace topod::node
