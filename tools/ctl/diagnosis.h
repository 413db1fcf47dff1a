// Doctor's judgement: from what the members of one ensemble say to sentences about what is wrong
// and what to do. Pure.
#pragma once

#include <string>
#include <vector>

#include "tools/ctl/finding.h"
#include "tools/ctl/member.h"

namespace topod::ctl {

// `is_global`: of the ensemble that has to survive the loss of any cell.
[[nodiscard]] std::vector<Finding> diagnose(const std::vector<MemberReport>& reports,
                                            bool is_global);

}  // namespace topod::ctl
