// What the links between the members of an ensemble are told; limits are explained in
// proto/limits.h. Times in milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "proto/limits.h"
#include "server/node/address.h"
#include "server/node/secret.h"

namespace topod::net {

struct PeerMember {
  ServerId id;
  std::vector<node::HostPort> addresses;  // tried in their order
};

struct PeerOptions {
  ServerId self;
  // Where the others connect to; an empty host is every address of this machine, port 0 one that
  // the kernel picks.
  std::vector<node::HostPort> listen;
  std::string dial_from;  // local address of outgoing connections; empty: the kernel's choice
  std::vector<PeerMember> members;  // the others
  node::Secret secret;              // empty: whoever knows the ids is believed
  InstanceId instance{};
  uint32_t feature_level = 0;
  uint64_t voters_hash = 0;  // of voters, weights and groups; 0: do not compare

  // A link without a byte for this long is closed.
  int64_t silence_max_ms = int64_t{limits::kSyncLimitTicks} * limits::kTickTimeMs;
  int64_t handshake_max_ms = limits::kPeerHandshakeMs;
  int64_t retry_min_ms = limits::kPeerRetryMinMs;
  int64_t retry_max_ms = limits::kPeerRetryMaxMs;
  size_t queue_bytes_max = limits::kPeerQueueBytes;
};

// A link says that it lives this often when it has nothing else to say.
inline constexpr int64_t kPeerPingMs = 250;
// A link that was heard this recently is believed to live when somebody claims its place.
inline constexpr int64_t kPeerAnswersMs = 4 * kPeerPingMs;
// A name or an address that does not answer in this time is passed over.
inline constexpr int64_t kPeerConnectMs = 1'000;
// A link that lived this long worked: when it breaks it is made again at once.
inline constexpr int64_t kPeerWorkedMs = 1'000;
// Accepted connections in their handshake; beyond it the oldest is closed, for those of members
// take milliseconds.
inline constexpr size_t kPeerStrangersMax = 64;

}  // namespace topod::net
