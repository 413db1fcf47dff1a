#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "server/node/logging.h"
#include "server/node/version.h"

namespace topod::server {

namespace {

using std::chrono::milliseconds;

constexpr int64_t kTickMsMin = 10;
constexpr int64_t kTickMsMax = 100;
// A stop that takes longer (a client that does not read its replies) goes on without it.
constexpr auto kStopMax = milliseconds(5'000);

net::ClientOptions client_options(const node::Config& config) {
  net::ClientOptions options;
  options.address = config.client_address;
  options.port = static_cast<uint16_t>(std::max(config.client_port, 0));
  options.backlog = config.listen_backlog;
  options.tcp_keep_alive = config.client_tcp_keep_alive;
  options.max_frame_bytes = config.max_frame_bytes;
  options.max_connections = config.max_connections;
  options.max_connections_per_address = config.max_connections_per_address;
  options.unsent_close_bytes = config.max_unsent_bytes;
  options.unsent_close_total_bytes = config.max_unsent_bytes_total;
  options.unsent_pause_bytes = std::min(options.unsent_pause_bytes, config.max_unsent_bytes);
  options.sessionless_timeout_ms = config.sessionless_timeout_ms;
  return options;
}

zab::ReplicaConfig replica_config(const node::Config& config) {
  zab::ReplicaConfig replica;
  replica.self = config.server_id;
  replica.tick_ms = config.tick_time_ms;
  replica.min_session_timeout_ms = config.min_session_timeout_ms;
  replica.max_session_timeout_ms = config.max_session_timeout_ms;
  replica.authentication = {.digest_enabled = config.digest_enabled,
                            .digest_algorithm = config.digest_algorithm,
                            .super_digest = config.super_digest.reveal()};
  replica.skip_acl = config.skip_acl;
  replica.enforce_quota = config.enforce_quota;
  replica.ttl_nodes_enabled = config.extended_types;
  if (config.enforce_auth) replica.required_schemes = config.enforce_auth_schemes;
  replica.max_unsent_bytes = config.max_unsent_bytes;
  replica.watch_limit_per_connection = config.max_watches_per_connection;
  replica.container_check_interval_ms = config.container_check_interval_ms;
  replica.container_max_per_minute = config.container_max_per_minute;
  replica.container_max_never_used_ms = config.container_max_never_used_ms;
  return replica;
}

// The disk cannot be trusted any more: what it holds is found out by the next start.
[[noreturn]] void die(const char* part, const std::string& why) {
  node::log_error(part, "fatal error, the process ends", {{"why", why}});
  std::abort();
}

}  // namespace

Server::Server(node::Config config, bool discard_damaged)
    : config_(std::move(config)), discard_damaged_(discard_damaged) {
  if (config_.server_id == ServerId{}) config_.server_id = ServerId(1);
}

Server::~Server() = default;

node::Started<void> Server::start() {
  open_files_max_ = net::raise_open_file_limit();
  // Bound before anything is loaded: a port that is taken shows at once, and clients that come
  // meanwhile wait in the backlog.
  listener_ = std::make_unique<net::ClientListener>(io_, client_options(config_));
  if (auto bound = listener_->listen(); !bound) {
    return tl::unexpected(node::StartupError{node::kExitFailed, bound.error()});
  }
  auto data = node::open_data(config_, {.discard_damaged = discard_damaged_}, entropy_);
  if (!data) return tl::unexpected(data.error());

  std::array<uint8_t, 8> random{};
  entropy_.fill(random);
  uint64_t incarnation = 0;
  for (const uint8_t byte : random) incarnation = incarnation << 8 | byte;
  replica_.emplace(replica_config(config_), std::move(*data->state), Incarnation(incarnation));
  tree_ = std::make_unique<node::TreeAdapter>(
      io_, std::move(*data->store), config_, data->identity,
      node::TreeAdapter::Events{
          .log_trimmable = [this](storage::LogPosition keep) { log_->trim(keep); },
          .no_space =
              [this](bool none) {
                no_tree_space_ = none;
                replica_->set_no_log_space(no_log_space_ || no_tree_space_);
              },
          .fatal = [](const std::string& why) { die("store", why); }});
  const auto replayed = node::replay_log(*data, *replica_, *tree_);
  if (!replayed) return tl::unexpected(replayed.error());
  tree_->set_position(data->log->end());
  log_summary(*data, *replayed);
  join(std::move(*data));
  while (!replica_->serving() && !stopping_) turn();
  if (stopping_) return {};
  listener_->start(*node_);
  node::log_info("start", "serving clients",
                 {{"port", listener_->port()},
                  {"epoch", replica_->promises().current_epoch.value()},
                  {"zxid", node::hex(replica_->state().applied.value())}});
  return {};
}

void Server::join(node::OpenedData data) {
  log_ = std::make_unique<node::LogAdapter>(
      io_, std::move(data.log),
      node::LogAdapter::Events{
          .durable =
              [this](const storage::LogDurable& durable) {
                node_->log_durable(durable.last_sequence);
                tree_->set_position(durable.end);
              },
          .no_space =
              [this](bool none) {
                no_log_space_ = none;
                node::log(none ? node::LogLevel::kError : node::LogLevel::kInfo, "log",
                          none ? "no space for the log: writes are refused, reads go on"
                               : "there is space for the log again");
                replica_->set_no_log_space(no_log_space_ || no_tree_space_);
              },
          .fatal = [](const storage::IoError& error) { die("log", error.message()); }},
      config_.flush_warning_ms);
  node_.emplace(
      node::NodeLimits{.max_outstanding_per_connection = config_.max_outstanding_per_connection,
                       .max_outstanding_total = config_.max_outstanding_total,
                       .max_outstanding_bytes = config_.max_outstanding_bytes},
      *replica_, *listener_, *log_, *tree_, clock_, entropy_);
  administration_.emplace(
      config_,
      node::Administration::Facts{.client_port = listener_->port(),
                                  .tree_dir = data.dir.tree_path(data.generation),
                                  .log_dir = data.log_dir,
                                  .open_files_max = open_files_max_,
                                  .started = clock_.now()},
      *replica_, *listener_, *log_, *tree_, clock_);
  node_->set_administrator(*administration_);
  replica_->start(data.promises, clock_.now());
  dir_ = std::move(data.dir);
  node_->end_turn();
  schedule_tick();
  await_signal();
}

void Server::log_summary(const node::OpenedData& data, const node::Replayed& replayed) const {
  const storage::LogScan& scan = data.log->recovered();
  node::log_info("start", "loaded",
                 {{"version", node::topod_version()},
                  {"dataDir", config_.data_dir},
                  {"new", data.created},
                  {"znodes", replica_->state().tree.size()},
                  {"sessions", replica_->state().sessions.size()},
                  {"treeMs", data.load_ms},
                  {"replayed", replayed.transactions},
                  {"replayMs", replayed.milliseconds},
                  {"tornTail", scan.verdict == storage::LogVerdict::kTornTail},
                  {"zxid", node::hex(replica_->state().applied.value())},
                  {"openFilesMax", open_files_max_}});
}

bool Server::write_port_file(const std::string& path) const {
  const std::string temporary = path + ".tmp";
  {
    std::ofstream out(temporary, std::ios::trunc);
    out << listener_->port() << '\n';
    if (!out.flush()) return false;
  }
  return std::rename(temporary.c_str(), path.c_str()) == 0;
}

// One turn: everything that is ready, then its consequences.
void Server::turn() {
  if (more_to_do_) {
    io_.poll_one();
  } else {
    io_.run_one();
  }
  for (int handlers = 1; handlers < limits::kMaxHandlersPerTurn; ++handlers) {
    if (io_.poll_one() == 0) break;
  }
  more_to_do_ = node_->end_turn();
  tree_->checkpoint_if_due(*replica_, clock_.now().monotonic_ms());
}

int Server::run() {
  while (!stopped()) turn();
  finish();
  return 0;
}

void Server::schedule_tick() {
  const int64_t period_ms = std::clamp<int64_t>(config_.tick_time_ms / 4, kTickMsMin, kTickMsMax);
  tick_timer_.expires_after(milliseconds(period_ms));
  tick_timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    node_->tick();
    schedule_tick();
  });
}

void Server::await_signal() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.async_wait([this](const asio::error_code& error, int signal) {
    if (!error) begin_stop(signal);
  });
}

void Server::begin_stop(int signal) {
  node::log_info("stop", "asked to stop: answering what was read", {{"signal", signal}});
  stopping_ = true;
  listener_->stop_reading();
  stop_timer_.expires_after(kStopMax);
  stop_timer_.async_wait([this](const asio::error_code& error) {
    if (!error) stop_overdue_ = true;
  });
}

bool Server::stopped() const {
  return stopping_ && (stop_overdue_ || (node_->idle() && listener_->all_sent()));
}

void Server::finish() {
  listener_->close_after_sending_all();
  while (listener_->socket_count() > 0 && !stop_overdue_) turn();
  tick_timer_.cancel();
  listener_->close_all();
  node_->end_turn();
  log_->stop();
  tree_->stop(*replica_);
  node::log_info("stop", "stopped",
                 {{"zxid", node::hex(replica_->state().applied.value())},
                  {"znodes", replica_->state().tree.size()}});
}

}  // namespace topod::server
