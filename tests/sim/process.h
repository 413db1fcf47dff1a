// What a crash of a member's process destroys: the replica, the loop around it and its client
// port. Internal to Member.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/links.h"
#include "tests/sim/member.h"
#include "tests/sim/snapshots.h"

namespace topod::sim {

inline constexpr const char* kLogDir = "/wal";

// The client port, as the node drives it.
class Member::Sockets final : public node::ClientNet {
 public:
  explicit Sockets(Member& member) : member_(member) {}

  // ---- from the network, in a turn -----------------------------------------------------------
  void opened(StreamId stream, Place from);
  void received(StreamId stream, const std::string& frame);
  void closed(StreamId stream);

  // ---- from the node -------------------------------------------------------------------------
  void send(ConnectionId id, std::string& bytes) override;
  void close_after_sending(ConnectionId id) override;
  void resume_reading(ConnectionId id) override;
  [[nodiscard]] size_t socket_count() const override { return sockets_.size(); }
  [[nodiscard]] std::vector<node::ClientSocket> sockets() const override { return {}; }
  [[nodiscard]] const node::ClientPortFigures& port_figures() const override { return figures_; }

 private:
  struct Socket {
    StreamId stream = 0;
    bool is_read = true;
    std::deque<std::string> unread;
  };
  void read(ConnectionId id, Socket& socket, const std::string& frame);

  Member& member_;
  std::map<ConnectionId, Socket> sockets_;
  std::map<StreamId, ConnectionId> ids_;
  uint64_t last_id_ = 0;
  node::ClientPortFigures figures_;
};

struct Member::Process {
  explicit Process(Member& member)
      : deliver([&member](std::function<void()> input) { member.deliver(std::move(input)); }),
        sockets(member),
        links(
            member.world_, member.network_, member.place(), member.identity_.instance,
            member.ensemble_.members, 5 * member.ensemble_.tick_ms * kMillisecond,
            [&member] { return member.monotonic_us(); }, deliver) {}

  Links::Deliver deliver;
  Sockets sockets;
  Links links;
  std::unique_ptr<TreeStore> tree;
  std::unique_ptr<Snapshots> snapshots;
  std::unique_ptr<LogStore> log;
  std::optional<zab::Replica> replica;
  std::optional<node::Node> node;

  std::vector<std::function<void()>> inbox;
  bool turn_is_due = false;
  // By frames of this turn, of which its first half could not know yet.
  std::vector<SessionId> heard;
  // Entries that are in the log and not applied, in order.
  std::deque<std::pair<Zxid, std::string>> logged;
  std::optional<storage::LogPosition> previous_checkpoint;
};

}  // namespace topod::sim
