// topod_sim: simulated worlds by their seeds. See tools/sim.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>

#include "tests/sim/runner.h"
#include "tests/sim/simulation.h"

namespace topod::sim {
namespace {

int run_one(uint64_t seed, const SimulationOptions& options) {
  // A broken CHECK must not take the last lines with it.
  if (options.trace != nullptr) *options.trace << std::unitbuf;
  const Outcome outcome = simulate(seed, options);
  std::cout.flush();
  std::printf(
      "seed %llu: %s\n%.1f simulated seconds, %llu events, %llu entries, %llu writes and "
      "%llu reads checked, locks used %llu times, trace %016llx\n",
      static_cast<unsigned long long>(seed), outcome.shape.c_str(),
      static_cast<double>(outcome.simulated_us) / 1e6,
      static_cast<unsigned long long>(outcome.events),
      static_cast<unsigned long long>(outcome.entries),
      static_cast<unsigned long long>(outcome.writes),
      static_cast<unsigned long long>(outcome.reads),
      static_cast<unsigned long long>(outcome.locks),
      static_cast<unsigned long long>(outcome.trace_hash));
  if (!outcome.violation) return 0;
  std::printf("VIOLATION of %s after %.6f s: %s\n", outcome.violation->oracle.c_str(),
              static_cast<double>(outcome.violation->at_us) / 1e6, outcome.violation->what.c_str());
  return 1;
}

bool parse_range(const std::string& text, Runs& runs) {
  const size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  try {
    runs.first = std::stoull(text.substr(0, dots));
    runs.last = std::stoull(text.substr(dots + 2));
  } catch (const std::exception&) {
    return false;
  }
  return runs.first <= runs.last;
}

int run(int argc, char** argv) {
  CLI::App app("Simulated worlds of topod, each reproducible from its seed.");
  uint64_t seed = 0;
  bool traces = false;
  std::string range;
  Runs runs;
  std::string mutant;
  const auto* one = app.add_option("--seed", seed, "one world");
  app.add_flag("--trace", traces, "with --seed: a line for each event");
  app.add_option("--seeds", range, "many worlds: FIRST..LAST")->excludes("--seed");
  app.add_option("--jobs", runs.jobs, "processes to run them in")->check(CLI::Range(1, 256));
  app.add_option("--members", runs.members, "servers in each world; 0: drawn")
      ->check(CLI::Range(0, 7));
  app.add_flag("--locks", runs.locks, "worlds of ten minutes in which locks are taken");
  const auto* mutants =
      app.add_option("--mutants", mutant, "all known bugs, or the one of this name, must be found")
          ->expected(0, 1);
  app.add_option("--failures", runs.failures_max, "stop after so many failures; 0: never");
  CLI11_PARSE(app, argc, argv);
  if (one->count() > 0)
    return run_one(seed, {runs.members, runs.locks, traces ? &std::cout : nullptr});
  if (mutants->count() > 0 && range.empty()) range = "1..10000";
  if (!parse_range(range, runs)) {
    std::fprintf(stderr, "topod_sim: give --seed N or --seeds FIRST..LAST\n");
    return 2;
  }
  if (mutants->count() > 0) return run_mutants(runs, mutant) ? 0 : 1;
  return run_seeds(runs) ? 0 : 1;
}

}  // namespace
}  // namespace topod::sim

int main(int argc, char** argv) { return topod::sim::run(argc, argv); }
