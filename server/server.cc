#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "server/node/logging.h"
#include "server/node/version.h"
#include "server/options.h"

namespace topod::server {

namespace {

using std::chrono::milliseconds;

constexpr int64_t kTickMsMin = 10;
constexpr int64_t kTickMsMax = 100;
// A stop that takes longer (a client that does not read its replies) goes on without it.
constexpr auto kStopMax = milliseconds(5'000);

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
  listener_ = std::make_unique<net::ClientListener>(io_, client_options(config_, open_files_max_));
  if (auto bound = listener_->listen(); !bound) {
    return tl::unexpected(node::StartupError{node::kExitFailed, bound.error()});
  }
  if (auto bound = monitoring_.listen(); !bound) {
    return tl::unexpected(node::StartupError{node::kExitFailed, bound.error()});
  }
  auto data = node::open_data(config_, {.discard_damaged = discard_damaged_}, entropy_);
  if (!data) return tl::unexpected(data.error());

  std::array<uint8_t, 8> random{};
  entropy_.fill(random);
  uint64_t incarnation = 0;
  for (const uint8_t byte : random) incarnation = incarnation << 8 | byte;
  replica_.emplace(replica_config(config_, data->identity), std::move(*data->state),
                   Incarnation(incarnation));
  tree_ = std::make_unique<node::TreeAdapter>(
      io_, std::move(*data->store), data->generation, config_, data->identity,
      node::TreeAdapter::Events{
          .log_trimmable = [this](storage::LogPosition keep) { log_->trim(keep); },
          .no_space = [this](bool none) { note_space("store", no_tree_space_, none); },
          .fatal = [](const std::string& why) { die("store", why); }});
  const auto replayed = node::replay_log(*data, *replica_, *tree_);
  if (!replayed) return tl::unexpected(replayed.error());
  log_summary(*data, *replayed);
  if (!is_member() && !data->is_alone) {
    return node::startup_failure(
        node::kExitFailed, config_.data_dir +
                               " holds the data of a member of an ensemble, and the configuration "
                               "names no other server: give it the server lines of the ensemble");
  }
  if (is_member()) {
    mesh_ = std::make_unique<net::PeerMesh>(io_, peer_options(config_, data->identity), entropy_);
    if (auto bound = mesh_->listen(); !bound) {
      return tl::unexpected(node::StartupError{node::kExitFailed, bound.error()});
    }
  }
  join(std::move(*data));
  if (is_member()) {
    listener_->start(*node_);
    mesh_->start(*node_);
    node::log_info("start", "waiting for the other members",
                   {{"port", listener_->port()}, {"members", config_.members.size()}});
    if (replica_->membership().differs()) {
      node::log_error("start",
                      "this server does not vote: the configured voters, weights or groups are not "
                      "those of the ensemble that its data belong to",
                      {{"dataDir", config_.data_dir}});
    }
    return {};
  }
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
              },
          .no_space = [this](bool none) { note_space("log", no_log_space_, none); },
          .fatal = [](const storage::IoError& error) { die("log", error.message()); },
          .history_read = [this](
                              LinkId link, std::vector<zab::HistoryEntry> entries,
                              bool gone) { node_->history_read(link, std::move(entries), gone); }},
      config_.flush_warning_ms);
  log_->start_positions(data.replay_from.value_or(storage::LogPosition{}));
  // On a full disk the log goes on in what no restart needs, and a start needs some of it.
  if (data.replay_from) log_->trim(*data.replay_from);
  node_.emplace(
      node::NodeLimits{.max_outstanding_per_connection = config_.max_outstanding_per_connection,
                       .max_outstanding_total = config_.max_outstanding_total,
                       .max_outstanding_bytes = config_.max_outstanding_bytes},
      *replica_, *listener_, *log_, *tree_, clock_, entropy_);
  administration_.emplace(config_,
                          node::Administration::Facts{.client_port = listener_->port(),
                                                      .log_dir = data.log_dir,
                                                      .open_files_max = open_files_max_,
                                                      .started = clock_.now()},
                          *replica_, *listener_, *log_, *tree_, clock_);
  node_->set_administrator(*administration_);
  if (mesh_) {
    snapshots_ = std::make_unique<node::SnapshotAdapter>(
        io_, *mesh_, *tree_, *log_, config_,
        node::SnapshotAdapter::Events{
            .sent = [this](LinkId link, Zxid zxid,
                           bool ok) { node_->snapshot_sent(link, zxid, ok); },
            .received =
                [this](LinkId link, zab::ReceivedSnapshot snapshot) {
                  node_->snapshot_received(link, std::move(snapshot));
                }});
    node_->set_peers(*mesh_, *snapshots_);
    administration_->set_peers(*mesh_);
  }
  serve_monitoring();
  replica_->start(clock_.now());
  dir_ = std::move(data.dir);
  node_->end_turn();
  schedule_tick();
  await_signal();
}

void Server::serve_monitoring() {
  node::Meters* meters = monitoring_.meters();
  if (meters != nullptr) {
    meters->locks.restart(replica_->state(), clock_.now().monotonic_us);
    node_->set_meters(*meters);
  }
  monitoring_.serve(*administration_, {.config = config_,
                                       .administration = *administration_,
                                       .replica = *replica_,
                                       .node = *node_,
                                       .net = *listener_,
                                       .log = *log_,
                                       .tree = *tree_,
                                       .meters = meters,
                                       .clock = clock_,
                                       .peers = mesh_.get()});
}

// The log cannot be cut before a checkpoint, so that a tree without space ends in the same.
void Server::note_space(const char* part, bool& none_here, bool none) {
  if (none_here == none) return;
  none_here = none;
  node::log(none ? node::LogLevel::kError : node::LogLevel::kInfo, part,
            none ? "no space on the disk: writes are refused, reads go on"
                 : "there is space on the disk again");
  replica_->set_no_log_space(no_log_space_ || no_tree_space_);
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
                  {"uncommitted", replayed.uncommitted},
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
  if (mesh_) mesh_->flush();
  tree_->set_position(log_->restart_position(replica_->state().applied));
  tree_->checkpoint_if_due(*replica_, clock_.now().monotonic_ms());
}

int Server::run() {
  // Of a member too: on the first start the others may come much later.
  service_manager_.tell("READY=1");
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
    if (mesh_) {
      mesh_->set_ensemble(replica_->membership().ensemble(), replica_->membership().votes());
    }
    log_role();
    log_mismatch();
    schedule_tick();
  });
}

// Every change of what this server is in its ensemble, once.
void Server::log_role() {
  if (!is_member()) return;
  const bool serving = replica_->serving();
  if (replica_->role() == logged_role_ && serving == logged_serving_) return;
  logged_role_ = replica_->role();
  logged_serving_ = serving;
  const char* role = logged_role_ == zab::Role::kLeading     ? "leading"
                     : logged_role_ == zab::Role::kFollowing ? "following"
                                                             : "looking for a leader";
  node::log_info("ensemble", role,
                 {{"serving", serving},
                  {"leader", replica_->leader().value()},
                  {"epoch", replica_->promises().current_epoch.value()},
                  {"zxid", node::hex(replica_->state().applied.value())},
                  {"votes", replica_->membership().votes()},
                  {"why", replica_->last_change()}});
  service_manager_.tell(std::string("STATUS=") + role + (serving ? "" : ", not serving"));
}

// Somebody has to look at it: what makes states differ is a fault of a machine, or of this program.
void Server::log_mismatch() {
  const zab::Replica::Mismatches& mismatches = replica_->mismatches();
  if (mismatches.count == logged_mismatches_) return;
  logged_mismatches_ = mismatches.count;
  node::log_error("ensemble", "servers are not in the same state",
                  {{"what", mismatches.last}, {"mismatches", mismatches.count}});
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
  administration_->set_stopping();
  service_manager_.tell("STOPPING=1");
  listener_->stop_reading();
  // Somebody else leads before this server goes; it follows until its clients are answered.
  if (is_member()) replica_->hand_over(clock_.now());
  stop_timer_.expires_after(kStopMax);
  stop_timer_.async_wait([this](const asio::error_code& error) {
    if (!error) stop_overdue_ = true;
  });
}

bool Server::stopped() const {
  const bool idle = is_member() ? replica_->clients().outstanding_total() == 0 : node_->idle();
  return stopping_ && (stop_overdue_ || (idle && listener_->all_sent()));
}

void Server::finish() {
  listener_->close_after_sending_all();
  while (listener_->socket_count() > 0 && !stop_overdue_) turn();
  tick_timer_.cancel();
  listener_->close_all();
  node_->end_turn();
  if (mesh_) {
    mesh_->flush();
    mesh_->stop();
    snapshots_->stop();
  }
  monitoring_.stop();
  log_->stop();
  tree_->stop(*replica_);
  node::log_info("stop", "stopped",
                 {{"zxid", node::hex(replica_->state().applied.value())},
                  {"znodes", replica_->state().tree.size()}});
}

}  // namespace topod::server
