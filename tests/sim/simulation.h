// One seed, one world: members, clients and faults are drawn from it, a minute passes, everything
// heals, and what was promised is checked. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "tests/sim/world.h"

namespace topod::sim {

struct Outcome {
  std::optional<Violation> violation;
  std::string shape;  // what was drawn
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  int64_t simulated_us = 0;
  uint64_t entries = 0;  // committed
  uint64_t writes = 0;   // answered
  uint64_t reads = 0;
  uint64_t locks = 0;  // how often one was seen in use
};

struct SimulationOptions {
  size_t members = 0;  // 0: drawn
  // Ten minutes of clients that take locks and are paused, instead of one in which everything is
  // asked.
  bool locks = false;
  std::ostream* trace = nullptr;  // a readable line for each event goes there
};
[[nodiscard]] Outcome simulate(uint64_t seed, const SimulationOptions& options);

}  // namespace topod::sim
