// Watch fan-out: every connection watches one znode, one more connection changes it, and each
// delivery of the event is an operation, timed from the moment the change was sent. The next
// change is made when every watcher has set its watch again (watches fire once).
#pragma once

#include "tools/bench/driver.h"

namespace topod::bench {

class WatchDriver final : public PooledDriver {
 public:
  explicit WatchDriver(const Share& share);

  void start(Nanoseconds now, Nanoseconds until) override;
  void stop() override { stopped_ = true; }
  [[nodiscard]] bool is_drained() const override;
  [[nodiscard]] uint64_t unanswered() const override { return undelivered_; }

 private:
  [[nodiscard]] size_t writer_index() const { return connection_count() - 1; }
  [[nodiscard]] size_t watchers() const { return connection_count() - 1; }
  void set_watch(Connection& watcher);
  void change_when_all_watch(Nanoseconds now);

  void on_operation_reply(Connection& connection, const Reply& reply) override;
  void on_event(Connection& watcher, const WatchEvent& event, Nanoseconds now) override;

  const Request watch_;
  const Request change_;
  size_t watching_ = 0;
  size_t undelivered_ = 0;
  bool change_under_way_ = false;
  Nanoseconds changed_at_ = 0;
  bool stopped_ = true;
};

}  // namespace topod::bench
