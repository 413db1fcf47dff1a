#include "server/net/peer_hello.h"

#include <algorithm>

#include <fmt/format.h>

#include "proto/jute.h"

namespace topod::net {

namespace {

constexpr std::string_view kMagic = "topodpl\n";

template <size_t Size>
void write_bytes(JuteWriter& out, const std::array<uint8_t, Size>& bytes) {
  for (const uint8_t byte : bytes) out.write_byte(byte);
}

template <size_t Size>
void read_bytes(JuteReader& in, std::array<uint8_t, Size>& bytes) {
  for (uint8_t& byte : bytes) byte = in.read_byte();
}

ServerId read_server(JuteReader& in) { return ServerId(static_cast<uint32_t>(in.read_int())); }

std::string hex(EnsembleId id) { return fmt::format("0x{:016x}", id.value()); }

}  // namespace

std::string encode(const Hello& hello) {
  std::string bytes;
  JuteWriter out(bytes);
  out.write_raw(kMagic);
  out.write_int(static_cast<int32_t>(hello.version));
  out.write_int(static_cast<int32_t>(hello.server.value()));
  out.write_int(static_cast<int32_t>(hello.target.value()));
  out.write_long(static_cast<int64_t>(hello.run));
  out.write_long(static_cast<int64_t>(hello.last_link));
  write_bytes(out, hello.instance);
  out.write_long(static_cast<int64_t>(hello.ensemble.value()));
  out.write_bool(hello.founded);
  out.write_long(static_cast<int64_t>(hello.voters_hash));
  out.write_int(static_cast<int32_t>(hello.feature_level));
  write_bytes(out, hello.nonce);
  return bytes;
}

HelloVerdict decode(std::string_view bytes, Hello& hello) {
  if (!bytes.starts_with(kMagic)) return HelloVerdict::kGarbage;
  JuteReader in(bytes.substr(kMagic.size()));
  hello.version = static_cast<uint32_t>(in.read_int());
  hello.server = read_server(in);
  hello.target = read_server(in);
  if (!in.ok()) return HelloVerdict::kGarbage;
  if (hello.version != kPeerProtocolVersion) return HelloVerdict::kOtherVersion;
  hello.run = static_cast<uint64_t>(in.read_long());
  hello.last_link = static_cast<uint64_t>(in.read_long());
  read_bytes(in, hello.instance);
  hello.ensemble = EnsembleId(static_cast<uint64_t>(in.read_long()));
  const uint8_t founded = in.read_byte();
  hello.founded = founded == 1;
  hello.voters_hash = static_cast<uint64_t>(in.read_long());
  hello.feature_level = static_cast<uint32_t>(in.read_int());
  read_bytes(in, hello.nonce);
  const bool whole = in.ok() && in.remaining() == 0 && founded <= 1;
  return whole ? HelloVerdict::kWhole : HelloVerdict::kGarbage;
}

std::string explain(Refusal refusal, const Ends& ends, bool dialer_refuses) {
  const Hello& refusing = dialer_refuses ? ends.dialer : ends.acceptor;
  const Hello& refused = dialer_refuses ? ends.acceptor : ends.dialer;
  const uint32_t here = refusing.server.value();
  const uint32_t there = refused.server.value();
  switch (refusal) {
    case Refusal::kNone: return {};
    case Refusal::kGarbage:
      return fmt::format(
          "server {} was sent what is not the peer protocol: only members may connect to its peer "
          "port, and server.N must name peer ports",
          here);
    case Refusal::kOtherVersion:
      return fmt::format(
          "server {} speaks version {} of the peer protocol, server {} version {}: upgrade the "
          "older one",
          here, refusing.version, there, refused.version);
    case Refusal::kWrongTarget:
      return fmt::format(
          "server {} looked for server {} and reached server {}: correct the address of server.{} "
          "in the configuration of server {}, or myid",
          ends.dialer.server.value(), ends.dialer.target.value(), ends.acceptor.server.value(),
          ends.dialer.target.value(), ends.dialer.server.value());
    case Refusal::kSameId:
      return fmt::format(
          "server {} met another server that calls itself server {}: give each server a myid of "
          "its own",
          here, there);
    case Refusal::kUnknownMember:
      return fmt::format(
          "server {} is not in the member list of server {}: add server.{} to that configuration, "
          "or correct myid",
          there, here, there);
    case Refusal::kCopiedDirectory:
      return fmt::format(
          "server {} shows server {} the data directory of another member: empty the copy and let "
          "it be filled by the ensemble",
          there, here);
    case Refusal::kOtherEnsemble:
      return fmt::format(
          "server {} belongs to ensemble {}, server {} to ensemble {}: correct the addresses, or "
          "empty the data directory of the one that is to join the other",
          here, hex(refusing.ensemble), there, hex(refused.ensemble));
    case Refusal::kVotersDiffer:
      return fmt::format(
          "the voters, weights or groups that server {} and server {} are configured with differ: "
          "make their server, weight and group lines equal",
          here, there);
    case Refusal::kWrongSecret:
      return fmt::format(
          "server {} and server {} do not have the same secret: give both the same peerSecretFile "
          "and the same peerAuth",
          here, there);
    case Refusal::kSecondProcess:
      return fmt::format(
          "server {} is linked with another process that is server {} and answers: stop one of "
          "the two, or give it a myid of its own",
          here, there);
    case Refusal::kAlreadyLinked:
      return fmt::format("server {} is linked with server {} already", here, there);
  }
  return fmt::format("server {} refuses server {} for reason {}, which this version does not know",
                     here, there, static_cast<int>(refusal));
}

}  // namespace topod::net
