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
};

struct SimulationOptions {
  size_t members = 0;             // 0: drawn
  std::ostream* trace = nullptr;  // a readable line for each event goes there
};
[[nodiscard]] Outcome simulate(uint64_t seed, const SimulationOptions& options);

}  // namespace topod::sim
