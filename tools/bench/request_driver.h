// Runs a workload made of requests, in a closed loop (each slot starts its next operation when the
// last one has ended) or in an open one (operations are due at a fixed rate, whatever the server
// does; those that find no free slot wait, and their waiting is part of their latency).
#pragma once

#include <memory>
#include <vector>

#include "tools/bench/driver.h"
#include "tools/bench/workload.h"

namespace topod::bench {

class RequestDriver final : public PooledDriver {
 public:
  // `first_connection`: connections of the threads before this one.
  RequestDriver(const Share& share, std::unique_ptr<Workload> workload, uint64_t first_connection);

  void start(Nanoseconds now, Nanoseconds until) override;
  void pump(Nanoseconds now) override;
  [[nodiscard]] Nanoseconds next_pump(Nanoseconds now) const override;
  [[nodiscard]] bool is_finished() const override;
  void stop() override { stopped_ = true; }
  [[nodiscard]] bool is_drained() const override;
  [[nodiscard]] uint64_t unanswered() const override;

 private:
  struct Lane {
    std::vector<Slot> slots;
    std::vector<uint32_t> free;  // indices in `slots`
  };

  void start_closed_loop(Nanoseconds now);
  void start_due(Nanoseconds now);
  bool start_operation(Connection& connection, Slot& slot, Nanoseconds intended);
  void end_operation(Connection& connection, Slot& slot, Nanoseconds now);
  // Round-robin over the connections that can take one more; nullptr when none can.
  Connection* next_free_connection();

  void on_operation_reply(Connection& connection, const Reply& reply) override;
  void on_lost(Connection& connection, std::string_view why) override;

  const std::unique_ptr<Workload> workload_;
  std::vector<Lane> lanes_;  // by connection
  uint64_t under_way_ = 0;
  bool stopped_ = true;  // closed loop: nothing more is started
  bool exhausted_ = false;

  // Open loop only.
  const double interval_;  // nanoseconds between two operations of this thread
  Nanoseconds began_ = 0;
  Nanoseconds until_ = 0;
  uint64_t started_ = 0;
  size_t turn_ = 0;
};

}  // namespace topod::bench
