// The limit that a disk sets to durable writes one after another: writes of a given size, each
// followed by fdatasync, into a file whose blocks were written before, so that no metadata changes.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "tools/bench/options.h"
#include "tools/bench/run.h"

namespace topod::bench {

[[nodiscard]] tl::expected<RunResult, std::string> probe_disk(const Options& options);

}  // namespace topod::bench
