// The words that show the server and its connections: srvr, stat, cons, conf, dirs, envi.
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "server/admin/text.h"

namespace topod::admin {
namespace {

std::string version_line(const std::string& version, Mode mode) {
  std::string text = "Zookeeper version: " + version + "\n";
  if (mode == Mode::kReadOnly) text += "READ-ONLY mode; serving only read-only clients\n";
  return text;
}

void append_stats(std::string& text, const ServerStats& stats) {
  fmt::format_to(std::back_inserter(text),
                 "Latency min/avg/max: {}/{}/{}\n"
                 "Received: {}\n"
                 "Sent: {}\n"
                 "Connections: {}\n"
                 "Outstanding: {}\n"
                 "Zxid: 0x{:x}\n"
                 "Mode: {}\n"
                 "Node count: {}\n",
                 stats.latency.min, average_text(stats.latency.average), stats.latency.max,
                 stats.received, stats.sent, stats.connections, stats.outstanding,
                 static_cast<uint64_t>(stats.zxid.value()), name_of(stats.mode), stats.node_count);
  if (stats.proposals) {
    fmt::format_to(std::back_inserter(text), "Proposal sizes last/min/max: {}/{}/{}\n",
                   stats.proposals->last, stats.proposals->min, stats.proposals->max);
  }
}

void append_brief(std::string& text, const ConnectionInfo& connection) {
  fmt::format_to(std::back_inserter(text), " /{}[{:x}](queued={},recved={},sent={}",
                 connection.peer, connection.interest_bits, connection.queued, connection.received,
                 connection.sent);
}

void append_session(std::string& text, const ConnectionInfo::Session& session) {
  fmt::format_to(std::back_inserter(text), ",sid=0x{:x},lop={},est={},to={}",
                 static_cast<uint64_t>(session.id.value()), short_name_of(session.last_operation),
                 session.established_at_ms, session.timeout_ms);
  if (session.last_cxid >= 0) {
    fmt::format_to(std::back_inserter(text), ",lcxid=0x{:x}", session.last_cxid);
  }
  fmt::format_to(std::back_inserter(text),
                 ",lzxid=0x{:x},lresp={},llat={},minlat={},avglat={},maxlat={}",
                 static_cast<uint64_t>(session.last_zxid), session.last_response_at_ms,
                 session.last_latency_ms, session.min_latency_ms, session.average_latency_ms,
                 session.max_latency_ms);
}

void append_ensemble(std::string& text, const EnsembleSettings& ensemble) {
  fmt::format_to(std::back_inserter(text),
                 "initLimit={}\n"
                 "syncLimit={}\n"
                 "electionAlg=3\n"
                 "electionPort={}\n"
                 "quorumPort={}\n"
                 "peerType={}\n"
                 "{}"
                 "membership: \n{}",
                 ensemble.init_limit, ensemble.sync_limit, ensemble.election_port,
                 ensemble.quorum_port, ensemble.is_observer ? 1 : 0, ensemble.cells,
                 ensemble.membership);
}

}  // namespace

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::kStandalone: return "standalone";
    case Mode::kLeader: return "leader";
    case Mode::kFollower: return "follower";
    case Mode::kObserver: return "observer";
    case Mode::kReadOnly: return "read-only";
  }
  return "unknown";
}

std::string average_text(double average) {
  if (!std::isfinite(average)) return "0.0";
  std::string text = fmt::format("{:.4f}", average);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text += '0';
  return text == "-0.0" ? "0.0" : text;
}

std::string_view short_name_of(std::optional<OpCode> operation) {
  if (!operation) return "NA";
  switch (*operation) {
    case OpCode::kPing: return "PING";
    case OpCode::kCreateSession: return "SESS";
    case OpCode::kMulti: return "MULT";
    case OpCode::kMultiRead: return "MLTR";
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateTtl:
    case OpCode::kCreateContainer: return "CREA";
    case OpCode::kDelete:
    case OpCode::kDeleteContainer: return "DELE";
    case OpCode::kSetData: return "SETD";
    case OpCode::kReconfig: return "RECO";
    case OpCode::kSetAcl: return "SETA";
    case OpCode::kCloseSession: return "CLOS";
    case OpCode::kSync: return "SYNC";
    case OpCode::kCheck: return "CHEC";
    case OpCode::kExists: return "EXIS";
    case OpCode::kGetData: return "GETD";
    case OpCode::kSetWatches: return "SETW";
    case OpCode::kSetWatches2: return "STW2";
    case OpCode::kAddWatch: return "ADDW";
    case OpCode::kGetAcl: return "GETA";
    case OpCode::kGetChildren:
    case OpCode::kGetChildren2: return "GETC";
    case OpCode::kGetAllChildrenNumber: return "GETACN";
    case OpCode::kCheckWatches: return "CHKW";
    case OpCode::kRemoveWatches: return "REMW";
    case OpCode::kWhoAmI: return "HOMI";
    case OpCode::kGetEphemerals: return "GETE";
    case OpCode::kNotification:
    case OpCode::kAuth:
    case OpCode::kSasl:
    case OpCode::kError: return "NA";
  }
  return "NA";
}

std::string srvr_text(const std::string& version, const ServerStats& stats) {
  std::string text = version_line(version, stats.mode);
  append_stats(text, stats);
  return text;
}

std::string status_text(const std::optional<EnsembleStatus>& status) {
  if (!status) return {};
  std::string text;
  for (const EnsembleStatus::Peer& peer : status->peers) {
    fmt::format_to(std::back_inserter(text), "Peer {}: {}", peer.id, peer.state);
    if (!peer.details.empty()) fmt::format_to(std::back_inserter(text), " ({})", peer.details);
    text += "\n";
  }
  if (status->voters_differ) {
    text += "Not voting: the configured voters are not those of the ensemble\n";
  }
  if (!status->last_change.empty()) text += "Last change: " + status->last_change + "\n";
  if (!status->last_refusal.empty()) text += "Last refused: " + status->last_refusal + "\n";
  return text;
}

std::string stat_text(const std::string& version, const ServerStats& stats,
                      const std::vector<ConnectionInfo>& connections) {
  std::string text = version_line(version, stats.mode) + "Clients:\n";
  for (const ConnectionInfo& connection : connections) {
    append_brief(text, connection);
    text += ")\n";
  }
  text += "\n";
  append_stats(text, stats);
  return text;
}

std::string cons_text(const std::vector<ConnectionInfo>& connections) {
  std::string text;
  for (const ConnectionInfo& connection : connections) {
    append_brief(text, connection);
    if (connection.session) append_session(text, *connection.session);
    text += ")\n";
  }
  return text + "\n";
}

std::string conf_text(const Settings& settings) {
  std::string text = fmt::format(
      "clientPort={}\n"
      "secureClientPort=-1\n"
      "dataDir={}\n"
      "dataDirSize={}\n"
      "dataLogDir={}\n"
      "dataLogSize={}\n"
      "tickTime={}\n"
      "maxClientCnxns={}\n"
      "minSessionTimeout={}\n"
      "maxSessionTimeout={}\n"
      "clientPortListenBacklog={}\n"
      "serverId={}\n",
      settings.client_port, settings.data_dir, settings.sizes.data_bytes, settings.log_dir,
      settings.sizes.log_bytes, settings.tick_time_ms, settings.max_connections_per_address,
      settings.min_session_timeout_ms, settings.max_session_timeout_ms, settings.listen_backlog,
      settings.server_id);
  if (settings.ensemble) append_ensemble(text, *settings.ensemble);
  return text;
}

std::string dirs_text(const DirectorySizes& sizes) {
  return fmt::format("datadir_size: {}\nlogdir_size: {}\n", sizes.data_bytes, sizes.log_bytes);
}

std::string envi_text(const std::string& version, const Environment& environment) {
  return fmt::format(
      "Environment:\n"
      "zookeeper.version={}\n"
      "host.name={}\n"
      "os.name={}\n"
      "os.arch={}\n"
      "os.version={}\n"
      "user.name={}\n"
      "user.home={}\n"
      "user.dir={}\n"
      "os.memory.free={}MB\n"
      "os.memory.max={}MB\n"
      "os.memory.total={}MB\n",
      version, environment.host_name, environment.os_name, environment.os_arch,
      environment.os_version, environment.user_name, environment.user_home, environment.user_dir,
      environment.memory.free, environment.memory.total, environment.memory.total);
}

}  // namespace topod::admin
