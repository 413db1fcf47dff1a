// Removing a whole subtree, children before parents. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/ctl/result.h"
#include "tools/ctl/znodes.h"

namespace topod::ctl {

// Everything that would go, children first. What every server keeps (/zookeeper) is not in it.
[[nodiscard]] Result<std::vector<std::string>> subtree_bottom_up(Znodes& znodes,
                                                                 const std::string& root);

// How many were removed. What others create meanwhile is removed as well, a few times over.
[[nodiscard]] Result<size_t> remove_subtree(Znodes& znodes, const std::string& root);

}  // namespace topod::ctl
