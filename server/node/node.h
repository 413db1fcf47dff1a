// The one loop's body: takes inputs, steps the replica, and at the end of each turn carries out
// what it asks, in this order: append to the log, note what changed for the checkpoint, send to
// clients. Batching follows from the turn; nothing waits for a timer to fill a batch.
//
// Knows sockets, disks, clocks and randomness only through interfaces.h. Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "proto/limits.h"
#include "proto/peer.pb.h"
#include "server/node/interfaces.h"
#include "server/node/load_meter.h"
#include "server/node/lock_watch.h"
#include "server/node/logging.h"
#include "server/zab/replica.h"

namespace topod::node {

struct NodeLimits {
  uint32_t max_outstanding_per_connection = limits::kMaxOutstandingPerConnection;
  uint32_t max_outstanding_total = limits::kMaxOutstandingTotal;
  size_t max_outstanding_bytes = limits::kMaxOutstandingBytes;
};

struct Meters {
  LoadMeter load;
  LockWatch locks;
};

// Answers four-letter words; see server/admin.
class Administrator {
 public:
  virtual ~Administrator() = default;
  virtual WordAnswer answer(std::string_view word, std::string_view argument) = 0;
};

class Node final : public ClientHandler, public PeerHandler {
 public:
  Node(NodeLimits limits, zab::Replica& replica, ClientNet& net, LogStore& log, TreeStore& tree,
       const Clock& clock, Entropy& entropy);

  void set_administrator(Administrator& administrator) { administrator_ = &administrator; }
  // Of a member of an ensemble; a single server has neither.
  void set_peers(PeerNet& peers, SnapshotStore& snapshots) {
    peers_ = &peers;
    snapshots_ = &snapshots;
  }

  // Without it, load is not told apart by client and path, and nobody looks at locks.
  void set_meters(Meters& meters) { meters_ = &meters; }

  // ---- inputs --------------------------------------------------------------------------------
  void client_opened(ConnectionId id, std::string_view address, uint16_t port) override;
  bool client_frame(ConnectionId id, std::string_view frame) override;
  void client_closed(ConnectionId id, std::string_view reason) override;
  void client_drained(ConnectionId id) override;
  [[nodiscard]] bool has_session(ConnectionId id) const override;
  void connection_rejected(std::string_view address, uint16_t port,
                           std::string_view limit) override;
  WordAnswer four_letter_word(std::string_view word, std::string_view argument) override;
  void peer_connected(LinkId link, const PeerIdentity& peer) override;
  bool peer_frame(LinkId link, std::string_view bytes) override;
  void peer_disconnected(LinkId link) override;
  void history_read(LinkId link, std::vector<zab::HistoryEntry> entries, bool gone);
  void snapshot_sent(LinkId link, Zxid zxid, bool ok);
  void snapshot_received(LinkId link, zab::ReceivedSnapshot snapshot);
  void log_durable(uint64_t record_number);
  void tick();

  // ---- the end of a turn ---------------------------------------------------------------------
  // True: there is more to do at once, for connections may be read again.
  bool end_turn();

  // Everything that was read has been logged, applied and answered.
  [[nodiscard]] bool idle() const;
  [[nodiscard]] zab::Moment now();
  // Connections that were refused, by the limit that they would have broken.
  [[nodiscard]] const std::map<std::string, uint64_t, std::less<>>& rejections() const {
    return rejections_;
  }

 private:
  void carry_out();
  void carry_out_for_peers(zab::Output& output);
  void send_to_clients(zab::Output& output);
  void resume_paused();
  [[nodiscard]] bool may_read(ConnectionId id) const;

  NodeLimits limits_;
  zab::Replica& replica_;
  ClientNet& net_;
  LogStore& log_;
  TreeStore& tree_;
  const Clock& clock_;
  Entropy& entropy_;
  Administrator* administrator_ = nullptr;
  PeerNet* peers_ = nullptr;
  SnapshotStore* snapshots_ = nullptr;
  Meters* meters_ = nullptr;
  peer::Message received_;  // reused to keep its memory
  std::string sent_;

  std::optional<zab::Moment> turn_began_;  // the clock is read once per turn
  std::vector<ConnectionId> paused_;
  std::map<std::string, uint64_t, std::less<>> rejections_;
  RateLimitedLog client_log_{"client"};
};

}  // namespace topod::node
