// One running topod: owns the event loop, the disk's threads, the replica and the client port,
// joins them, and drives turn after turn. Everything but the disk's threads runs on the thread
// that calls `start` and `run`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "server/monitoring.h"
#include "server/net/client_listener.h"
#include "server/net/peer_mesh.h"
#include "server/node/administration.h"
#include "server/node/config.h"
#include "server/node/log_adapter.h"
#include "server/node/node.h"
#include "server/node/replay.h"
#include "server/node/service_manager.h"
#include "server/node/snapshot_adapter.h"
#include "server/node/startup.h"
#include "server/node/system.h"
#include "server/node/tree_adapter.h"
#include "server/zab/replica.h"

namespace topod::server {

class Server {
 public:
  Server(node::Config config, bool discard_damaged);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds the port, loads the data, and serves when it returns.
  [[nodiscard]] node::Started<void> start();
  // The bound client port in decimal; the file appears whole or not at all.
  [[nodiscard]] bool write_port_file(const std::string& path) const;
  // Until a signal or a fatal error; the exit status.
  int run();

 private:
  void join(node::OpenedData data);
  void serve_monitoring();
  void turn();
  void schedule_tick();
  void await_signal();
  void begin_stop(int signal);
  [[nodiscard]] bool stopped() const;
  // Of an ensemble of several servers.
  [[nodiscard]] bool is_member() const { return config_.members.size() > 1; }
  void log_role();
  void log_mismatch();
  void note_space(const char* part, bool& none_here, bool none);
  void finish();
  void log_summary(const node::OpenedData& data, const node::Replayed& replayed) const;

  node::Config config_;
  bool discard_damaged_;
  asio::io_context io_{1};
  node::SystemClock clock_;
  node::SystemEntropy entropy_;
  node::ServiceManager service_manager_ = node::ServiceManager::of_environment();
  uint64_t open_files_max_ = 0;

  std::unique_ptr<net::ClientListener> listener_;
  std::optional<storage::DataDir> dir_;  // holds the lock
  std::optional<zab::Replica> replica_;
  std::unique_ptr<node::LogAdapter> log_;
  std::unique_ptr<node::TreeAdapter> tree_;
  std::unique_ptr<net::PeerMesh> mesh_;               // of a member of an ensemble
  std::unique_ptr<node::SnapshotAdapter> snapshots_;  // likewise
  std::optional<node::Node> node_;
  std::optional<node::Administration> administration_;

  asio::steady_timer tick_timer_{io_};
  asio::steady_timer stop_timer_{io_};
  asio::signal_set signals_{io_};
  bool more_to_do_ = false;  // without waiting for anything
  zab::Role logged_role_ = zab::Role::kLooking;
  bool logged_serving_ = false;
  uint64_t logged_mismatches_ = 0;
  bool stopping_ = false;
  bool stop_overdue_ = false;
  bool no_log_space_ = false;
  bool no_tree_space_ = false;
  Monitoring monitoring_{io_, config_};  // last: its threads end before what they ask of
};

}  // namespace topod::server
