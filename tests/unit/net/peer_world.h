// Members of an ensemble in one process: each a mesh of its own on loopback, all driven by one
// loop, with what each of them was told. Ports are picked by the kernel and held for the whole
// test, so that a member can come back at its address. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "server/net/peer_mesh.h"

namespace topod::net {

class SeededEntropy final : public node::Entropy {
 public:
  explicit SeededEntropy(uint64_t seed) : random_(seed) {}
  void fill(std::span<uint8_t> bytes) override {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
  }

 private:
  std::mt19937_64 random_;
};

class PeerRecorder final : public node::PeerHandler {
 public:
  void peer_connected(LinkId link, const node::PeerIdentity& peer) override;
  bool peer_frame(LinkId link, std::string_view bytes) override;
  void peer_disconnected(LinkId link) override;

  [[nodiscard]] bool linked(uint32_t server) const { return links.contains(server); }

  std::map<uint32_t, LinkId> links;  // open ones, by server
  std::map<LinkId, node::PeerIdentity> identities;
  std::map<uint32_t, std::vector<std::string>> frames;  // by server
  int connected = 0;
  int disconnected = 0;
  bool told_inside_call = false;
  bool inside_call = false;  // set by a test around its calls
  bool accepts_frames = true;
};

struct PeerNode {
  PeerNode(asio::io_context& io, PeerOptions options, node::Entropy& entropy)
      : mesh(io, std::move(options), entropy) {}
  PeerRecorder told;
  PeerMesh mesh;
};

class PeerWorld {
 public:
  explicit PeerWorld(uint32_t servers, uint64_t seed = 1);

  // A process that is this server: knows all others, listens at its port. The object lives until
  // the world ends, for handlers may still be queued.
  [[nodiscard]] PeerOptions options(uint32_t server) const;
  PeerNode& listen(PeerOptions options);
  PeerNode& start(PeerOptions options);
  PeerNode& start(uint32_t server) { return start(options(server)); }

  [[nodiscard]] uint16_t port(uint32_t server) const { return ports_.at(server); }
  // Runs the loop until it holds; false if it does not within the deadline of a test.
  [[nodiscard]] bool run_until(const std::function<bool()>& holds);
  // Runs until these two have heard each other once more: whatever was on its way has arrived.
  [[nodiscard]] bool settle(PeerNode& left, PeerNode& right);

  asio::io_context io{1};
  SeededEntropy entropy;

 private:
  std::map<uint32_t, uint16_t> ports_;
  std::vector<asio::ip::tcp::socket> reservations_;
  std::vector<std::unique_ptr<PeerNode>> nodes_;
};

[[nodiscard]] node::PeerFigures figures_of(const std::vector<node::PeerFigures>& all,
                                           uint32_t server);

}  // namespace topod::net
