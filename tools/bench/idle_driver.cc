#include "tools/bench/idle_driver.h"

#include <algorithm>

namespace topod::bench {

void IdleDriver::start(Nanoseconds now, Nanoseconds) {
  const Options& options = share().options;
  const double all = options.is_open_loop()
                         ? options.rate
                         : 3'000.0 * options.connections / options.session_timeout_ms;
  const double mine = all * share().connections / options.connections;
  interval_ = std::max<Nanoseconds>(1, from_seconds(1 / mine));
  next_ping_ = now;
  stopped_ = false;
}

void IdleDriver::pump(Nanoseconds now) {
  PooledDriver::pump(now);
  // At most one round: a connection has one ping under way at a time.
  for (size_t i = 0; i < connection_count() && !stopped_ && next_ping_ <= now; ++i) {
    Connection& next = connection(turn_);
    turn_ = turn_ + 1 < connection_count() ? turn_ + 1 : 0;
    if (next.ping(next_ping_)) ++under_way_;
    next_ping_ += interval_;
  }
}

Nanoseconds IdleDriver::next_pump(Nanoseconds now) const {
  return stopped_ ? now + kSecond : next_ping_;
}

void IdleDriver::on_pong(Connection&, Nanoseconds sent, Nanoseconds now) {
  if (under_way_ > 0) --under_way_;
  share().recorder.answered(sent, now);
}

void IdleDriver::on_lost(Connection& connection, std::string_view why) {
  if (connection.is_pinging() && under_way_ > 0) {
    --under_way_;
    share().recorder.failed("unanswered on a lost connection", 1);
  }
  PooledDriver::on_lost(connection, why);
}

}  // namespace topod::bench
