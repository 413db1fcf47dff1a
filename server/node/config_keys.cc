#include "server/node/config_keys.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <vector>

#include "server/node/config_values.h"
#include "server/node/text.h"

namespace topod::node {
namespace {

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
constexpr int64_t kTickMaxMs = 3'600'000;
constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr int64_t kYearMs = 365 * kDayMs;
constexpr int64_t kGib = int64_t{1} << 30;

// The longest frame whose record is sure to fit into the log: the rest is for what an entry adds
// to a request, above all the caller's identities.
constexpr int64_t kMaxFrameBytesMax = static_cast<int64_t>(limits::kMaxRecordBytes / 3 * 2);

constexpr AppliedKey kAppliedKeys[] = {
    // ---- where
    {"dataDir", text<&Config::data_dir>},
    {"dataLogDir", text<&Config::log_dir>},
    {"datadir.autocreate", truth<&Config::create_data_dir>},
    {"clientPort", number<&Config::client_port, 0, 65535>},
    {"clientPortAddress", address<&Config::client_address>},
    {"clientPortListenBacklog", number<&Config::listen_backlog, -1, 65535>},
    {"clientTcpKeepAlive", truth<&Config::client_tcp_keep_alive>},
    // ---- sessions
    {"tickTime", number<&Config::tick_time_ms, 1, kTickMaxMs>},
    {"minSessionTimeout", number<&Config::min_session_timeout_ms, -1, kInt32Max>},
    {"maxSessionTimeout", number<&Config::max_session_timeout_ms, -1, kInt32Max>},
    // ---- limits
    {"jute.maxbuffer", number<&Config::max_frame_bytes, 1'024, kMaxFrameBytesMax>},
    {"maxCnxns", number<&Config::max_connections, 0, kInt32Max>},
    {"maxClientCnxns", number<&Config::max_connections_per_address, 0, kInt32Max>},
    {"globalOutstandingLimit", number<&Config::max_outstanding_total, 1, kInt32Max>},
    {"maxOutstandingPerConnection", number<&Config::max_outstanding_per_connection, 1, kInt32Max>},
    {"maxOutstandingBytes", number<&Config::max_outstanding_bytes, 1'048'576, 64 * kGib>},
    {"maxUnsentBytes",
     number<&Config::max_unsent_bytes, int64_t{limits::kUnsentPauseBytes}, 64 * kGib>},
    {"maxUnsentBytesTotal",
     number<&Config::max_unsent_bytes_total, int64_t{limits::kUnsentPauseBytes}, 1'024 * kGib>},
    {"maxWatchesPerConnection", number<&Config::max_watches_per_connection, 0, kInt32Max>},
    {"nio.sessionlessCnxnTimeout", number<&Config::sessionless_timeout_ms, 1, kDayMs>},
    // ---- who may do what
    {"skipACL", truth<&Config::skip_acl>},
    {"enforceQuota", truth<&Config::enforce_quota>},
    {"extendedTypesEnabled", truth<&Config::extended_types>},
    {"DigestAuthenticationProvider.superDigest", super_digest},
    {"DigestAuthenticationProvider.enabled", truth<&Config::digest_enabled>},
    {"DigestAuthenticationProvider.digestAlg", digest_algorithm},
    {"enforce.auth.enabled", truth<&Config::enforce_auth>},
    {"enforce.auth.schemes", auth_schemes},
    // ---- containers
    {"znode.container.checkIntervalMs", number<&Config::container_check_interval_ms, 1, kYearMs>},
    {"znode.container.maxPerMinute", number<&Config::container_max_per_minute, 1, kInt32Max>},
    {"znode.container.maxNeverUsedIntervalMs",
     number<&Config::container_max_never_used_ms, 0, kYearMs>},
    // ---- storage
    {"fsync.warningthresholdms", number<&Config::flush_warning_ms, 1, kDayMs>},
    {"checkpointIntervalMs", number<&Config::checkpoint_interval_ms, 1, kDayMs>},
    {"mapBytes", number<&Config::map_bytes, int64_t{1} << 24, 16'384 * kGib>},
    {"logRetainBytes", number<&Config::log_retain_bytes, 0, 16'384 * kGib>},
    {"scrubPeriodMs", number<&Config::scrub_period_ms, 0, kYearMs>},
    // ---- administration
    {"4lw.commands.whitelist", four_letter_words},
    {"logLevel", log_level},
    {"metricsProvider.className", metrics_provider},
    {"metricsProvider.httpPort", number<&Config::metrics_port, 0, 65535>},
    {"metricsProvider.httpHost", address<&Config::metrics_address>},
    {"metricsPathDepth", number<&Config::metrics_path_depth, 0, kMetricsPathDepthMax>},
    {"admin.enableServer", admin_server},
    {"admin.serverPort", number<&Config::status_port, 0, 65535>},
    {"admin.serverAddress", address<&Config::status_address>},
    // ---- ensemble
    {"initLimit", number<&Config::init_limit_ticks, 1, kInt32Max>},
    {"syncLimit", number<&Config::sync_limit_ticks, 1, kInt32Max>},
    {"failoverHoldMs", number<&Config::failover_hold_ms, 0, kDayMs>},
    {"readonlymode.enabled", truth<&Config::read_only_enabled>},
    {"quorumListenOnAllIPs", truth<&Config::listen_for_peers_on_all>},
    {"peerSecretFile", text<&Config::peer_secret_file>},
    {"peerAuth", peer_auth},
    {"advertisedClientAddress", advertised_client},
};

constexpr std::string_view kJvm = "means something to a JVM only";
constexpr std::string_view kStorage =
    "ZooKeeper's snapshots and logs have no counterpart here: one log and a checkpoint of the "
    "tree are kept, and what is no longer needed is removed at once";
constexpr std::string_view kPeers =
    "between two servers there is one link, on the first port; it carries everything and is tried "
    "again for ever";
constexpr std::string_view kNoTls = "TLS is not served";
constexpr std::string_view kNoSasl = "SASL is not served";
constexpr std::string_view kNoReconfig = "the set of servers cannot be changed while they run";
constexpr std::string_view kThrottle =
    "reading from clients is slowed down by globalOutstandingLimit, maxOutstandingPerConnection "
    "and maxOutstandingBytes instead";

constexpr IgnoredKey kIgnoredKeys[] = {
    // ---- storage of another make
    {"autopurge.*", "*", kStorage},
    {"snapshot.*", "*", kStorage},
    {"snapCount", "*", kStorage},
    {"snapSizeLimitInKb", "*", kStorage},
    {"txnLogSizeLimitInKb", "*", kStorage},
    {"preAllocSize", "*", kStorage},
    {"commitLogCount", "*", kStorage},
    {"snapshotSizeFactor", "*", kStorage},
    {"serializeLastProcessedZxid.enabled", "*", kStorage},
    {"flushDelay", "*", "changes that arrive while one flush runs share the next; none waits"},
    {"maxBatchSize", "*", "changes that arrive while one flush runs share the next; none waits"},
    {"maxWriteQueuePollTime", "*", kStorage},
    {"db.autocreate", "true", "an empty data directory is always accepted"},
    {"forceSync", "yes", "every change is on the disk before it is acknowledged, always"},
    // ---- always so
    {"digest.enabled", "true", "the digest of the state is always kept"},
    {"closeSessionTxn.enabled", "true", "closing a session is always one transaction"},
    {"emulate353TTLNodes", "false", "TTL nodes are always those of ZooKeeper 3.5.4 and later"},
    {"enableEagerACLCheck", "*", "every request is checked once, in the order of the log"},
    {"maxResponseCacheSize", "*", "replies are made afresh; there is no cache"},
    {"maxGetChildrenResponseCacheSize", "*", "replies are made afresh; there is no cache"},
    {"watchManagerName", "*", "there is one kind of watch table"},
    {"watcherClean*", "*", "watches leave with their connection at once"},
    {"bitHashCacheSize", "*", "there is one kind of watch table"},
    {"request_throttle*", "*", kThrottle},
    {"request_stale*", "*", kThrottle},
    {"throttled_op_wait_time", "*", kThrottle},
    {"largeRequest*", "*", kThrottle},
    {"connection_throttle*", "*", kThrottle},
    {"jute.maxbuffer.extrasize", "*", "the log's limit leaves room for every legal request"},
    {"audit.enable", "false", "audit lines are not written"},
    // ---- not served
    {"admin.commandURL", "/commands", "the commands are at /commands"},
    {"admin.needClientAuth", "false", kNoTls, true},
    {"admin.forceHttps", "false", kNoTls, true},
    {"admin.portUnification", "false", kNoTls},
    {"admin.*", "*", "the HTTP status shows and changes nothing; it needs no such setting"},
    {"metricsProvider.exportJvmInfo", "*", kJvm},
    {"metricsProvider.https*", "", kNoTls},
    {"metricsProvider.ssl.*", "", kNoTls},
    {"metricsProvider.*", "*", "the metrics are served in Prometheus' text format alone"},
    {"secureClientPort", "", "TLS is not served; no port is opened for it"},
    {"secureClientPortAddress", "", kNoTls},
    {"client.portUnification", "false", kNoTls},
    {"client.certReload", "false", kNoTls},
    {"sslQuorum", "false", "TLS is not spoken between servers", true},
    {"portUnification", "false", kNoTls},
    {"sslQuorumReloadCertFiles", "false", kNoTls},
    {"ssl.*", "", kNoTls},
    {"fips-mode", "*", kNoTls},
    {"X509AuthenticationProvider.*", "", kNoTls},
    {"superUser*", "", kNoSasl},
    {"letAnySaslUserDoX", "", kNoSasl},
    {"sessionRequireClientSASLAuth", "false", "SASL is not served, so no client could", true},
    {"allowSaslFailedClients", "*", kNoSasl},
    {"quorum.auth.*", "false", kNoSasl},
    {"kerberos.*", "*", kNoSasl},
    {"requireClientAuthScheme", "", kNoSasl},
    {"authProvider.*", "", "authentication in Java classes cannot be loaded"},
    {"ensembleAuthName", "", "the scheme ensemble is not served"},
    {"reconfigEnabled", "false", kNoReconfig},
    {"localSessionsEnabled", "false", "every session is known to the whole ensemble"},
    {"localSessionsUpgradingEnabled", "false", "every session is known to the whole ensemble"},
    // ---- ensemble
    {"electionAlg", "3", "there is one way to elect a leader"},
    {"peerType", "*", "the server.N line says it"},
    {"standaloneEnabled", "*", "a single server line is served alone, two and more never"},
    {"connectToLearnerMasterLimit", "*", "initLimit bounds it"},
    {"observerMasterPort", "*", "observers follow the leader"},
    {"syncEnabled", "true", "observers keep a log and a tree as everybody does"},
    {"leaderServes", "yes", "the leader serves clients too"},
    {"cnxTimeout", "*", kPeers},
    {"quorumCnxnTimeoutMs", "*", kPeers},
    {"electionPortBindRetry", "*", kPeers},
    {"fastleader.*", "*", kPeers},
    {"leader.*", "*", kPeers},
    {"leaderConnectDelayDuringRetryMs", "*", kPeers},
    {"learner.*", "*", kPeers},
    {"observer.*", "*", kPeers},
    {"tcpKeepAlive", "*", "a silent link between servers is noticed within syncLimit"},
    {"multiAddress.*", "*", "all addresses of a server are tried in their order"},
    {"oraclePath", "", "no outside judge is asked which of two servers lives"},
    // ---- Java
    {"quorum.cnxn.threads.size", "*", kJvm},
    {"serverCnxnFactory", "*", kJvm},
    {"clientCnxnSocket", "*", kJvm},
    {"netty.*", "*", kJvm},
    {"nio.*", "*", kJvm},
    {"commitProcessor.*", "*", kJvm},
    {"messageTracker.*", "*", kJvm},
    {"pathStats.*", "*", kJvm},
    {"intBufferStartingSizeBytes", "*", kJvm},
    {"jmx.*", "*", kJvm},
    {"jvm.*", "*", kJvm},
    {"java.*", "*", kJvm},
};

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

// Levenshtein's: insertions, deletions and replacements that make one of the other.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

constexpr size_t kTypingErrorsMax = 2;
constexpr size_t kKeyBytesMax = 100;  // a longer one is no misspelling of a known key

}  // namespace

const AppliedKey* find_applied_key(std::string_view name) {
  const auto* found = std::find_if(std::begin(kAppliedKeys), std::end(kAppliedKeys),
                                   [&](const AppliedKey& key) { return key.name == name; });
  return found == std::end(kAppliedKeys) ? nullptr : found;
}

const IgnoredKey* find_ignored_key(std::string_view name) {
  const auto* found = std::find_if(std::begin(kIgnoredKeys), std::end(kIgnoredKeys),
                                   [&](const IgnoredKey& key) { return matches(key.name, name); });
  return found == std::end(kIgnoredKeys) ? nullptr : found;
}

std::optional<std::string_view> similar_key(std::string_view name) {
  if (name.size() > kKeyBytesMax) return std::nullopt;
  const std::string wanted = lower_case(name);
  std::optional<std::string_view> best;
  size_t best_distance = kTypingErrorsMax + 1;
  const auto consider = [&](std::string_view candidate) {
    const size_t longer = std::max(candidate.size(), wanted.size());
    if (longer - std::min(candidate.size(), wanted.size()) > kTypingErrorsMax) return;
    const size_t distance = edit_distance(wanted, lower_case(candidate));
    if (distance < best_distance && distance * 3 < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  };
  for (const AppliedKey& key : kAppliedKeys) consider(key.name);
  for (const IgnoredKey& key : kIgnoredKeys) {
    if (!key.name.ends_with('*')) consider(key.name);
  }
  consider(kDynamicConfigFileKey);
  return best;
}

bool is_secret_key(std::string_view name) {
  const std::string key = lower_case(name);
  if (key == "peersecretfile") return false;  // where it is, not what it is
  for (const std::string_view sign : {"superdigest", "password", "secret", "ensembleauthname"}) {
    if (key.find(sign) != std::string::npos) return true;
  }
  return false;
}

bool is_harmless(const IgnoredKey& key, std::string_view value) {
  return key.harmless == "*" || lower_case(value) == key.harmless;
}

}  // namespace topod::node
