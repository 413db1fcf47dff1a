// Who agrees with whom: digests of the state that servers have reported, each with the zxid it
// belongs to. The leader's; volatile. Pure.
//
// Replicas that evaluate the same entries reach the same digest. Where they do not, a quorum of
// the voters is believed and the others stop serving; without one nobody is.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "proto/ids.h"
#include "server/zab/quorum.h"

namespace topod::zab {

class DigestBook {
 public:
  // The servers that differ from the value which a quorum holds at this zxid; none while there is
  // no such value. Zxids older than those that are kept are ignored.
  std::vector<ServerId> note(ServerId server, Zxid zxid, uint64_t digest, const Quorum& quorum) {
    if (pages_.size() >= kPages && !pages_.contains(zxid)) {
      if (zxid < pages_.begin()->first) return {};
      pages_.erase(pages_.begin());
    }
    std::map<ServerId, uint64_t>& page = pages_[zxid];
    page[server] = digest;
    for (const auto& [believed, value] : page) {
      const bool is_agreed = quorum.reached([&, v = value](ServerId voter) {
        const auto found = page.find(voter);
        return found != page.end() && found->second == v;
      });
      if (!is_agreed) continue;
      std::vector<ServerId> differ;
      for (const auto& [who, other] : page) {
        if (other != value) differ.push_back(who);
      }
      return differ;
    }
    return {};
  }
  // It is told, or gone: what it has said counts no more.
  void forget(ServerId server) {
    for (auto& [zxid, page] : pages_) page.erase(server);
  }
  void clear() { pages_.clear(); }

 private:
  static constexpr size_t kPages = 64;
  std::map<Zxid, std::map<ServerId, uint64_t>> pages_;
};

}  // namespace topod::zab
