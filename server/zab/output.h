// What the replica asks its driver to do after the inputs of a turn. Values only: the replica
// never calls out. The driver carries it out in this order: append to the log, send, close; and
// then calls `Replica::finish_turn`, until which the views stay valid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "proto/log_record.h"
#include "proto/peer.pb.h"

namespace topod::zab {

// One record for the log. Records are numbered from 1 in the order in which they are appended
// in this run of the process; `Replica::durable` names the last one that is on disk.
struct Append {
  LogRecordKind kind = LogRecordKind::kTransaction;
  Zxid zxid;
  uint64_t number = 0;  // as LogRecord::number
  std::string_view payload;
};

// Why a client connection is closed; for the log and the counters.
enum class CloseReason : uint8_t {
  kNone,  // it is not
  kClosedByClient,
  kMalformedConnect,
  kMalformedRequest,
  kZxidAhead,  // the client has seen more than this server
  kSessionRefused,
  kSessionMoved,
  kSessionExpired,
  kUnknownOperation,
  kAuthenticationFailed,
  kAuthenticationRequired,
  kNoLogSpace,  // a session cannot be created or moved now
  kTooMuchUnsent,
  kNoQuorum,           // there has been no leader for too long
  kDiverged,           // this server's state differs from that of the majority
  kReadOnlyEnds,       // there is a leader again
  kSnapshotInstalled,  // watches cannot be caught up
};
[[nodiscard]] std::string_view name_of(CloseReason reason);

// Bytes for one of this server's client connections. The driver may take the string by swap.
struct ClientOutput {
  ConnectionId connection;
  std::string* bytes = nullptr;
  CloseReason close = CloseReason::kNone;  // after the bytes have been sent
};

// The same message for each of these links. It may leave at once: what it promises is durable.
struct PeerSend {
  std::vector<LinkId> links;
  peer::Message message;
};

struct PeerClose {
  LinkId link;
  std::string reason;
};

// A peer needs history that is no longer in memory: the transactions above `after`, the last of
// them at most `through`, about so many bytes at a time. Answered by `Replica::history_read`.
struct HistoryRead {
  LinkId link;
  Zxid after;
  Zxid through;
  size_t max_bytes = 0;
};

// A peer needs the whole tree. Answered by `Replica::snapshot_sent`.
struct SnapshotSend {
  LinkId link;
};

struct Output {
  std::vector<Append> append;
  std::vector<PeerSend> peers;  // in this order
  std::vector<PeerClose> peers_closed;
  std::vector<HistoryRead> reads;
  std::vector<SnapshotSend> snapshots;
  // Not 0: the state is now that of the received tree of this generation, and its checkpoints go
  // on there. The record which says so is durable.
  uint64_t installed_generation = 0;
  bool keeps_replaced_tree = false;   // the one before it had diverged: somebody will look at it
  std::vector<ClientOutput> clients;  // each connection at most once

  void clear() {
    append.clear();
    peers.clear();
    peers_closed.clear();
    reads.clear();
    snapshots.clear();
    installed_generation = 0;
    keeps_replaced_tree = false;
    clients.clear();
  }
};

}  // namespace topod::zab
