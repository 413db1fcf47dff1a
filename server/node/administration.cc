#include "server/node/administration.h"

#include <algorithm>
#include <filesystem>

#include "server/node/ensemble_view.h"
#include "server/node/system.h"
#include "server/node/version.h"

namespace topod::node {

namespace {

constexpr int64_t kTraceMaskDefault = 306;

uint64_t directory_bytes(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(directory, error);
  const std::filesystem::recursive_directory_iterator end;
  for (; !error && it != end; it.increment(error)) {
    std::error_code file_error;
    if (!it->is_regular_file(file_error)) continue;
    const uint64_t size = it->file_size(file_error);
    if (!file_error) bytes += size;
  }
  return bytes;
}

uint64_t open_files() {
  std::error_code error;
  std::filesystem::directory_iterator it("/proc/self/fd", error);
  return error ? 0 : static_cast<uint64_t>(std::distance(it, {}));
}

double average_ms(int64_t sum_us, uint64_t count) {
  return count == 0 ? 0 : static_cast<double>(sum_us) / 1000 / static_cast<double>(count);
}

admin::Summary summary(std::string name, const DurationFigures& times) {
  admin::Summary summary;
  summary.name = std::move(name);
  summary.count = times.count;
  summary.sum = times.sum_ns / 1'000'000;
  summary.min = times.min_ns / 1'000'000;
  summary.max = times.max_ns / 1'000'000;
  summary.average = average_ms(times.sum_ns / 1000, times.count);
  return summary;
}

}  // namespace

Administration::Administration(const Config& config, Facts facts, zab::Replica& replica,
                               const ClientNet& net, const LogStore& log, const TreeStore& tree,
                               const Clock& clock)
    : config_(config),
      facts_(std::move(facts)),
      replica_(replica),
      net_(net),
      log_(log),
      tree_(tree),
      clock_(clock),
      whitelist_(config.four_letter_words),
      environment_(admin::read_environment()),
      trace_mask_(kTraceMaskDefault) {}

WordAnswer Administration::answer(std::string_view word, std::string_view argument) {
  const std::optional<admin::Word> known = admin::parse_word(word);
  if (!known) return {};
  const size_t needed = whitelist_.allows(*known) ? admin::argument_bytes(*known) : 0;
  if (argument.size() < needed) return {WordAnswer::Kind::kNeedsArgument, {}};
  admin::Answer answer = admin::answer(*known, argument.substr(0, needed), whitelist_, *this);
  switch (answer.request) {
    case admin::Request::kNothing: break;
    case admin::Request::kResetConnectionStats:
      replica_.clients().reset_connection_figures();
      break;
    case admin::Request::kResetServerStats: replica_.clients().reset_figures(); break;
    case admin::Request::kSetTraceMask: trace_mask_ = answer.trace_mask; break;
  }
  return {WordAnswer::Kind::kAnswer, std::move(answer.text)};
}

std::string Administration::version() const { return std::string(protocol_version()); }

admin::Environment Administration::environment() const {
  admin::Environment now = environment_;
  now.memory = admin::read_memory();
  return now;
}

admin::ServerStats Administration::server_stats() const {
  const zab::ClientFigures& figures = replica_.clients().figures();
  admin::ServerStats stats;
  stats.mode = mode_of(config_, replica_);
  stats.peer_state = peer_state_of(config_, replica_);
  stats.proposals = proposal_sizes_of(replica_);
  stats.latency.min = std::max<int64_t>(figures.latency_min_us, 0) / 1000;
  stats.latency.max = figures.latency_max_us / 1000;
  stats.latency.average = average_ms(figures.latency_sum_us, figures.latency_count);
  stats.received = figures.received;
  stats.sent = figures.sent;
  stats.connections = net_.socket_count();
  stats.outstanding = replica_.clients().outstanding_total();
  stats.zxid = replica_.state().applied;
  stats.node_count = replica_.state().tree.size();
  return stats;
}

std::optional<admin::EnsembleStatus> Administration::ensemble_status() const {
  return ensemble_status_of(replica_, peers_);
}

admin::ZabStatus Administration::zab_status() const {
  admin::ZabStatus status = zab_status_of(config_, replica_);
  if (const std::optional<StoredCheckpoint> last = tree_.last_checkpoint()) {
    status.checkpoint_zxid = last->zxid;
    status.checkpoint_at_ms = last->wall_ms;
  }
  return status;
}

std::vector<admin::ConnectionInfo> Administration::connections() const {
  std::vector<admin::ConnectionInfo> infos;
  for (const ClientSocket& socket : net_.sockets()) {
    admin::ConnectionInfo info;
    info.peer = socket.peer;
    info.interest_bits = socket.asks_word || !socket.is_read ? 0 : 1;
    info.queued = socket.unsent_bytes > 0 ? 1 : 0;
    if (const zab::Connection* connection = replica_.clients().find(socket.id)) {
      const zab::ConnectionFigures& figures = connection->figures;
      info.received = figures.received + (socket.asks_word ? 1 : 0);
      info.sent = figures.sent;
      info.queued += connection->pending.size();
      if (connection->session != SessionId{}) {
        admin::ConnectionInfo::Session session;
        session.id = connection->session;
        if (figures.last_op != OpCode::kNotification) session.last_operation = figures.last_op;
        session.established_at_ms = figures.established_wall_ms;
        session.timeout_ms = connection->timeout_ms;
        session.last_cxid = figures.last_xid;
        session.last_zxid = figures.last_zxid;
        session.last_response_at_ms = figures.last_response_ms;
        session.last_latency_ms = figures.last_latency_us / 1000;
        session.min_latency_ms = std::max<int64_t>(figures.min_latency_us, 0) / 1000;
        session.max_latency_ms = figures.max_latency_us / 1000;
        session.average_latency_ms =
            static_cast<int64_t>(average_ms(figures.latency_sum_us, figures.latency_count));
        info.session = session;
      }
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

admin::DirectorySizes Administration::directory_sizes() const {
  return {.data_bytes = directory_bytes(tree_.path()),
          .log_bytes = directory_bytes(facts_.log_dir)};
}

admin::Settings Administration::settings() const {
  admin::Settings settings;
  settings.client_port = facts_.client_port;
  settings.data_dir = tree_.path();
  settings.log_dir = facts_.log_dir;
  settings.sizes = directory_sizes();
  settings.tick_time_ms = config_.tick_time_ms;
  settings.max_connections_per_address = config_.max_connections_per_address;
  settings.min_session_timeout_ms = config_.min_session_timeout_ms;
  settings.max_session_timeout_ms = config_.max_session_timeout_ms;
  settings.listen_backlog = config_.listen_backlog;
  settings.server_id = config_.server_id.value();
  settings.ensemble = ensemble_settings_of(config_);
  return settings;
}

admin::SessionsDump Administration::sessions() const {
  const zab::Moment now = clock_.now();
  admin::SessionsDump dump;
  if (replica_.leading() == nullptr) {
    dump.expires_here = false;
    for (const auto& [id, session] : replica_.state().sessions) {
      dump.timeouts_ms.emplace_back(id, session.timeout_ms);
    }
    return dump;
  }
  for (const auto& [deadline_ms, ids] : replica_.tracker().buckets().buckets()) {
    auto& list = dump.expiring_at_ms[now.wall_ms + deadline_ms - now.monotonic_ms()];
    list.assign(ids.begin(), ids.end());
  }
  return dump;
}

admin::ConnectionsDump Administration::connection_expiry() const {
  // A connection is given up with its session; one without a session soon after its start.
  const zab::Moment now = clock_.now();
  admin::ConnectionsDump dump;
  for (const ClientSocket& socket : net_.sockets()) {
    const zab::Connection* connection = replica_.clients().find(socket.id);
    if (connection == nullptr) continue;
    const bool live = connection->session != SessionId{};
    const int64_t at =
        live ? now.wall_ms + connection->touched_ms - now.monotonic_ms() + connection->timeout_ms
             : connection->figures.established_wall_ms + config_.sessionless_timeout_ms;
    dump.expiring_at_ms[at].push_back({socket.peer, connection->session});
  }
  return dump;
}

std::map<SessionId, std::vector<std::string>> Administration::ephemerals() const {
  const state::State& state = replica_.state();
  std::map<SessionId, std::vector<std::string>> result;
  for (const auto& [id, session] : state.sessions) {
    for (const NodeId node : session.ephemerals) {
      result[id].push_back(state.tree.path(state.tree.by_id(node)));
    }
  }
  return result;
}

admin::WatchSummary Administration::watch_summary() const {
  const state::Watches::Summary summary = replica_.clients().watches().summary();
  return {.connections = summary.connections, .paths = summary.paths, .watches = summary.pairs};
}

std::map<std::string, std::set<SessionId>> Administration::watches_by_path() const {
  std::map<std::string, std::set<SessionId>> result;
  for (const auto& [path, connections] : replica_.clients().watches().by_path()) {
    for (const ConnectionId id : connections) {
      const zab::Connection* connection = replica_.clients().find(id);
      if (connection != nullptr) result[path].insert(connection->session);
    }
  }
  return result;
}

std::vector<admin::DigestEntry> Administration::digest_log() const {
  std::vector<admin::DigestEntry> entries;
  for (const auto& sample : replica_.digest_samples()) {
    entries.push_back({sample.zxid, sample.digest.low()});
  }
  return entries;
}

admin::Monitoring Administration::monitoring() const {
  admin::Monitoring monitoring = quick_monitoring();
  monitoring.gauges.push_back({"open_file_descriptor_count", static_cast<int64_t>(open_files())});
  return monitoring;
}

admin::Monitoring Administration::quick_monitoring() const {
  const state::State& state = replica_.state();
  const zab::Clients& clients = replica_.clients();
  const zab::ClientFigures& figures = clients.figures();
  const ClientPortFigures& port = net_.port_figures();
  const auto number = [](auto value) { return static_cast<int64_t>(value); };
  admin::Monitoring monitoring;
  auto& gauges = monitoring.gauges;
  gauges.push_back({"watch_count", number(clients.watches().watch_count())});
  gauges.push_back({"ephemerals_count", number(state.sessions.ephemeral_count())});
  gauges.push_back({"approximate_data_size", number(state.tree.data_bytes())});
  gauges.push_back({"max_file_descriptor_count", number(facts_.open_files_max)});
  gauges.push_back({"global_sessions", number(state.sessions.size())});
  gauges.push_back({"local_sessions", int64_t{0}});
  gauges.push_back({"non_mtls_local_conn_count", int64_t{0}});
  gauges.push_back({"non_mtls_remote_conn_count", number(net_.socket_count())});
  gauges.push_back({"outstanding_tls_handshake", int64_t{0}});
  gauges.push_back({"connection_drop_probability", 0.0});
  gauges.push_back({"last_client_response_size", figures.last_reply_bytes});
  gauges.push_back({"max_client_response_size", figures.max_reply_bytes});
  gauges.push_back({"min_client_response_size", figures.min_reply_bytes});
  gauges.push_back({"auth_failed_count", number(figures.auth_failures)});
  // For who compares the members' clocks, and the space that is left on their disks.
  gauges.push_back({"wall_clock", clock_.now().wall_ms});
  const DiskSpace data_disk = disk_space(config_.data_dir);
  const DiskSpace log_disk = disk_space(facts_.log_dir);
  gauges.push_back({"data_disk_free_bytes", data_disk.free_bytes});
  gauges.push_back({"data_disk_total_bytes", data_disk.total_bytes});
  gauges.push_back({"log_disk_free_bytes", log_disk.free_bytes});
  gauges.push_back({"log_disk_total_bytes", log_disk.total_bytes});
  gauges.push_back({"uptime", uptime_ms()});
  add_ensemble_gauges(config_, replica_, peers_, clock_.now(), gauges);
  gauges.push_back({"connection_request_count", number(port.accepted)});
  gauges.push_back({"connection_rejected", number(port.rejected)});
  gauges.push_back({"bytes_received_count", number(port.bytes_received)});
  gauges.push_back({"response_bytes", number(port.bytes_sent)});
  gauges.push_back({"large_requests_rejected", number(port.bad_frames)});
  gauges.push_back({"sessionless_connections_expired", number(port.sessionless_closed)});
  gauges.push_back({"slow_readers_closed", number(port.slow_readers_closed)});
  gauges.push_back({"soft_quota_exceeded", number(state.soft_quota_excesses)});
  gauges.push_back({"watches_refused", number(clients.watches().refusals())});
  gauges.push_back({"watch_events_sent", number(figures.notifications)});
  monitoring.summaries.push_back(summary("fsynctime", log_.flush_times()));
  monitoring.summaries.push_back(summary("snapshottime", tree_.checkpoint_times()));
  if (!replica_.membership().is_alone()) {
    monitoring.summaries.push_back(election_times_of(replica_));
  }
  return monitoring;
}

}  // namespace topod::node
