// What each end of a new peer connection says of itself, and why an end may refuse the other.
// Pure values and functions.
//
// The bytes of a Hello: magic (8), version (4), server (4), target (4) - these never change, so
// that any two versions can name each other - and then, in version 1: run (8), last link (8),
// instance (16), ensemble (8), founded (1), voters' hash (8), feature level (4), nonce (32).
// Numbers are big endian. Nothing of it is believed before it has been authenticated.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/ids.h"

namespace topod::net {

inline constexpr uint32_t kPeerProtocolVersion = 1;

using Nonce = std::array<uint8_t, 32>;

struct Hello {
  uint32_t version = kPeerProtocolVersion;
  ServerId server;
  ServerId target;   // whom the dialing end looks for; the accepting end names the dialing one
  uint64_t run = 0;  // drawn at random by each start of the process
  uint64_t last_link = 0;    // of the last link with the other end in this run; 0: none yet
  InstanceId instance{};     // of the data directory
  EnsembleId ensemble;       // 0: none known yet
  bool founded = false;      // the ensemble's id is settled for this server
  uint64_t voters_hash = 0;  // of the configured voters, weights and groups; 0: not told
  uint32_t feature_level = 0;
  Nonce nonce{};
  bool operator==(const Hello&) const = default;
};

enum class HelloVerdict {
  kWhole,
  kOtherVersion,  // only version, server and target have been read
  kGarbage,
};

[[nodiscard]] std::string encode(const Hello& hello);
[[nodiscard]] HelloVerdict decode(std::string_view bytes, Hello& hello);

// Travels as one byte; a newer version may send more kinds than are known here.
enum class Refusal : uint8_t {
  kNone = 0,
  kGarbage = 1,          // not this protocol
  kOtherVersion = 2,     // of the protocol
  kWrongTarget = 3,      // the address is somebody else's
  kSameId = 4,           // two servers with one myid
  kUnknownMember = 5,    // not in the configuration
  kCopiedDirectory = 6,  // the data directory of another member
  kOtherEnsemble = 7,
  kVotersDiffer = 8,
  kWrongSecret = 9,
  kSecondProcess = 10,  // another process with this myid is linked and answers
  kAlreadyLinked = 11,  // both ends dialed, the other connection was taken: nobody's fault
};

// Both ends of a connection as far as they are known (server 0: not known).
struct Ends {
  Hello dialer;
  Hello acceptor;
};

// One sentence that names both servers and says what to do. It holds for both ends.
[[nodiscard]] std::string explain(Refusal refusal, const Ends& ends, bool dialer_refuses);

}  // namespace topod::net
