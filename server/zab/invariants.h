// What must hold of a replica after every turn, whatever has happened to it. For tests and the
// simulator: a violation shows where it arises and not where it is felt. Pure.
#pragma once

#include <string>

namespace topod::zab {

class Replica;

// The first one that does not hold, in words; empty: all do.
[[nodiscard]] std::string violated_invariant(const Replica& replica);

}  // namespace topod::zab
