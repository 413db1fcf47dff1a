// Results for people and for scripts. JSON: one object, times in microseconds, rates per second.
#pragma once

#include <string>

#include "tools/bench/first_read.h"
#include "tools/bench/options.h"
#include "tools/bench/run.h"

namespace topod::bench {

[[nodiscard]] std::string describe(const Options& options, const RunResult& result);
[[nodiscard]] std::string describe(const Options& options, const FirstRead& result);

}  // namespace topod::bench
