// What one thread does to the servers during a run. The thread (see run.cc) calls, in this order:
// `open` once, `pump` every turn until `is_open`, `start` once, `pump` every turn, `stop` once,
// `pump` until `is_drained`, `close` once, `pump` until `is_closed`; each wait is bounded.
//
// PooledDriver keeps a fixed number of connections: it opens them a few at a time (a server's
// listen queue is short), sends pings where nothing else is sent, and closes the sessions.
#pragma once

#include <deque>
#include <string_view>

#include "tools/bench/connection.h"
#include "tools/bench/options.h"
#include "tools/bench/recorder.h"

namespace topod::bench {

// What a thread gives to its driver; outlives it.
struct Share {
  const Options& options;
  EventLoop& loop;
  Recorder& recorder;
  uint32_t thread;       // its number among options.threads
  uint32_t connections;  // this thread's part of options.connections
};

class Driver {
 public:
  virtual ~Driver() = default;

  virtual void open() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
  // Operations are intended to start from `now` on, none at or after `until`.
  virtual void start(Nanoseconds now, Nanoseconds until) = 0;
  virtual void pump(Nanoseconds now) = 0;
  // When `pump` has something to do even if no socket is ready.
  [[nodiscard]] virtual Nanoseconds next_pump(Nanoseconds now) const { return now + kSecond; }
  // Nothing is left to do, although the time is not over.
  [[nodiscard]] virtual bool is_finished() const { return false; }
  // Starts no more operations of its own accord, those already due excepted.
  virtual void stop() = 0;
  [[nodiscard]] virtual bool is_drained() const = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_closed() const = 0;
  // Operations that were due and got no answer.
  [[nodiscard]] virtual uint64_t unanswered() const = 0;
};

class PooledDriver : public Driver, public ConnectionHandler {
 public:
  explicit PooledDriver(const Share& share);

  void open() override;
  [[nodiscard]] bool is_open() const override { return ready_ + lost_ == connections_.size(); }
  void pump(Nanoseconds now) override;
  void close() override;
  [[nodiscard]] bool is_closed() const override { return ready_ == 0; }
  [[nodiscard]] bool is_finished() const override { return lost_ == connections_.size(); }

 protected:
  [[nodiscard]] Connection& connection(size_t index) { return connections_[index]; }
  [[nodiscard]] size_t connection_count() const { return connections_.size(); }
  [[nodiscard]] size_t lost_count() const { return lost_; }
  [[nodiscard]] const Share& share() const { return share_; }

  void add_connection();

  void on_connected(Connection& connection, Nanoseconds now) override;
  void on_lost(Connection& connection, std::string_view why) override;
  // A reply to what the derived class sent.
  virtual void on_operation_reply(Connection& connection, const Reply& reply) = 0;

 private:
  void on_reply(Connection& connection, const Reply& reply) final;
  void open_more();
  void ping_silent(Nanoseconds now);

  const Share share_;
  std::deque<Connection> connections_;
  size_t opened_ = 0;  // connections that were tried
  size_t ready_ = 0;
  size_t lost_ = 0;
  bool closing_ = false;
  Nanoseconds next_silence_check_ = 0;
};

}  // namespace topod::bench
