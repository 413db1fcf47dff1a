// Who agrees with whom: digests of the state that servers have reported, each with the zxid it
// belongs to. The leader's; volatile. Pure.
//
// Replicas that evaluate the same entries reach the same digest. Where they do not, a quorum of
// the voters is believed and the others stop serving; without one nobody is,
// and somebody has to look at it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "proto/ids.h"
#include "server/state/digest.h"
#include "server/zab/quorum.h"

namespace topod::zab {

class DigestBook {
 public:
  struct Verdict {
    // The servers that differ from the value which a quorum holds at this zxid.
    std::vector<ServerId> differ;
    // Values differ, and none can be that of a quorum any more: nobody knows who is right.
    bool is_open = false;
  };
  // Zxids older than those that are kept are ignored. `is_here(ServerId)`: that voter may still
  // report.
  template <class IsHere>
  Verdict note(ServerId server, Zxid zxid, const state::Digest& digest, const Quorum& quorum,
               const IsHere& is_here) {
    if (pages_.size() >= kPages && !pages_.contains(zxid)) {
      if (zxid < pages_.begin()->first) return {};
      pages_.erase(pages_.begin());
    }
    Page& page = pages_[zxid];
    page[server] = digest;
    Verdict verdict{.differ = {}, .is_open = true};
    bool all_agree = true;
    for (const auto& [believed, value] : page) {
      all_agree &= value == digest;
      const auto holds = [&, &v = value](ServerId voter, bool otherwise) {
        const auto found = page.find(voter);
        return found == page.end() ? otherwise : found->second == v;
      };
      if (quorum.reached([&](ServerId voter) { return holds(voter, false); })) {
        verdict.is_open = false;
        for (const auto& [who, other] : page) {
          if (other != value) verdict.differ.push_back(who);
        }
        return verdict;
      }
      verdict.is_open &=
          !quorum.reached([&](ServerId voter) { return holds(voter, is_here(voter)); });
    }
    verdict.is_open &= !all_agree;
    return verdict;
  }
  // It is told, or gone: what it has said counts no more.
  void forget(ServerId server) {
    for (auto& [zxid, page] : pages_) page.erase(server);
  }
  void clear() { pages_.clear(); }

 private:
  using Page = std::map<ServerId, state::Digest>;

  static constexpr size_t kPages = 64;
  std::map<Zxid, Page> pages_;
};

}  // namespace topod::zab
