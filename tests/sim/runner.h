// Runs many seeds in processes of their own, so that a broken CHECK or a hang is one seed's fault
// and is told by its number. Every hundredth seed runs twice, and both traces must have the same
// hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace topod::sim {

struct Runs {
  uint64_t first = 1;
  uint64_t last = 1;
  uint32_t jobs = 1;
  size_t members = 0;  // 0: drawn by each seed
  bool locks = false;  // worlds of locks
  // Stop after so many failures; 0: never.
  uint64_t failures_max = 10;
};

// Prints progress and a summary; true if no seed failed.
[[nodiscard]] bool run_seeds(const Runs& runs);

// Runs the seeds for each known bug (proto/mutants.h) until one of them fails; true if every bug,
// or the one of this name, was found so. Prints by which oracle. Only those that stand in this
// folder exist in every build; `tools/build mutants` has all.
[[nodiscard]] bool run_mutants(const Runs& runs, const std::string& only);

}  // namespace topod::sim
