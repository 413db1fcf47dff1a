// The log thread behind the loop's interface: records of a turn become one batch, and what is
// durable comes back as a handler on the loop; so does history that was read for peers, on a
// thread of its own. Knows which part of the log a restart and the peers still need. Loop thread
// only, but for the callbacks, which only post.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <asio/io_context.hpp>

#include "proto/histogram.h"
#include "server/node/interfaces.h"
#include "server/node/log_holds.h"
#include "server/node/log_positions.h"
#include "server/node/loop_inbox.h"
#include "server/zab/history.h"
#include "storage/history_thread.h"
#include "storage/log_thread.h"

namespace topod::node {

class LogAdapter final : public LogStore {
 public:
  // Called on the loop.
  struct Events {
    std::function<void(const storage::LogDurable&)> durable;
    std::function<void(bool)> no_space;
    std::function<void(const storage::IoError&)> fatal;
    // What `read_history` asked for; gone: it is no longer in the log.
    std::function<void(LinkId, std::vector<zab::HistoryEntry>, bool gone)> history_read;
  };

  LogAdapter(asio::io_context& io, std::unique_ptr<storage::Log> log, Events events,
             int64_t warning_ms);

  void add(const zab::Append& record) override;
  void submit() override;
  void read_history(const zab::HistoryRead& read) override;
  [[nodiscard]] size_t queued_bytes() const override { return thread_->queued_bytes(); }
  [[nodiscard]] DurationFigures flush_times() const override { return flush_times_; }
  // Of every flush since start.
  struct FlushFigures {
    Histogram duration_us;
    Histogram records;
    Histogram bytes;
  };
  [[nodiscard]] const FlushFigures& flushes() const { return flushes_; }

  // Everything up to `applied` was replayed; a restart would begin at `from`. Before any record.
  void start_positions(storage::LogPosition from) { positions_.start(from, last_logged_, end_); }
  // Where a restart would begin that finds a stored tree of this zxid.
  [[nodiscard]] storage::LogPosition restart_position(Zxid applied) {
    return positions_.restart_position(applied);
  }
  // A restart would read from here on.
  void trim(storage::LogPosition keep);
  // Whatever else, the log is kept from here on while a tree is streamed over this link, and until
  // the peer has had time to ask for what follows it.
  void hold(LinkId link, storage::LogPosition from);
  void end_hold(LinkId link);
  // The newest tree whose installation was logged in this run; 0: none.
  [[nodiscard]] uint64_t logged_generation() const { return logged_generation_; }
  // Everything submitted becomes durable, the threads end.
  void stop();

 private:
  void durable(const storage::LogDurable& durable);
  void history_read(const storage::HistoryRequest& request, storage::HistoryAnswer& answer);

  asio::io_context& io_;
  Events events_;
  int64_t warning_ms_;
  DurationFigures flush_times_;
  FlushFigures flushes_;
  LoopInbox<storage::LogDurable> inbox_{io_,
                                        [this](const storage::LogDurable& done) { durable(done); }};
  storage::RecordBatchPtr batch_;
  storage::LogPosition end_;  // of what is durable
  Zxid last_logged_;          // when the log was opened
  uint64_t cuts_ = 0;         // TRUNCATE and SNAPSHOT records of this run
  uint64_t logged_generation_ = 0;
  LogPositions positions_;
  LogHolds holds_;
  storage::HistoryThread history_;
  std::unique_ptr<storage::LogThread> thread_;  // last: its callbacks use the rest
};

}  // namespace topod::node
