// One run of a workload: threads are started, connect, warm up, are measured, drain and end. The
// calling thread waits and shows progress when standard error is a terminal.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <tl/expected.hpp>

#include "tools/bench/histogram.h"
#include "tools/bench/options.h"

namespace topod::bench {

struct RunResult {
  double seconds = 0;    // measured
  uint64_t answers = 0;  // operations that ended well in that time
  Histogram latencies;
  std::map<std::string, uint64_t> errors;  // by name, of the whole run
  // The generator's own processor time in the measured interval, as a share of one core.
  double cpu_share = 0;
  double busiest_thread_share = 0;
  // The processor time of options.server_pid in that interval, likewise; 0 when unknown.
  double server_cpu_share = 0;

  [[nodiscard]] double throughput() const {
    return seconds > 0 ? static_cast<double>(answers) / seconds : 0;
  }
};

// Prepares the znodes, runs, and cleans up as the options say. Errors that end a run before it was
// measured are returned; those of single operations are counted in the result.
[[nodiscard]] tl::expected<RunResult, std::string> run_workload(const Options& options);

// The same against servers that need no preparation.
[[nodiscard]] tl::expected<RunResult, std::string> run_prepared(const Options& options);

// SIGINT and SIGTERM end the run early, with its results and its cleaning up.
void end_runs_at_signals();

}  // namespace topod::bench
