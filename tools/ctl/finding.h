// What a check found: validate looks at a topology, doctor at servers. Plain values.
#pragma once

#include <string>
#include <vector>

#include "tools/ctl/output.h"

namespace topod::ctl {

struct Finding {
  enum class Severity { kProblem, kWarning, kGood };
  Severity severity = Severity::kProblem;
  std::string where;   // a path, a server, "the ensemble"
  std::string what;    // a sentence without a full stop
  std::string advice;  // what to do; empty if there is nothing
};

[[nodiscard]] const char* name_of(Finding::Severity severity);

// Problems first. Prints nothing but JSON's "[]" if there are none.
void print_findings(Output& out, const std::vector<Finding>& findings);
// Whether one of them is a problem or a warning.
[[nodiscard]] bool any_trouble(const std::vector<Finding>& findings);

}  // namespace topod::ctl
