// Whether the records of a topology agree with each other, and what to do where they do not. Pure.
#pragma once

#include <vector>

#include "tools/ctl/finding.h"
#include "tools/ctl/topology.h"

namespace topod::ctl {

// Of a topology that was read whole.
[[nodiscard]] std::vector<Finding> check_topology(const Topology& topology);

}  // namespace topod::ctl
