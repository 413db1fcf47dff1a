#include "server/admin/command_json.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "server/admin/text.h"

namespace topod::admin {

using Json = nlohmann::ordered_json;

struct Command {
  std::string_view name;
  std::string_view short_name;  // empty: none
  std::optional<Word> word;
  bool needs_serving;
  void (*add)(const AdminSource& source, Json& json);
};

namespace {

Json number_of(const Gauge& gauge) {
  return std::visit([](auto value) { return Json(value); }, gauge.value);
}

Json gauge_of(const Monitoring& monitoring, std::string_view name) {
  const auto found = std::find_if(monitoring.gauges.begin(), monitoring.gauges.end(),
                                  [&](const Gauge& gauge) { return gauge.name == name; });
  return found == monitoring.gauges.end() ? Json(0) : number_of(*found);
}

Json connections_of(const AdminSource& source, bool brief) {
  Json list = Json::array();
  for (const ConnectionInfo& connection : source.connections()) {
    Json one;
    one["remote_socket_address"] = connection.peer;
    one["interest_ops"] = connection.interest_bits;
    one["outstanding_requests"] = connection.queued;
    one["packets_received"] = connection.received;
    one["packets_sent"] = connection.sent;
    if (connection.session && !brief) {
      const ConnectionInfo::Session& session = *connection.session;
      one["session_id"] = session.id.value();
      one["last_operation"] = short_name_of(session.last_operation);
      one["established"] = session.established_at_ms;
      one["session_timeout"] = session.timeout_ms;
      one["last_cxid"] = session.last_cxid;
      one["last_zxid"] = session.last_zxid;
      one["last_response_time"] = session.last_response_at_ms;
      one["last_latency"] = session.last_latency_ms;
      one["min_latency"] = session.min_latency_ms;
      one["avg_latency"] = session.average_latency_ms;
      one["max_latency"] = session.max_latency_ms;
    }
    list.push_back(std::move(one));
  }
  return list;
}

void add_configuration(const AdminSource& source, Json& json) {
  const Settings settings = source.settings();
  json["client_port"] = settings.client_port;
  json["data_dir"] = settings.data_dir;
  json["data_log_dir"] = settings.log_dir;
  json["tick_time"] = settings.tick_time_ms;
  json["max_client_cnxns"] = settings.max_connections_per_address;
  json["min_session_timeout"] = settings.min_session_timeout_ms;
  json["max_session_timeout"] = settings.max_session_timeout_ms;
  json["server_id"] = settings.server_id;
  json["client_port_listen_backlog"] = settings.listen_backlog;
  if (!settings.ensemble) return;
  json["init_limit"] = settings.ensemble->init_limit;
  json["sync_limit"] = settings.ensemble->sync_limit;
  json["election_alg"] = 3;
  json["election_port"] = settings.ensemble->election_port;
  json["quorum_port"] = settings.ensemble->quorum_port;
  json["peer_type"] = settings.ensemble->is_observer ? 1 : 0;
}

void add_connections(const AdminSource& source, Json& json) {
  json["connections"] = connections_of(source, false);
  json["secure_connections"] = Json::array();
}

void add_dirs(const AdminSource& source, Json& json) {
  const DirectorySizes sizes = source.directory_sizes();
  json["datadir_size"] = sizes.data_bytes;
  json["logdir_size"] = sizes.log_bytes;
}

void add_dump(const AdminSource& source, Json& json) {
  Json& expiry = json["expiry_time_to_session_ids"] = Json::object();
  for (const auto& [at_ms, sessions] : source.sessions().expiring_at_ms) {
    Json& ids = expiry[std::to_string(at_ms)] = Json::array();
    for (const SessionId id : sessions) ids.push_back(id.value());
  }
  Json& paths = json["session_id_to_ephemeral_paths"] = Json::object();
  for (const auto& [id, owned] : source.ephemerals()) paths[std::to_string(id.value())] = owned;
}

void add_environment(const AdminSource& source, Json& json) {
  const Environment environment = source.environment();
  json["zookeeper.version"] = source.version();
  json["host.name"] = environment.host_name;
  json["os.name"] = environment.os_name;
  json["os.arch"] = environment.os_arch;
  json["os.version"] = environment.os_version;
  json["user.name"] = environment.user_name;
  json["user.home"] = environment.user_home;
  json["user.dir"] = environment.user_dir;
  json["os.memory.free"] = std::to_string(environment.memory.free) + "MB";
  json["os.memory.max"] = std::to_string(environment.memory.total) + "MB";
  json["os.memory.total"] = std::to_string(environment.memory.total) + "MB";
}

void add_trace_mask(const AdminSource& source, Json& json) {
  json["tracemask"] = source.trace_mask();
}

void add_hash(const AdminSource& source, Json& json) {
  Json& digests = json["digests"] = Json::array();
  for (const DigestEntry& entry : source.digest_log()) {
    digests.push_back({{"zxid", entry.zxid.value()}, {"digest", entry.digest}});
  }
}

void add_read_only(const AdminSource& source, Json& json) {
  json["read_only"] = source.is_read_only();
}

void add_last_snapshot(const AdminSource& source, Json& json) {
  const ZabStatus status = source.zab_status();
  json["zxid"] = hex(status.checkpoint_zxid.value());
  json["timestamp"] = status.checkpoint_at_ms / 1000;
}

void add_leader(const AdminSource& source, Json& json) {
  const ZabStatus status = source.zab_status();
  json["is_leader"] = status.is_leader;
  json["leader_id"] = status.leader;
  json["leader_ip"] = "";
  for (const ZabStatus::Member& member : status.members) {
    if (member.id == status.leader) json["leader_ip"] = member.host;
  }
}

void add_monitor(const AdminSource& source, Json& json) {
  const ServerStats stats = source.server_stats();
  const Monitoring monitoring = source.monitoring();
  json["version"] = source.version();
  json["server_state"] = name_of(stats.mode);
  if (!stats.peer_state.empty()) json["peer_state"] = stats.peer_state;
  json["avg_latency"] = stats.latency.average;
  json["min_latency"] = stats.latency.min;
  json["max_latency"] = stats.latency.max;
  json["packets_received"] = stats.received;
  json["packets_sent"] = stats.sent;
  json["num_alive_connections"] = stats.connections;
  json["outstanding_requests"] = stats.outstanding;
  json["znode_count"] = stats.node_count;
  if (stats.proposals) {
    json["last_proposal_size"] = stats.proposals->last;
    json["min_proposal_size"] = stats.proposals->min;
    json["max_proposal_size"] = stats.proposals->max;
  }
  for (const Gauge& gauge : monitoring.gauges) json[gauge.name] = number_of(gauge);
  for (const Summary& summary : monitoring.summaries) {
    json["avg_" + summary.name] = summary.average;
    json["min_" + summary.name] = summary.min;
    json["max_" + summary.name] = summary.max;
    json["cnt_" + summary.name] = summary.count;
    json["sum_" + summary.name] = summary.sum;
  }
}

void add_observers(const AdminSource& source, Json& json) {
  const ZabStatus status = source.zab_status();
  json["synced_observers"] = status.synced_observers.size();
  json["observers"] = status.synced_observers;
}

void add_nothing(const AdminSource&, Json&) {}

void add_server_stats(const AdminSource& source, Json& json) {
  const ServerStats stats = source.server_stats();
  const Monitoring monitoring = source.monitoring();
  const DirectorySizes sizes = source.directory_sizes();
  const Json responses = {{"last_buffer_size", gauge_of(monitoring, "last_client_response_size")},
                          {"min_buffer_size", gauge_of(monitoring, "min_client_response_size")},
                          {"max_buffer_size", gauge_of(monitoring, "max_client_response_size")}};
  json["version"] = source.version();
  json["read_only"] = source.is_read_only();
  json["server_stats"] = {
      {"packets_sent", stats.sent},
      {"packets_received", stats.received},
      {"client_response_stats", responses},
      {"provider_null", false},
      {"uptime", gauge_of(monitoring, "uptime")},
      {"server_state", name_of(stats.mode)},
      {"outstanding_requests", stats.outstanding},
      {"min_latency", stats.latency.min},
      {"avg_latency", stats.latency.average},
      {"max_latency", stats.latency.max},
      {"data_dir_size", sizes.data_bytes},
      {"log_dir_size", sizes.log_bytes},
      {"last_processed_zxid", stats.zxid.value()},
      {"num_alive_client_connections", stats.connections},
      {"auth_failed_count", gauge_of(monitoring, "auth_failed_count")},
      {"non_mtlsremote_conn_count", gauge_of(monitoring, "non_mtls_remote_conn_count")},
      {"non_mtlslocal_conn_count", gauge_of(monitoring, "non_mtls_local_conn_count")}};
  json["client_response"] = responses;
  if (stats.proposals) {
    json["proposal_stats"] = {{"last_buffer_size", stats.proposals->last},
                              {"min_buffer_size", stats.proposals->min},
                              {"max_buffer_size", stats.proposals->max}};
  }
  json["node_count"] = stats.node_count;
}

void add_stats(const AdminSource& source, Json& json) {
  add_server_stats(source, json);
  json["connections"] = connections_of(source, true);
  json["secure_connections"] = Json::array();
}

void add_voting_view(const AdminSource& source, Json& json) {
  Json& config = json["current_config"] = Json::object();
  for (const ZabStatus::Member& member : source.zab_status().members) {
    if (member.is_observer) continue;
    config[std::to_string(member.id)] = {{"server_addresses", member.quorum_addresses},
                                         {"election_addresses", member.election_addresses},
                                         {"client_address", member.client_address},
                                         {"learner_type", "participant"}};
  }
}

void add_watches(const AdminSource& source, Json& json) {
  std::map<SessionId, std::vector<std::string>> by_session;
  for (const auto& [path, sessions] : source.watches_by_path()) {
    for (const SessionId id : sessions) by_session[id].push_back(path);
  }
  Json& watches = json["session_id_to_watched_paths"] = Json::object();
  for (const auto& [id, paths] : by_session) watches[std::to_string(id.value())] = paths;
}

void add_watches_by_path(const AdminSource& source, Json& json) {
  Json& watches = json["path_to_session_ids"] = Json::object();
  for (const auto& [path, sessions] : source.watches_by_path()) {
    Json& ids = watches[path] = Json::array();
    for (const SessionId id : sessions) ids.push_back(id.value());
  }
}

void add_watch_summary(const AdminSource& source, Json& json) {
  const WatchSummary summary = source.watch_summary();
  json["num_connections"] = summary.connections;
  json["num_paths"] = summary.paths;
  json["num_total_watches"] = summary.watches;
}

void add_zab_state(const AdminSource& source, Json& json) {
  const ZabStatus status = source.zab_status();
  json["myid"] = status.server;
  json["is_leader"] = status.is_leader;
  for (const ZabStatus::Member& member : status.members) {
    if (member.id != status.server) continue;
    json["quorum_address"] = member.quorum_addresses.front();
    json["election_address"] = member.election_addresses.front();
    json["client_address"] = member.client_address;
  }
  const Zxid zxid = source.server_stats().zxid;
  json["voting"] = status.votes;
  json["last_zxid"] = hex(zxid.value());
  json["zab_epoch"] = epoch_of(zxid).value();
  json["zab_counter"] = counter_of(zxid);
  json["zabstate"] = status.phase;
}

constexpr Command kCommands[] = {
    {"configuration", "conf", Word::kConf, true, add_configuration},
    {"connections", "cons", Word::kCons, true, add_connections},
    {"dirs", "", Word::kDirs, true, add_dirs},
    {"dump", "", Word::kDump, true, add_dump},
    {"environment", "envi", Word::kEnvi, false, add_environment},
    {"get_trace_mask", "gtmk", Word::kGtmk, false, add_trace_mask},
    {"hash", "", Word::kHash, true, add_hash},
    {"is_read_only", "isro", Word::kIsro, true, add_read_only},
    {"last_snapshot", "lsnp", std::nullopt, true, add_last_snapshot},
    {"leader", "lead", std::nullopt, true, add_leader},
    {"monitor", "mntr", Word::kMntr, true, add_monitor},
    {"observers", "obsr", std::nullopt, true, add_observers},
    {"ruok", "", Word::kRuok, false, add_nothing},
    {"server_stats", "srvr", Word::kSrvr, true, add_server_stats},
    {"stats", "stat", Word::kStat, true, add_stats},
    {"voting_view", "", std::nullopt, true, add_voting_view},
    {"watch_summary", "wchs", Word::kWchs, true, add_watch_summary},
    {"watches", "wchc", Word::kWchc, true, add_watches},
    {"watches_by_path", "wchp", Word::kWchp, true, add_watches_by_path},
    {"zabstate", "", std::nullopt, false, add_zab_state},
};

std::string finished(Json json, std::string_view command, const char* error) {
  json["command"] = command;
  json["error"] = error == nullptr ? Json(nullptr) : Json(error);
  // Paths are whatever clients have named them.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

const Command* find_command(std::string_view name) {
  // A name that ZooKeeper knows too.
  if (name == "config") name = "configuration";
  if (name == "env") name = "environment";
  const auto* found =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& command) {
        return command.name == name || (!name.empty() && command.short_name == name);
      });
  return found == std::end(kCommands) ? nullptr : found;
}

bool is_allowed(const Command& command, const Whitelist& words) {
  return !command.word || words.allows(*command.word);
}

std::string run(const Command& command, const AdminSource& source) {
  Json json = Json::object();
  if (command.needs_serving && !source.is_serving()) {
    return finished(json, command.name,
                    "This ZooKeeper instance is not currently serving requests");
  }
  command.add(source, json);
  return finished(std::move(json), command.name, nullptr);
}

std::string unknown_command(std::string_view name) {
  const std::string error = "Unknown command: " + std::string(name);
  return finished(Json::object(), name, error.c_str());
}

std::string disallowed_command(const Command& command) {
  const std::string error =
      std::string(name_of(*command.word)) + " is not executed because it is not in the whitelist.";
  return finished(Json::object(), command.name, error.c_str());
}

std::string command_links(const Whitelist& words) {
  std::string page;
  for (const Command& command : kCommands) {
    if (!is_allowed(command, words)) continue;
    const std::string name(command.name);
    page += "<a href=\"/commands/" + name + "\">" + name + "</a>\n<br/>\n";
  }
  return page;
}

}  // namespace topod::admin
