// One server as production builds it, but for its sockets, its clocks and the thread of its log:
// the real start, replica, loop body and log code on a simulated disk, the real store in a
// temporary folder. Tests decide when the log is flushed, when a checkpoint is taken, when the
// power fails, and speak the client protocol to it.
//
// What the node refuses at a start is a value; anything unexpected fails the test by CHECK.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <asio/io_context.hpp>

#include "proto/records.h"
#include "server/node/config.h"
#include "server/node/node.h"
#include "server/node/replay.h"
#include "server/node/startup.h"
#include "server/node/tree_adapter.h"
#include "tests/unit/state/state_driver.h"
#include "tests/unit/storage/simulated_file.h"
#include "tests/unit/storage/temporary_folder.h"

namespace topod {

using state::Request;

struct Event {
  int64_t zxid = 0;
  EventType type = EventType::kNone;
  std::string path;
  bool operator==(const Event&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Event& event);

// What a client gets: the reply to a request, or a watch event (then xid is kXidNotification).
struct Message {
  int32_t xid = 0;
  int64_t zxid = 0;
  ErrorCode error = ErrorCode::kOk;
  std::string body;
  [[nodiscard]] bool is_event() const { return xid == kXidNotification; }
  [[nodiscard]] Event event() const;
  [[nodiscard]] Stat stat() const;  // at the end of the body
};

// What a client keeps to come back with.
struct SessionKey {
  int64_t id = 0;
  std::string password;
};

class OneNode {
 public:
  // With so much in one file of the log.
  explicit OneNode(size_t segment_bytes = 32'768);
  ~OneNode();
  OneNode(const OneNode&) = delete;
  OneNode& operator=(const OneNode&) = delete;

  // ---- life: to be changed before a start ------------------------------------------------------
  node::Config config;
  zab::ReplicaConfig replica_config;

  node::Started<void> try_start(bool discard_damaged = false);
  void start();
  void crash();  // the power fails
  void kill();   // the process ends; what it wrote is with the kernel
  void stop();   // everything durable, and a last checkpoint
  void restart_after_crash() {
    crash();
    start();
  }
  [[nodiscard]] bool running() const { return run_ != nullptr; }

  // ---- disk ------------------------------------------------------------------------------------
  [[nodiscard]] storage::SimulatedFileSystem& log_disk() { return log_disk_; }
  [[nodiscard]] std::string tree_dir() const;
  // Makes durable what was submitted, and what follows from that, then prepares the next file of
  // the log; or makes only the oldest records durable. An error of the disk ends the process, as
  // it must. Without space the records wait.
  void flush();
  void flush_some(size_t records);
  [[nodiscard]] size_t unflushed() const;
  // The log of a node that does not run.
  [[nodiscard]] std::unique_ptr<storage::Log> open_log();
  void prepare_log_space();
  // Writes what has changed since the last one.
  void checkpoint();

  // ---- time ------------------------------------------------------------------------------------
  void advance(int64_t ms);  // both clocks, ticking
  void jump_wall_clock(int64_t ms) { now_.wall_ms += ms; }
  void tick();

  // ---- clients ---------------------------------------------------------------------------------
  ConnectionId open();
  void send_connect(ConnectionId id, const SessionKey& key, int64_t last_zxid = 0,
                    int32_t timeout_ms = 10'000);
  // The answer, taken; nothing: there is none yet. Session 0: refused.
  std::optional<SessionKey> take_connect_answer(ConnectionId id);
  // A new session, or an old one on a new connection; flushes.
  ConnectionId connect(int32_t timeout_ms = 10'000);
  ConnectionId reconnect(const SessionKey& key, int64_t last_zxid = 0);
  void drop(ConnectionId id);
  [[nodiscard]] bool closed(ConnectionId id) const;
  [[nodiscard]] SessionKey session_of(ConnectionId id) const { return keys_.at(id); }

  int32_t send(ConnectionId id, const Request& request);
  // What has come for the client since the last time, in order.
  std::vector<Message> take(ConnectionId id);
  // Of these only one kind; the others are dropped.
  std::vector<Event> take_events(ConnectionId id);
  std::vector<Message> take_replies(ConnectionId id);
  // Sends, flushes, and returns the reply; everything before it stays to be taken.
  Message call(ConnectionId id, const Request& request);
  ErrorCode error_of(ConnectionId id, const Request& request) { return call(id, request).error; }
  [[nodiscard]] bool has_node(const std::string& path) const;

  [[nodiscard]] const state::State& state() const;
  [[nodiscard]] zab::Replica& replica();

 private:
  class Net;
  class LogQueue;
  struct Run;

  void end_process();
  void end_turn();
  void send_frame(ConnectionId id, const std::string& frame);
  std::optional<std::string> take_frame(ConnectionId id);

  storage::TemporaryFolder folder_;
  storage::SimulatedFileSystem log_disk_;
  size_t segment_bytes_;
  zab::Moment now_{1'000'000, 1'700'000'000'000};
  std::unique_ptr<node::Clock> clock_;
  std::unique_ptr<node::Entropy> entropy_;
  std::unique_ptr<Run> run_;

  uint64_t last_connection_ = 0;
  int32_t last_xid_ = 0;
  std::map<ConnectionId, std::string> bytes_;  // sent, not cut into frames yet
  std::map<ConnectionId, std::vector<Message>> unread_;
  std::map<ConnectionId, SessionKey> keys_;
};

// ---- requests that state_driver.h has not got ---------------------------------------------------
[[nodiscard]] Request get_data(const std::string& path, bool watch = false);
[[nodiscard]] Request exists(const std::string& path, bool watch = false);
[[nodiscard]] Request get_children(const std::string& path, bool watch = false);
[[nodiscard]] Request get_acl(const std::string& path);
[[nodiscard]] Request authenticate(const std::string& scheme, const std::string& auth);
[[nodiscard]] Request add_watch(const std::string& path, AddWatchMode mode);
[[nodiscard]] Request set_watches(const SetWatchesRequest& request);
[[nodiscard]] Request close_session();
[[nodiscard]] Request create_ephemeral(const std::string& path,
                                       CreateMode mode = CreateMode::kEphemeral);

}  // namespace topod
