// Sessions opened and closed: each of the connections connects, gets a session, closes it, waits
// for the answer, closes the socket, and begins anew. One such cycle is one operation.
#pragma once

#include <deque>
#include <vector>

#include "tools/bench/driver.h"

namespace topod::bench {

class SessionDriver final : public Driver, public ConnectionHandler {
 public:
  explicit SessionDriver(const Share& share);

  void open() override {}
  [[nodiscard]] bool is_open() const override { return true; }
  void start(Nanoseconds now, Nanoseconds until) override;
  void pump(Nanoseconds now) override;
  void stop() override { stopped_ = true; }
  [[nodiscard]] bool is_drained() const override { return under_way_ == 0; }
  void close() override;
  [[nodiscard]] bool is_closed() const override { return true; }
  [[nodiscard]] uint64_t unanswered() const override { return under_way_; }

 private:
  void begin_cycle(Connection& connection);

  void on_connected(Connection& connection, Nanoseconds now) override;
  void on_reply(Connection& connection, const Reply& reply) override;
  void on_lost(Connection& connection, std::string_view why) override;

  const Share share_;
  const Request close_session_;
  std::deque<Connection> connections_;
  std::vector<Nanoseconds> began_;  // by connection
  std::vector<size_t> to_begin_;    // connections whose next cycle waits for the next turn
  uint64_t under_way_ = 0;
  bool stopped_ = true;
};

}  // namespace topod::bench
