#include "server/net/peer_handshake.h"

#include <algorithm>
#include <array>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include "proto/check.h"
#include "server/net/peer_frame.h"

namespace topod::net {

namespace {

enum MessageType : uint8_t { kHello = 1, kProof = 2, kAccept = 3, kRefuse = 4 };

constexpr size_t kProofBytes = 32;

std::string hmac_sha256(const std::string& key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> result;
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), result.data(),
             &size) != nullptr);
  CHECK(size == kProofBytes);
  return {reinterpret_cast<const char*>(result.data()), size};
}

}  // namespace

PeerHandshake::PeerHandshake(Side side, Hello own, std::vector<ServerId> members,
                             node::Secret secret)
    : side_(side), own_(own), members_(std::move(members)), secret_(std::move(secret)) {
  own_.version = kPeerProtocolVersion;
  if (side_ == Side::kDialer) send(kHello, encode(own_));
}

PeerHandshake::Progress PeerHandshake::receive(std::string_view payload) {
  CHECK(awaits_ != Awaits::kNothing && awaits_ != Awaits::kDecision);
  if (payload.empty()) return fail(Refusal::kGarbage);
  const auto type = static_cast<uint8_t>(payload.front());
  const std::string_view body = payload.substr(1);
  const bool knows_peer = awaits_ != Awaits::kHello;
  if (type == kRefuse && knows_peer && body.size() == 1 && body.front() != 0) {
    refusal_ = static_cast<Refusal>(static_cast<uint8_t>(body.front()));
    refused_by_peer_ = true;
    awaits_ = Awaits::kNothing;
    return Progress::kRefused;
  }
  if (type == kHello && awaits_ == Awaits::kHello) return receive_hello(body);
  if (type == kProof && awaits_ == Awaits::kProof) return receive_proof(body);
  if (type == kAccept && awaits_ == Awaits::kAccept && body.empty()) {
    awaits_ = Awaits::kNothing;
    return Progress::kOpen;
  }
  return fail(Refusal::kGarbage);
}

PeerHandshake::Progress PeerHandshake::receive_hello(std::string_view body) {
  Hello hello;
  const HelloVerdict verdict = decode(body, hello);
  if (verdict == HelloVerdict::kGarbage) return fail(Refusal::kGarbage);
  peer_ = hello;
  if (side_ == Side::kAcceptor) {
    // Even to one that is refused: its operator wants to know by whom.
    own_.target = peer_.server;
    send(kHello, encode(own_));
  }
  const Refusal refusal =
      verdict == HelloVerdict::kOtherVersion ? Refusal::kOtherVersion : judge_hello();
  if (refusal != Refusal::kNone) return fail(refusal);
  if (side_ == Side::kDialer) send(kProof, proof_of(Side::kDialer));
  awaits_ = Awaits::kProof;
  return Progress::kContinues;
}

// The most telling reason comes first.
Refusal PeerHandshake::judge_hello() const {
  // Its own words sent back.
  if (peer_.nonce == own_.nonce) return Refusal::kGarbage;
  if (peer_.server == own_.server) return Refusal::kSameId;
  const bool met = side_ == Side::kDialer
                       ? peer_.server == own_.target && peer_.target == own_.server
                       : peer_.target == own_.server;
  if (!met) return Refusal::kWrongTarget;
  if (std::find(members_.begin(), members_.end(), peer_.server) == members_.end()) {
    return Refusal::kUnknownMember;
  }
  if (peer_.instance == own_.instance) return Refusal::kCopiedDirectory;
  if (peer_.founded && own_.founded && peer_.ensemble != own_.ensemble) {
    return Refusal::kOtherEnsemble;
  }
  const bool both_told = peer_.voters_hash != 0 && own_.voters_hash != 0;
  if (both_told && peer_.voters_hash != own_.voters_hash) return Refusal::kVotersDiffer;
  return Refusal::kNone;
}

PeerHandshake::Progress PeerHandshake::receive_proof(std::string_view body) {
  const Side other = side_ == Side::kDialer ? Side::kAcceptor : Side::kDialer;
  const std::string expected = proof_of(other);
  const bool right = body.size() == expected.size() &&
                     CRYPTO_memcmp(body.data(), expected.data(), expected.size()) == 0;
  if (!right) return fail(Refusal::kWrongSecret);
  awaits_ = Awaits::kDecision;
  return Progress::kVerified;
}

PeerHandshake::Progress PeerHandshake::proceed() {
  CHECK(awaits_ == Awaits::kDecision);
  if (side_ == Side::kAcceptor) send(kProof, proof_of(Side::kAcceptor));
  if (!has_last_word()) {
    awaits_ = Awaits::kAccept;
    return Progress::kContinues;
  }
  send(kAccept, {});
  awaits_ = Awaits::kNothing;
  return Progress::kOpen;
}

void PeerHandshake::refuse(Refusal refusal) {
  CHECK(awaits_ == Awaits::kDecision);
  static_cast<void>(fail(refusal));
}

PeerHandshake::Progress PeerHandshake::fail(Refusal refusal) {
  refusal_ = refusal;
  awaits_ = Awaits::kNothing;
  // A stranger gets no answer.
  if (refusal != Refusal::kGarbage) {
    const char code = static_cast<char>(refusal);
    send(kRefuse, {&code, 1});
  }
  return Progress::kRefused;
}

void PeerHandshake::send(uint8_t type, std::string_view body) {
  std::string payload(1, static_cast<char>(type));
  payload += body;
  append_peer_frame(output_, payload);
}

std::string PeerHandshake::take_output() {
  std::string bytes;
  bytes.swap(output_);
  return bytes;
}

std::string PeerHandshake::transcript() const {
  const bool dialed = side_ == Side::kDialer;
  return encode(dialed ? own_ : peer_) + encode(dialed ? peer_ : own_);
}

std::string PeerHandshake::proof_of(Side side) const {
  const std::string label = side == Side::kDialer ? "topod dialer" : "topod acceptor";
  return hmac_sha256(secret_.reveal(), label + transcript());
}

uint64_t PeerHandshake::link_name() const {
  const std::string both = transcript();
  const uint64_t name = XXH3_64bits(both.data(), both.size());
  return name != 0 ? name : 1;  // 0 means none
}

std::string PeerHandshake::explanation() const {
  const bool dialed = side_ == Side::kDialer;
  const Ends ends = dialed ? Ends{own_, peer_} : Ends{peer_, own_};
  return explain(refusal_, ends, dialed != refused_by_peer_);
}

}  // namespace topod::net
