// What keeps parts of the log from being given up: peers that read history or take a whole tree
// and will then ask for what followed it. A hold that nobody renews ends by itself, for a peer may
// never come back.
//
// Plain values; one thread. Times in milliseconds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

#include "proto/ids.h"
#include "storage/log_format.h"

namespace topod::node {

class LogHolds {
 public:
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  // In place of what the link held before.
  void hold(LinkId link, storage::LogPosition from, int64_t until_ms) {
    holds_[link] = {from, until_ms};
  }
  void release(LinkId link) { holds_.erase(link); }
  // What is held now is held until then.
  void limit(LinkId link, int64_t until_ms) {
    const auto found = holds_.find(link);
    if (found != holds_.end()) found->second.until_ms = until_ms;
  }

  // From where the log is needed if all but the peers need it from `keep` on.
  [[nodiscard]] storage::LogPosition needed_from(storage::LogPosition keep, int64_t now_ms) {
    std::erase_if(holds_, [&](const auto& hold) { return hold.second.until_ms <= now_ms; });
    for (const auto& [link, hold] : holds_) keep = std::min(keep, hold.from);
    return keep;
  }

 private:
  struct Hold {
    storage::LogPosition from;
    int64_t until_ms = 0;
  };
  std::map<LinkId, Hold> holds_;
};

}  // namespace topod::node
