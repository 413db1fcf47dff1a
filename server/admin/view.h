// What the four-letter words tell, as plain values, and the interface through which a node gives
// them. A word asks only for what it shows, so that cheap words stay cheap.
//
// An AdminSource is called by the thread that answers words (the loop); what it returns is owned
// by the caller. Times are in milliseconds; "at" means wall clock since 1970.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "proto/codes.h"
#include "proto/ids.h"
#include "server/admin/environment.h"

namespace topod::admin {

enum class Mode { kStandalone, kLeader, kFollower, kObserver, kReadOnly };

struct LatencyMs {
  int64_t min = 0;
  double average = 0;
  int64_t max = 0;
};

struct ProposalSizes {
  int64_t last = -1;
  int64_t min = -1;
  int64_t max = -1;
};

struct ServerStats {
  Mode mode = Mode::kStandalone;
  LatencyMs latency;
  uint64_t received = 0;  // packets
  uint64_t sent = 0;
  uint64_t connections = 0;  // with the one that asks
  uint64_t outstanding = 0;
  Zxid zxid;
  uint64_t node_count = 0;
  std::optional<ProposalSizes> proposals;  // of a leader
  std::string peer_state;                  // "leading - broadcast"; empty: no ensemble
};

struct ConnectionInfo {
  struct Session {
    SessionId id;
    std::optional<OpCode> last_operation;
    int64_t established_at_ms = 0;
    int32_t timeout_ms = 0;
    int64_t last_cxid = -1;  // negative: none yet
    int64_t last_zxid = -1;  // -1: none yet
    int64_t last_response_at_ms = 0;
    int64_t last_latency_ms = 0;
    int64_t min_latency_ms = 0;
    int64_t average_latency_ms = 0;
    int64_t max_latency_ms = 0;
  };
  std::string peer;           // "127.0.0.1:53164"
  int32_t interest_bits = 0;  // 1 = being read; 0 = asks a four-letter word
  uint64_t queued = 0;
  uint64_t received = 0;
  uint64_t sent = 0;
  std::optional<Session> session;
};

struct SessionsDump {
  // A server that expires sessions itself knows when.
  std::map<int64_t, std::vector<SessionId>> expiring_at_ms;
  // Another knows their timeouts only.
  std::vector<std::pair<SessionId, int32_t>> timeouts_ms;
  bool expires_here = true;
};

struct ConnectionsDump {
  struct Entry {
    std::string peer;
    SessionId session;
  };
  std::map<int64_t, std::vector<Entry>> expiring_at_ms;
};

struct WatchSummary {
  uint64_t connections = 0;
  uint64_t paths = 0;
  uint64_t watches = 0;
};

struct DigestEntry {
  Zxid zxid;
  uint64_t digest = 0;
};

struct DirectorySizes {
  uint64_t data_bytes = 0;
  uint64_t log_bytes = 0;
};

struct EnsembleSettings {
  int32_t init_limit = 0;
  int32_t sync_limit = 0;
  int32_t election_port = 0;
  int32_t quorum_port = 0;
  bool is_observer = false;
  std::string cells;       // cell.N lines, each ending with \n
  std::string membership;  // server.N lines, each ending with \n, and "version=<hex>"
};

// How a member of an ensemble stands with the others.
struct EnsembleStatus {
  struct Peer {
    uint32_t id = 0;
    std::string state;    // "linked", "connecting" and the like
    std::string details;  // where, or why not; may be empty
  };
  std::string last_change;     // why it last lost its leader or its followers; empty: never
  std::string last_refusal;    // a peer that was not believed, with the reason; empty: none
  bool voters_differ = false;  // from those of the ensemble: it does not vote
  std::vector<Peer> peers;
};

// This server in the ensemble's protocol; alone it leads itself.
struct ZabStatus {
  struct Member {
    uint32_t id = 0;
    std::string host;
    std::vector<std::string> quorum_addresses;  // host:port, at least one
    std::vector<std::string> election_addresses;
    std::string client_address;  // empty: not published
    bool is_observer = false;
  };
  uint32_t server = 0;
  bool is_leader = false;
  uint32_t leader = 0;  // 0: none
  bool votes = false;
  std::string phase;  // "election", "discovery", "synchronization", "broadcast"
  std::vector<Member> members;
  std::vector<uint32_t> synced_observers;  // of a leader
  Zxid checkpoint_zxid;                    // of the last one of this run; 0: none yet
  int64_t checkpoint_at_ms = 0;
};

struct Settings {
  int32_t client_port = -1;
  std::string data_dir;
  std::string log_dir;
  DirectorySizes sizes;
  int32_t tick_time_ms = 0;
  uint32_t max_connections_per_address = 0;
  int32_t min_session_timeout_ms = 0;
  int32_t max_session_timeout_ms = 0;
  int32_t listen_backlog = -1;
  uint32_t server_id = 0;
  std::optional<EnsembleSettings> ensemble;
};

// A number that monitoring reads, under its name without "zk_".
struct Gauge {
  std::string name;
  std::variant<int64_t, double> value;
};

struct Summary {
  std::string name;
  double average = 0;
  int64_t min = 0;
  int64_t max = 0;
  uint64_t count = 0;
  int64_t sum = 0;
  struct Percentiles {
    int64_t p50 = 0;
    int64_t p95 = 0;
    int64_t p99 = 0;
    int64_t p999 = 0;
  };
  std::optional<Percentiles> percentiles;  // of the summaries that ZooKeeper calls advanced
};

struct Monitoring {
  // Gauges and counters beyond those of ServerStats (in the order in which they are printed).
  std::vector<Gauge> gauges;
  std::vector<Summary> summaries;
};

class AdminSource {
 public:
  virtual ~AdminSource() = default;

  // Without it, most words are answered with "not currently serving requests".
  [[nodiscard]] virtual bool is_serving() const = 0;
  [[nodiscard]] virtual bool is_read_only() const = 0;
  // It has been asked to stop and is going to.
  [[nodiscard]] virtual bool is_stopping() const = 0;
  [[nodiscard]] virtual int64_t trace_mask() const = 0;
  // "3.9.4-topod-0.1.0, built on 08/01/2026 00:00 GMT"
  [[nodiscard]] virtual std::string version() const = 0;

  [[nodiscard]] virtual ServerStats server_stats() const = 0;
  // Of a member of an ensemble, whether or not it serves.
  [[nodiscard]] virtual std::optional<EnsembleStatus> ensemble_status() const = 0;
  [[nodiscard]] virtual ZabStatus zab_status() const = 0;
  [[nodiscard]] virtual std::vector<ConnectionInfo> connections() const = 0;
  [[nodiscard]] virtual Settings settings() const = 0;
  [[nodiscard]] virtual DirectorySizes directory_sizes() const = 0;
  [[nodiscard]] virtual Environment environment() const = 0;
  [[nodiscard]] virtual SessionsDump sessions() const = 0;
  [[nodiscard]] virtual ConnectionsDump connection_expiry() const = 0;
  [[nodiscard]] virtual std::map<SessionId, std::vector<std::string>> ephemerals() const = 0;
  [[nodiscard]] virtual WatchSummary watch_summary() const = 0;
  [[nodiscard]] virtual std::map<std::string, std::set<SessionId>> watches_by_path() const = 0;
  // Oldest first; those that the server remembers.
  [[nodiscard]] virtual std::vector<DigestEntry> digest_log() const = 0;
  [[nodiscard]] virtual Monitoring monitoring() const = 0;
};

}  // namespace topod::admin
