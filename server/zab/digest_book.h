// Who agrees with whom: digests of the state that servers have reported, each with the zxid it
// belongs to. The leader's; volatile. Pure.
//
// Replicas that evaluate the same entries reach the same digest. Where they do not, the majority
// is believed and the others stop serving; without a majority nobody is.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "proto/ids.h"

namespace topod::zab {

class DigestBook {
 public:
  // Of these servers, the ones that differ from the value which more than half of `voters` hold
  // at this zxid; empty while there is no such value.
  std::vector<ServerId> note(ServerId server, Zxid zxid, uint64_t digest, size_t voters) {
    std::map<ServerId, uint64_t>& page = pages_[zxid];
    page[server] = digest;
    if (pages_.size() > kPages) pages_.erase(pages_.begin());
    std::map<uint64_t, size_t> count;
    for (const auto& [who, value] : page) ++count[value];
    std::vector<ServerId> differ;
    for (const auto& [value, supporters] : count) {
      if (supporters * 2 <= voters) continue;
      for (const auto& [who, other] : page) {
        if (other != value) differ.push_back(who);
      }
    }
    return differ;
  }
  // There is more than one value at this zxid.
  [[nodiscard]] bool disputed(Zxid zxid) const {
    const auto page = pages_.find(zxid);
    if (page == pages_.end()) return false;
    for (const auto& [who, value] : page->second) {
      if (value != page->second.begin()->second) return true;
    }
    return false;
  }
  void clear() { pages_.clear(); }

 private:
  static constexpr size_t kPages = 64;
  std::map<Zxid, std::map<ServerId, uint64_t>> pages_;
};

}  // namespace topod::zab
