#include "tests/sim/links.h"

#include <algorithm>
#include <utility>

#include "proto/limits.h"
#include "proto/peer.pb.h"
#include "server/state/state.h"

namespace topod::sim {

namespace {
constexpr int64_t kPingUs = 250 * kMillisecond;
// No message of the replicas is one byte long.
constexpr std::string_view kPing = "p";
}  // namespace

Links::Links(World& world, Network& network, Place self, const InstanceId& instance,
             std::vector<ServerId> members, int64_t silence_max_us, Clock clock, Deliver deliver)
    : world_(world),
      network_(network),
      self_(self),
      instance_(instance),
      members_(std::move(members)),
      silence_max_us_(silence_max_us),
      clock_(std::move(clock)),
      deliver_(std::move(deliver)) {}

std::string Links::introduction() const { return std::string(instance_.begin(), instance_.end()); }

void Links::tick() {
  ping();
  dial();
}

void Links::ping() {
  const int64_t now_us = clock_();
  std::vector<StreamId> silent;
  for (auto& [stream, link] : links_) {
    if (link.phase != Phase::kUp) continue;
    if (now_us - link.heard_us > silence_max_us_) {
      silent.push_back(stream);
    } else if (now_us - link.sent_us >= kPingUs) {
      link.sent_us = now_us;
      network_.send(stream, self_, std::string(kPing));
    }
  }
  for (const StreamId stream : silent) end(stream);
}

// The member with the higher number dials.
void Links::dial() {
  const int64_t now_us = clock_();
  for (const ServerId member : members_) {
    const auto peer = static_cast<Place>(member.value());
    if (peer >= self_ || now_us < next_dial_us_[peer]) continue;
    const auto known = std::find_if(links_.begin(), links_.end(),
                                    [&](const auto& link) { return link.second.peer == peer; });
    if (known != links_.end()) {
      const bool is_late =
          known->second.phase == Phase::kDialled &&
          now_us - known->second.began_us > limits::kPeerHandshakeMs * kMillisecond;
      if (is_late) end(known->first);
      continue;
    }
    next_dial_us_[peer] =
        now_us + world_.random().between(limits::kPeerRetryMinMs, limits::kPeerRetryMaxMs / 4) *
                     kMillisecond;
    const StreamId stream = network_.open(self_, peer);
    links_[stream] = {peer, Phase::kDialled, LinkId{}, now_us, now_us, now_us};
    network_.send(stream, self_, introduction());
  }
}

void Links::opened(StreamId stream, Place from) {
  const int64_t now_us = clock_();
  links_[stream] = {from, Phase::kAccepted, LinkId{}, now_us, now_us, now_us};
}

bool Links::received(StreamId stream, const std::string& bytes) {
  const auto found = links_.find(stream);
  if (found == links_.end()) return false;
  Link& link = found->second;
  link.heard_us = clock_();
  if (link.phase == Phase::kUp) {
    if (bytes == kPing) return true;
    if (world_.trace().prints()) {
      peer::Message message;
      message.ParseFromString(bytes);
      world_.note("message", link.peer, self_, message.ShortDebugString().substr(0, 160));
    }
    if (!handler_->peer_frame(link.id, bytes)) {
      world_.note("nonsense from a peer", self_, link.peer);
      end(stream);
    }
    return true;
  }
  if (link.phase == Phase::kAccepted) network_.send(stream, self_, introduction());
  come_up(stream, link, bytes);
  return true;
}

// A newer link to the same member takes the place of the older one.
void Links::come_up(StreamId stream, Link& link, std::string_view introduction) {
  const Place peer = link.peer;
  std::vector<StreamId> older;
  for (const auto& [id, other] : links_) {
    if (id != stream && other.peer == peer) older.push_back(id);
  }
  for (const StreamId id : older) end(id);
  link.phase = Phase::kUp;
  link.id = LinkId(++last_link_);
  node::PeerIdentity identity;
  identity.server = ServerId(static_cast<uint32_t>(peer));
  std::copy_n(introduction.begin(), std::min(introduction.size(), identity.instance.size()),
              identity.instance.begin());
  identity.feature_level = state::kFeatureLevel;
  world_.note("link", self_, peer, link.id.value());
  handler_->peer_connected(link.id, identity);
}

void Links::end(StreamId stream) {
  const auto found = links_.find(stream);
  if (found == links_.end()) return;
  const Link link = found->second;
  links_.erase(found);
  network_.close(stream, self_);
  if (link.phase != Phase::kUp) return;
  world_.note("link ends", self_, link.peer, link.id.value());
  handler_->peer_disconnected(link.id);
}

bool Links::closed(StreamId stream) {
  if (!links_.contains(stream)) return false;
  end(stream);
  return true;
}

StreamId Links::stream_of(LinkId id) const {
  for (const auto& [stream, link] : links_) {
    if (link.phase == Phase::kUp && link.id == id) return stream;
  }
  return 0;
}

void Links::send(LinkId link, std::string_view message) {
  const StreamId stream = stream_of(link);
  if (stream == 0) return;
  links_.at(stream).sent_us = clock_();
  network_.send(stream, self_, std::string(message));
  if (network_.held_bytes(stream, self_) > limits::kPeerQueueBytes) close(link, "queue is full");
}

// In the next turn: the node is in the middle of one.
void Links::close(LinkId link, std::string_view reason) {
  const StreamId stream = stream_of(link);
  if (stream == 0) return;
  world_.note("closes link", self_, links_.at(stream).peer, reason);
  deliver_([this, stream] { end(stream); });
}

size_t Links::queued_bytes(LinkId link) const {
  return network_.held_bytes(stream_of(link), self_);
}

}  // namespace topod::sim
