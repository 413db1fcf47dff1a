// Majority arithmetic: who of the voters stands behind something. Pure values.
//
// As ZooKeeper's hierarchical quorums: with groups, more than half of the groups (those of any
// weight) must each have more than half of their weight behind it; without, all voters are one
// group. A voter of weight 0 never counts.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "proto/ids.h"

namespace topod::zab {

struct Voter {
  ServerId id;
  uint32_t weight = 1;
  uint32_t group = 0;
  bool operator==(const Voter&) const = default;
};

class Quorum {
 public:
  explicit Quorum(std::vector<Voter> voters) : voters_(std::move(voters)) {
    for (const Voter& voter : voters_) {
      is_plain_ &= voter.weight == 1 && voter.group == voters_.front().group;
    }
  }

  [[nodiscard]] const std::vector<Voter>& voters() const { return voters_; }
  [[nodiscard]] bool is_voter(ServerId server) const {
    for (const Voter& voter : voters_) {
      if (voter.id == server) return true;
    }
    return false;
  }

  // Whether those voters suffice for which `supports(ServerId)` holds.
  template <class Supports>
  [[nodiscard]] bool reached(const Supports& supports) const {
    return is_plain_ ? reached_plain(supports) : reached_by_groups(supports);
  }

 private:
  template <class Supports>
  [[nodiscard]] bool reached_plain(const Supports& supports) const {
    size_t behind = 0;
    for (const Voter& voter : voters_) behind += supports(voter.id) ? 1 : 0;
    return behind * 2 > voters_.size();
  }

  template <class Supports>
  [[nodiscard]] bool reached_by_groups(const Supports& supports) const {
    struct Weight {
      uint64_t all = 0;
      uint64_t behind = 0;
    };
    std::map<uint32_t, Weight> groups;
    for (const Voter& voter : voters_) {
      if (voter.weight == 0) continue;
      Weight& group = groups[voter.group];
      group.all += voter.weight;
      if (supports(voter.id)) group.behind += voter.weight;
    }
    size_t won = 0;
    for (const auto& [id, group] : groups) won += group.behind * 2 > group.all ? 1 : 0;
    return won * 2 > groups.size();
  }

  std::vector<Voter> voters_;
  bool is_plain_ = true;  // one group, all of the same weight
};

}  // namespace topod::zab
