#include "tests/unit/net/peer_world.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"

namespace topod::net {

using asio::ip::tcp;

namespace {
constexpr auto kDeadline = std::chrono::seconds(30);
constexpr auto kStep = std::chrono::milliseconds(20);
}  // namespace

void PeerRecorder::peer_connected(LinkId link, const node::PeerIdentity& peer) {
  told_inside_call |= inside_call;
  CHECK(!links.contains(peer.server.value()) && !identities.contains(link));
  links[peer.server.value()] = link;
  identities[link] = peer;
  ++connected;
}

bool PeerRecorder::peer_frame(LinkId link, std::string_view bytes) {
  const uint32_t server = identities.at(link).server.value();
  CHECK(links.at(server) == link);
  frames[server].emplace_back(bytes);
  return accepts_frames;
}

void PeerRecorder::peer_disconnected(LinkId link) {
  told_inside_call |= inside_call;
  const uint32_t server = identities.at(link).server.value();
  CHECK(links.at(server) == link);
  links.erase(server);
  ++disconnected;
}

PeerWorld::PeerWorld(uint32_t servers, uint64_t seed) : entropy(seed) {
  for (uint32_t server = 1; server <= servers; ++server) {
    // Bound and not listening: the port is nobody else's, and a listener that also sets
    // SO_REUSEADDR can still be bound to it.
    tcp::socket& held = reservations_.emplace_back(io, tcp::v4());
    held.set_option(tcp::socket::reuse_address(true));
    held.bind({asio::ip::address_v4::loopback(), 0});
    ports_[server] = held.local_endpoint().port();
  }
}

PeerOptions PeerWorld::options(uint32_t server) const {
  PeerOptions options;
  options.self = ServerId(server);
  options.secret = node::Secret("what only members know");
  options.instance.fill(static_cast<uint8_t>(server));
  options.feature_level = 10 + server;
  options.voters_hash = 5;
  options.retry_max_ms = 100;
  for (const auto& [other, port] : ports_) {
    if (other == server) {
      options.listen = {{"127.0.0.1", port}};
    } else {
      options.members.push_back({ServerId(other), {{"127.0.0.1", port}}});
    }
  }
  return options;
}

PeerNode& PeerWorld::listen(PeerOptions options) {
  PeerNode& node =
      *nodes_.emplace_back(std::make_unique<PeerNode>(io, std::move(options), entropy));
  const auto listening = node.mesh.listen();
  CHECK_MSG(listening.has_value(), "a port that was held cannot be listened at");
  return node;
}

PeerNode& PeerWorld::start(PeerOptions options) {
  PeerNode& node = listen(std::move(options));
  node.mesh.start(node.told);
  return node;
}

bool PeerWorld::run_until(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    io.run_one_for(kStep);
  }
  return true;
}

bool PeerWorld::settle(PeerNode& left, PeerNode& right) {
  const auto heard = [](PeerNode& node) {
    uint64_t bytes = 0;
    for (const node::PeerFigures& peer : node.mesh.peers()) bytes += peer.bytes_received;
    return bytes;
  };
  const uint64_t left_before = heard(left);
  const uint64_t right_before = heard(right);
  return run_until([&] { return heard(left) > left_before && heard(right) > right_before; });
}

node::PeerFigures figures_of(const std::vector<node::PeerFigures>& all, uint32_t server) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const node::PeerFigures& figures) {
    return figures.server == ServerId(server);
  });
  CHECK(found != all.end());
  return *found;
}

}  // namespace topod::net
