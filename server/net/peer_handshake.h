// How two members come to believe each other, before anything else is said on a connection:
//
//   dialer -> acceptor   Hello
//   acceptor -> dialer   Hello
//   dialer -> acceptor   Proof    HMAC-SHA256(secret, "dialer" and both hellos)
//   acceptor -> dialer   Proof    the same with "acceptor"
//   higher id -> lower   Accept   the link is open at both ends
//
// Each hello carries a fresh random nonce, so no proof can be used twice, and the two labels make
// it worthless to send a proof back. Who connects proves first: the port answers nobody's guesses.
// The higher id has the last word, so that of two connections made at the same time both ends
// keep the same one. Either end may send a Refusal instead of any of its messages and close.
// Without a secret the exchange is the same with an empty key.
//
// A state machine over payloads of peer frames: no sockets, no clock, no randomness; what is to be
// sent is taken as framed bytes. Used by one thread. The secret is never part of any text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "server/net/peer_hello.h"
#include "server/node/secret.h"

namespace topod::net {

// Longest payload that is taken from an end that has not been authenticated.
inline constexpr size_t kMaxHandshakeFrameBytes = 4 * 1024;

class PeerHandshake {
 public:
  enum class Side { kDialer, kAcceptor };
  enum class Progress {
    kContinues,
    kVerified,  // the other end is who it says; the owner calls `proceed` or `refuse`
    kOpen,      // the link is open at this end
    kRefused,   // by either end; what is to be sent goes out before the connection is closed
  };

  // `own` is this end's hello. The target of an accepting end's is filled in by the handshake.
  // `members` are the ids of the other members; `secret` may be empty.
  PeerHandshake(Side side, Hello own, std::vector<ServerId> members, node::Secret secret);

  // One payload from the other end. Must not be called any more once open or refused.
  [[nodiscard]] Progress receive(std::string_view payload);
  // After kVerified: this end agrees. kOpen if it has the last word, otherwise kContinues.
  [[nodiscard]] Progress proceed();
  // After kVerified: this end does not agree.
  void refuse(Refusal refusal);

  // Bytes for the other end; afterwards there are none.
  [[nodiscard]] std::string take_output();

  [[nodiscard]] const Hello& own() const { return own_; }
  // What the other end says of itself; server 0 until it has.
  [[nodiscard]] const Hello& peer() const { return peer_; }
  // This end is the one that opens the link. Known once `peer` is.
  [[nodiscard]] bool has_last_word() const { return own_.server > peer_.server; }
  // Names this connection at both ends, once both hellos are known.
  [[nodiscard]] uint64_t link_name() const;
  [[nodiscard]] Refusal refusal() const { return refusal_; }
  [[nodiscard]] bool refused_by_peer() const { return refused_by_peer_; }
  // Why, in a sentence that names both ends.
  [[nodiscard]] std::string explanation() const;

 private:
  enum class Awaits { kHello, kProof, kDecision, kAccept, kNothing };

  void send(uint8_t type, std::string_view body);
  [[nodiscard]] Progress fail(Refusal refusal);
  [[nodiscard]] Progress receive_hello(std::string_view body);
  [[nodiscard]] Progress receive_proof(std::string_view body);
  [[nodiscard]] Refusal judge_hello() const;
  [[nodiscard]] std::string transcript() const;
  [[nodiscard]] std::string proof_of(Side side) const;

  Side side_;
  Hello own_;
  Hello peer_;
  std::vector<ServerId> members_;
  node::Secret secret_;
  Awaits awaits_ = Awaits::kHello;
  std::string output_;
  Refusal refusal_ = Refusal::kNone;
  bool refused_by_peer_ = false;
};

}  // namespace topod::net
