// The small interfaces between the loop and what stands around it: sockets on one side, the disk
// on the other. server/net, the adapters to storage and a simulator stand behind them. All calls
// are made on the loop's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "server/state/state.h"
#include "server/zab/moment.h"
#include "server/zab/output.h"

namespace topod::node {

// What becomes of the four bytes with which a connection begins.
struct WordAnswer {
  enum class Kind { kNoWord, kNeedsArgument, kAnswer };
  Kind kind = Kind::kNoWord;
  std::string text;  // the whole answer; may be empty
};

// Called by the client port.
class ClientHandler {
 public:
  virtual ~ClientHandler() = default;
  virtual void client_opened(ConnectionId id, std::string_view address, uint16_t port) = 0;
  // A frame without its length; the bytes are gone after the call. False: nothing more is to be
  // read from this connection until `ClientNet::resume_reading`.
  virtual bool client_frame(ConnectionId id, std::string_view frame) = 0;
  // Exactly once per opened connection, whoever closed it. `reason` is empty where nothing was
  // wrong.
  virtual void client_closed(ConnectionId id, std::string_view reason) = 0;
  // A connection whose bytes had to wait has taken them all.
  virtual void client_drained(ConnectionId id) = 0;
  // A connection without a session is closed after a while.
  [[nodiscard]] virtual bool has_session(ConnectionId id) const = 0;
  // Over a limit (its configuration key, where it has one): closed before anything was read.
  virtual void connection_rejected(std::string_view address, uint16_t port,
                                   std::string_view limit) = 0;
  // `argument` is what has followed the word so far.
  virtual WordAnswer four_letter_word(std::string_view word, std::string_view argument) = 0;
};

// A socket of the client port, for the administrator's words.
struct ClientSocket {
  ConnectionId id;
  std::string peer;  // address:port
  bool is_read = false;
  bool asks_word = false;
  size_t unsent_bytes = 0;
};

// Counters of the client port since start.
struct ClientPortFigures {
  uint64_t accepted = 0;
  uint64_t rejected = 0;  // over a limit, closed right after accept
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t bad_frames = 0;
  uint64_t sessionless_closed = 0;
  uint64_t slow_readers_closed = 0;
  size_t unsent_bytes = 0;  // now
};

// The client port, as the loop drives it.
class ClientNet {
 public:
  virtual ~ClientNet() = default;
  // Takes the bytes (by swap where it can) and leaves `bytes` empty.
  virtual void send(ConnectionId id, std::string& bytes) = 0;
  // Closes once what was given to `send` is with the kernel.
  virtual void close_after_sending(ConnectionId id) = 0;
  virtual void resume_reading(ConnectionId id) = 0;

  [[nodiscard]] virtual size_t socket_count() const = 0;
  // In ascending order of id.
  [[nodiscard]] virtual std::vector<ClientSocket> sockets() const = 0;
  [[nodiscard]] virtual const ClientPortFigures& port_figures() const = 0;
};

// How long something took, over all times it was done.
struct DurationFigures {
  uint64_t count = 0;
  int64_t sum_ns = 0;
  int64_t min_ns = 0;
  int64_t max_ns = 0;

  void add(int64_t duration_ns) {
    min_ns = count == 0 ? duration_ns : std::min(min_ns, duration_ns);
    max_ns = std::max(max_ns, duration_ns);
    sum_ns += duration_ns;
    ++count;
  }
};

// The log, as the loop drives it. What is submitted becomes durable on another thread, which
// tells the loop by `Node::log_durable`.
class LogStore {
 public:
  virtual ~LogStore() = default;
  virtual void add(const zab::Append& record) = 0;
  // Hands over what was added in this turn.
  virtual void submit() = 0;
  // Reads on another thread; then Node::history_read. A link has one request at a time.
  virtual void read_history(const zab::HistoryRead& read) = 0;
  // Bytes handed over and not durable yet.
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  [[nodiscard]] virtual DurationFigures flush_times() const = 0;
};

// A checkpoint that is on disk.
struct StoredCheckpoint {
  Zxid zxid;
  int64_t wall_ms = 0;
};

// What becomes of a stored tree when another takes its place.
enum class ReplacedTree { kRemoved, kPutAside };

// The stored tree, as the loop drives it: takes after-images, writes a checkpoint now and then
// on another thread.
class TreeStore {
 public:
  virtual ~TreeStore() = default;
  // The state as it is now, between two entries, has these changes since the last call.
  virtual void collect(const state::State& state, const state::Changes& changes) = 0;
  // The state is now one that SnapshotStore has received; its tree, of this generation, takes the
  // place of the one before. Called before the changes made to the new state are collected.
  virtual void switch_generation(uint64_t generation, ReplacedTree replaced) = 0;
  // Where the tree in use lies; empty: not on a disk.
  [[nodiscard]] virtual std::string path() const = 0;
  // After-images that no checkpoint under way holds.
  [[nodiscard]] virtual size_t gathered_bytes() const = 0;
  [[nodiscard]] virtual DurationFigures checkpoint_times() const = 0;
  // The last one, if this run has made one.
  [[nodiscard]] virtual std::optional<StoredCheckpoint> last_checkpoint() const = 0;
};

// Who is at the other end of an authenticated link.
struct PeerIdentity {
  ServerId server;
  InstanceId instance{};  // of its data directory
  uint32_t feature_level = 0;
};

// Called by the peer mesh. At most one link per member is open at any time.
class PeerHandler {
 public:
  virtual ~PeerHandler() = default;
  virtual void peer_connected(LinkId link, const PeerIdentity& peer) = 0;
  // A serialised peer::Message; the bytes are gone after the call. False: it makes no sense, the
  // link is to be closed.
  virtual bool peer_frame(LinkId link, std::string_view bytes) = 0;
  // Exactly once per connected link, whoever closed it.
  virtual void peer_disconnected(LinkId link) = 0;
};

// The links to the other members, as the loop drives them. They are made and made again without
// being asked.
class PeerNet {
 public:
  virtual ~PeerNet() = default;
  // Queued and written in this order; a link whose queue is full is closed.
  virtual void send(LinkId link, std::string_view message) = 0;
  virtual void close(LinkId link, std::string_view reason) = 0;
  // Queued and not yet with the kernel.
  [[nodiscard]] virtual size_t queued_bytes(LinkId link) const = 0;
};

// Whole trees for and from peers. What blocks on a disk happens on another thread; results come
// back by the functions of Node that are named here.
class SnapshotStore {
 public:
  virtual ~SnapshotStore() = default;
  // Streams the stored tree to this peer by PeerNet::send; then Node::snapshot_sent.
  virtual void send(LinkId link) = 0;
  // SnapshotBegin, -Chunk or -End from a peer: when the tree is whole and checked,
  // Node::snapshot_received. Or SnapshotProgress from one that this server streams to. False: the
  // stream is broken, the link is to be closed.
  virtual bool receive(LinkId link, const peer::Message& part) = 0;
  // The link is gone: whatever was under way on it ends, the unfinished tree is removed.
  virtual void cancel(LinkId link) = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual zab::Moment now() const = 0;
};

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<uint8_t> bytes) = 0;
};

}  // namespace topod::node
