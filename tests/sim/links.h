// A member's links to the others, as its node drives them: dialled again and again, introduced by
// who and which data directory is at the other end, at most one for each member at any time, pinged
// while they have nothing to say and ended when nothing is heard. Of one process. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/node/interfaces.h"
#include "tests/sim/network.h"

namespace topod::sim {

class Links final : public node::PeerNet {
 public:
  // `deliver`: runs something in the next turn of this process.
  using Deliver = std::function<void(std::function<void()>)>;

  // The monotonic clock of this machine.
  using Clock = std::function<int64_t()>;

  Links(World& world, Network& network, Place self, const InstanceId& instance,
        std::vector<ServerId> members, int64_t silence_max_us, Clock clock, Deliver deliver);

  void set_handler(node::PeerHandler& handler) { handler_ = &handler; }
  // Looks after the links that are missing; to be called now and then.
  void tick();

  // ---- from the network, in a turn -----------------------------------------------------------
  void opened(StreamId stream, Place from);
  // False: the stream is none of these.
  bool received(StreamId stream, const std::string& bytes);
  bool closed(StreamId stream);

  // ---- from the node -------------------------------------------------------------------------
  void send(LinkId link, std::string_view message) override;
  void close(LinkId link, std::string_view reason) override;
  [[nodiscard]] size_t queued_bytes(LinkId link) const override;

 private:
  enum class Phase : uint8_t { kDialled, kAccepted, kUp };
  struct Link {
    Place peer = 0;
    Phase phase = Phase::kDialled;
    LinkId id;
    int64_t began_us = 0;
    int64_t heard_us = 0;
    int64_t sent_us = 0;
  };

  void ping();
  void dial();
  void come_up(StreamId stream, Link& link, std::string_view introduction);
  void end(StreamId stream);
  [[nodiscard]] std::string introduction() const;
  [[nodiscard]] StreamId stream_of(LinkId link) const;

  World& world_;
  Network& network_;
  Place self_;
  InstanceId instance_;
  std::vector<ServerId> members_;
  int64_t silence_max_us_;
  Clock clock_;
  Deliver deliver_;
  node::PeerHandler* handler_ = nullptr;
  std::map<StreamId, Link> links_;
  std::map<Place, int64_t> next_dial_us_;
  uint64_t last_link_ = 0;
};

}  // namespace topod::sim
