// Connections that do nothing but stay alive. Each is pinged at an even pace, three times within
// its session timeout, or options.rate times per second in all; a ping is an operation.
#pragma once

#include "tools/bench/driver.h"

namespace topod::bench {

class IdleDriver final : public PooledDriver {
 public:
  explicit IdleDriver(const Share& share) : PooledDriver(share) {}

  void start(Nanoseconds now, Nanoseconds until) override;
  void pump(Nanoseconds now) override;
  [[nodiscard]] Nanoseconds next_pump(Nanoseconds now) const override;
  void stop() override { stopped_ = true; }
  [[nodiscard]] bool is_drained() const override { return under_way_ == 0; }
  [[nodiscard]] uint64_t unanswered() const override { return under_way_; }

 private:
  void on_operation_reply(Connection&, const Reply&) override {}
  void on_pong(Connection& connection, Nanoseconds sent, Nanoseconds now) override;
  void on_lost(Connection& connection, std::string_view why) override;

  Nanoseconds interval_ = 0;  // between the pings of any two connections
  Nanoseconds next_ping_ = 0;
  size_t turn_ = 0;
  uint64_t under_way_ = 0;
  bool stopped_ = true;
};

}  // namespace topod::bench
