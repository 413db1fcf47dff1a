// The log thread behind the loop's interface: records of a turn become one batch, and what is
// durable comes back as a handler on the loop. Loop thread only, but for the callbacks, which
// only post.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <asio/io_context.hpp>

#include "server/node/interfaces.h"
#include "server/node/loop_inbox.h"
#include "storage/log_thread.h"

namespace topod::node {

class LogAdapter final : public LogStore {
 public:
  // Called on the loop.
  struct Events {
    std::function<void(const storage::LogDurable&)> durable;
    std::function<void(bool)> no_space;
    std::function<void(const storage::IoError&)> fatal;
  };

  LogAdapter(asio::io_context& io, std::unique_ptr<storage::Log> log, Events events,
             int64_t warning_ms);

  void add(const zab::Append& record) override;
  void submit() override;
  [[nodiscard]] size_t queued_bytes() const override { return thread_->queued_bytes(); }
  [[nodiscard]] DurationFigures flush_times() const override { return flush_times_; }

  // A restart would read from here on.
  void trim(storage::LogPosition keep) { thread_->trim(keep); }
  // Everything submitted becomes durable, the thread ends.
  void stop() { thread_->stop(); }

 private:
  void durable(const storage::LogDurable& durable);

  asio::io_context& io_;
  Events events_;
  int64_t warning_ms_;
  DurationFigures flush_times_;
  LoopInbox<storage::LogDurable> inbox_{io_,
                                        [this](const storage::LogDurable& done) { durable(done); }};
  storage::RecordBatchPtr batch_;
  std::unique_ptr<storage::LogThread> thread_;  // last: its callbacks use the rest
};

}  // namespace topod::node
