// Majority arithmetic: who of the voters stands behind something. Pure values.
#pragma once

#include <algorithm>
#include <vector>

#include "proto/ids.h"

namespace topod::zab {

class Quorum {
 public:
  explicit Quorum(std::vector<ServerId> voters) : voters_(std::move(voters)) {}

  [[nodiscard]] const std::vector<ServerId>& voters() const { return voters_; }
  [[nodiscard]] bool is_voter(ServerId server) const {
    return std::find(voters_.begin(), voters_.end(), server) != voters_.end();
  }
  // More than half of the voters.
  [[nodiscard]] bool reached(const std::vector<ServerId>& supporters) const {
    const auto support = std::count_if(voters_.begin(), voters_.end(), [&](ServerId voter) {
      return std::find(supporters.begin(), supporters.end(), voter) != supporters.end();
    });
    return static_cast<size_t>(support) * 2 > voters_.size();
  }

 private:
  std::vector<ServerId> voters_;
};

}  // namespace topod::zab
