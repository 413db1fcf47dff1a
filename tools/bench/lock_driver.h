// Every connection wants the same lock, again and again, by the recipe of tools/client; who has it
// gives it back at once. A lock taken and given back is an operation; its latency is the time
// for which the lock lay idle: from the moment when its holder let go, or when it was asked for if
// that was later, to the moment when the next one knew that it held.
#pragma once

#include <optional>
#include <vector>

#include "tools/bench/driver.h"
#include "tools/client/core/contender.h"

namespace topod::bench {

class LockDriver final : public PooledDriver {
 public:
  explicit LockDriver(const Share& share);

  void start(Nanoseconds now, Nanoseconds until) override;
  void stop() override { stopped_ = true; }
  [[nodiscard]] bool is_drained() const override;
  [[nodiscard]] uint64_t unanswered() const override;

 private:
  struct Place {
    std::optional<client::Contender> contender;
    Nanoseconds asked_at = 0;
    bool was_held = false;
  };

  void contend(Connection& connection, Nanoseconds now);
  void step(Connection& connection, client::Contender::Event event, Nanoseconds now);
  void hold(Connection& connection, Nanoseconds now);
  void on_operation_reply(Connection& connection, const Reply& reply) override;
  void on_event(Connection& connection, const WatchEvent& event, Nanoseconds now) override;
  void on_lost(Connection& connection, std::string_view why) override;

  std::vector<Place> places_;  // by connection
  Nanoseconds freed_at_ = 0;
  bool stopped_ = true;
};

}  // namespace topod::bench
