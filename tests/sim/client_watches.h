// The watches that a client has left and not seen fire, and the rules for them: each fires at most
// once, at the first event after it was left, before any reply that shows the change; after a
// reconnect, what was missed is told at once. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "proto/records.h"
#include "tests/sim/witness.h"

namespace topod::sim {

class ClientWatches {
 public:
  explicit ClientWatches(const Witness& witness) : witness_(witness) {}

  // Left by a read that was true at this zxid; `existed`: the znode was there.
  void left(WatchKind kind, const std::string& path, Zxid zxid, bool existed);
  void clear() { watches_.clear(); }
  [[nodiscard]] size_t size() const { return watches_.size(); }

  // Each returns what is wrong, or nothing.
  [[nodiscard]] std::string fired(Zxid zxid, EventType type, const std::string& path);
  [[nodiscard]] std::string answered(Zxid zxid) const;

  // ---- reconnecting --------------------------------------------------------------------------
  // All of them, as setWatches takes them. Views live until the next change.
  [[nodiscard]] SetWatchesRequest to_set() const;
  // setWatches was answered at this zxid.
  [[nodiscard]] std::string set_again(Zxid zxid);

 private:
  struct Watch {
    WatchKind kind = WatchKind::kData;
    std::string path;
    Zxid since;
    bool existed = true;
  };

  [[nodiscard]] std::string caught_up(EventType type, const std::string& path);

  const Witness& witness_;
  std::vector<Watch> watches_;
};

}  // namespace topod::sim
