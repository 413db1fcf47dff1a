// Everything one node is told before it starts: ZooKeeper's zoo.cfg keys as they are, our own
// beside them, and what the command line overrides.
//
// `load_config` reads the file and those it names (the dynamic configuration, `myid`, the peers'
// secret);
// `parse_config` does the same with whatever function it is given to read files. All errors are
// reported at once. Plain values; no threading rule. Times are in milliseconds, sizes in bytes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "proto/ids.h"
#include "proto/limits.h"
#include "server/node/address.h"
#include "server/node/logging.h"
#include "server/node/membership.h"
#include "server/node/secret.h"

namespace topod::node {

inline constexpr std::string_view kEveryWord = "*";
// All four-letter words there are.
inline constexpr std::array<std::string_view, 18> kFourLetterWords = {
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro",
    "mntr", "ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs"};

// Where ZooKeeper serves its metrics and its AdminServer, unless it is told otherwise.
inline constexpr int32_t kMetricsPort = 7000;
inline constexpr int32_t kStatusPort = 8080;
inline constexpr std::string_view kAnyIpv4Address = "0.0.0.0";
inline constexpr std::string_view kLoopbackIpv4Address = "127.0.0.1";
// Tells tablets, keyspaces and the like apart below a root such as /vitess/zone1.
inline constexpr int32_t kMetricsPathDepth = 3;
inline constexpr int32_t kMetricsPathDepthMax = 8;

struct Config {
  // ---- where -------------------------------------------------------------------------------
  std::string data_dir;
  std::string log_dir;          // of the log; empty: inside data_dir
  bool create_data_dir = true;  // data_dir need not exist
  std::string client_address;   // empty: every address of the machine
  int32_t client_port = -1;     // 0: the kernel picks; -1 only where no port was asked for
  int32_t listen_backlog = -1;  // -1: as long as the kernel allows
  bool client_tcp_keep_alive = false;

  // ---- sessions ----------------------------------------------------------------------------
  int32_t tick_time_ms = limits::kTickTimeMs;
  int32_t min_session_timeout_ms = -1;  // always set in a loaded configuration
  int32_t max_session_timeout_ms = -1;  // always set in a loaded configuration

  // ---- limits of what clients use ----------------------------------------------------------
  int32_t max_frame_bytes = limits::kMaxFrameBytes;
  uint32_t max_connections = limits::kMaxConnections;                        // 0: no limit
  uint32_t max_connections_per_address = limits::kMaxConnectionsPerAddress;  // 0: no limit
  uint32_t max_outstanding_per_connection = limits::kMaxOutstandingPerConnection;
  uint32_t max_outstanding_total = limits::kMaxOutstandingTotal;
  size_t max_outstanding_bytes = limits::kMaxOutstandingBytes;
  size_t max_unsent_bytes = limits::kUnsentCloseBytes;
  size_t max_unsent_bytes_total = limits::kUnsentCloseTotalBytes;
  uint32_t max_watches_per_connection = limits::kMaxWatchesPerConnection;  // 0: no limit
  int64_t sessionless_timeout_ms = limits::kSessionlessTimeoutMs;

  // ---- who may do what ---------------------------------------------------------------------
  bool skip_acl = false;
  bool enforce_quota = false;
  bool extended_types = true;  // TTL nodes
  bool digest_enabled = true;
  std::string digest_algorithm = "SHA1";
  Secret super_digest;  // "user:base64"; empty: nobody is super
  bool enforce_auth = false;
  std::vector<std::string> enforce_auth_schemes;

  // ---- containers --------------------------------------------------------------------------
  int64_t container_check_interval_ms = limits::kContainerCheckIntervalMs;
  int32_t container_max_per_minute = limits::kContainerMaxPerMinute;
  int64_t container_max_never_used_ms = limits::kContainerMaxNeverUsedMs;  // 0: for ever

  // ---- storage -----------------------------------------------------------------------------
  int64_t flush_warning_ms = limits::kFlushWarningMs;
  int64_t checkpoint_interval_ms = limits::kCheckpointIntervalMs;
  size_t map_bytes = limits::kMapBytes;
  size_t log_retain_bytes = limits::kLogRetainBytes;
  int64_t scrub_period_ms = limits::kScrubPeriodMs;  // 0: off

  // ---- administration ----------------------------------------------------------------------
  // Words that are answered; kEveryWord stands for all.
  std::vector<std::string> four_letter_words = {"srvr", "stat", "ruok", "isro", "envi", "mntr",
                                                "conf", "wchs", "dirs", "cons", "hash"};
  LogLevel log_level = LogLevel::kInfo;
  // Prometheus reads the metrics at this port, the kernel's choice if it is 0; -1: there is none.
  int32_t metrics_port = -1;
  std::string metrics_address{kAnyIpv4Address};
  std::optional<bool> wants_metrics;  // as the class of the provider says
  // How many components of a path tell load apart; 0: it is not told apart by path.
  int32_t metrics_path_depth = kMetricsPathDepth;
  // The same of the HTTP status.
  int32_t status_port = -1;
  std::string status_address{kLoopbackIpv4Address};
  std::optional<bool> wants_status;  // as admin.enableServer says

  // ---- ensemble ----------------------------------------------------------------------------
  std::vector<Member> members;  // ascending; empty: a single node without server lines
  ServerId server_id;           // of this node; 0 without server lines
  int32_t init_limit_ticks = 0;
  int32_t sync_limit_ticks = 0;
  int64_t failover_hold_ms = limits::kFailoverHoldMs;
  bool read_only_enabled = false;
  bool listen_for_peers_on_all = false;  // addresses, not only those of this server's own line
  std::string peer_secret_file;
  Secret peer_secret;          // what the file holds; empty: whoever knows the ids is believed
  bool peer_auth_off = false;  // the operator has said that this is wanted
  // What clients are told of this server; without a port it is the client port.
  std::optional<HostPort> advertised_client;
  bool hides_client_addresses = false;
};

// This server's own line; null: a single server without server lines.
[[nodiscard]] const Member* find_self(const Config& config);

// What the command line says; it wins over the file.
struct Overrides {
  std::optional<std::string> data_dir;
  std::optional<std::string> client_address;
  std::optional<uint16_t> client_port;
  std::optional<LogLevel> log_level;
};

struct ConfigOptions {
  bool strict = false;               // a key that nobody knows is an error
  bool requires_client_port = true;  // false for tools that serve nobody
};

// Something said about the configuration; never contains a secret.
struct ConfigRemark {
  LogLevel level = LogLevel::kError;
  std::string file;  // empty: the command line
  int line = 0;      // 0: no particular one
  std::string key;   // may be empty
  std::string text;
};
using ConfigError = ConfigRemark;

// "topod.cfg:12: clientPort: expected a port from 0 to 65535, not \"abc\"".
[[nodiscard]] std::string to_string(const ConfigRemark& remark);

struct Loaded {
  Config config;
  std::vector<ConfigRemark> remarks;  // to log, in the order of the file
};
using LoadResult = tl::expected<Loaded, std::vector<ConfigError>>;

// The text of a file, or why there is none.
using ReadFile = std::function<tl::expected<std::string, std::string>(const std::string& path)>;

// Longest configuration file that is read.
inline constexpr size_t kConfigFileBytesMax = size_t{1} * 1024 * 1024;

[[nodiscard]] LoadResult parse_config(std::string_view text, const std::string& file,
                                      const Overrides& overrides, const ConfigOptions& options,
                                      const ReadFile& read_file);

// Without a file everything comes from the command line and the defaults.
[[nodiscard]] LoadResult load_config(const std::optional<std::string>& file,
                                     const Overrides& overrides, const ConfigOptions& options);

}  // namespace topod::node
