// What the administrator is told of the other members' links. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"

namespace topod::node {

enum class PeerState {
  kWaiting,     // for the next attempt
  kConnecting,  // resolving or connecting
  kGreeting,    // connected, not authenticated yet
  kLinked,
};

[[nodiscard]] constexpr std::string_view name_of(PeerState state) {
  switch (state) {
    case PeerState::kWaiting: return "waiting";
    case PeerState::kConnecting: return "connecting";
    case PeerState::kGreeting: return "greeting";
    case PeerState::kLinked: return "linked";
  }
  return "unknown";
}

struct PeerFigures {
  ServerId server;
  PeerState state = PeerState::kWaiting;
  LinkId link;                  // 0: none
  std::string address;          // of the other end of the link
  std::string last_error;       // why there is no link, or why the last one ended
  int64_t since_ms = 0;         // monotonic: linked, or without a link, since then
  int64_t heard_ms = 0;         // monotonic: last byte on the link
  uint64_t links = 0;           // made since start
  uint64_t bytes_received = 0;  // since start
  uint64_t bytes_sent = 0;
  size_t queued_bytes = 0;
};

// Refused connections since start, of members and strangers.
struct RefusalFigures {
  uint64_t count = 0;
  std::string last;     // names both ends and says what to do; empty: none so far
  int64_t last_ms = 0;  // monotonic
};

class PeerView {
 public:
  virtual ~PeerView() = default;
  // In the order of the configuration.
  [[nodiscard]] virtual std::vector<PeerFigures> peers() const = 0;
  [[nodiscard]] virtual const RefusalFigures& refusals() const = 0;
};

}  // namespace topod::node
