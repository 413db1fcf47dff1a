// The clients connected to this server: their sessions' connections, the order of their
// requests, their replies and watch events.
//
// Order (PROTOCOL: what a client may rely on): replies leave in the order of the requests, pings
// and events apart. Writes go into the log as they arrive; a read waits only for earlier writes
// of its own connection and sees exactly those; an event precedes every reply that shows its
// change. Pure; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/entry.pb.h"
#include "proto/ids.h"
#include "proto/records.h"
#include "server/state/evaluate.h"
#include "server/state/state.h"
#include "server/state/watches.h"
#include "server/zab/config.h"
#include "server/zab/connection.h"
#include "server/zab/moment.h"
#include "server/zab/output.h"
#include "server/zab/request_figures.h"
#include "server/zab/session_tracker.h"

namespace topod::zab {

// Where requests that need the log go: to the leader, be it this server or another one.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  // `connection` asks; a request of one that has closed is not repeated to the next leader.
  virtual void submit(entry::Entry& entry, ConnectionId connection) = 0;
  // Asks the leader to confirm that it leads, for a linearizable read. True: it is confirmed, and
  // everything committed is applied. False: `Clients::synced` will say so.
  [[nodiscard]] virtual bool request_sync(uint64_t number) = 0;
  // Sessions can be opened: there is a leader, and this server is up to date with it.
  [[nodiscard]] virtual bool serving() const = 0;
  // There is no room in the log: writes are answered SystemError, reads go on.
  [[nodiscard]] virtual bool refuses_writes() const = 0;
};

// Sums over all connections since start, or since `reset`.
struct ClientFigures {
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t latency_count = 0;
  int64_t latency_sum_us = 0;
  int64_t latency_min_us = -1;
  int64_t latency_max_us = 0;
  uint64_t auth_failures = 0;
  int64_t last_reply_bytes = -1;
  int64_t min_reply_bytes = -1;
  int64_t max_reply_bytes = -1;
  uint64_t notifications = 0;
};

class Clients {
 public:
  Clients(const ReplicaConfig& config, Incarnation incarnation, state::State& state,
          SessionTracker& tracker, RequestSink& sink);

  // ---- inputs ------------------------------------------------------------------------------
  void open(ConnectionId id, std::string_view address, const state::Secret& fresh_secret,
            Moment now);
  // A frame; its bytes are not kept beyond the call unless copied.
  void frame(ConnectionId id, std::string_view bytes, Moment now);
  // The socket is gone. The session lives on until it is closed, moved or expired.
  void closed(ConnectionId id);
  // `entry` has been evaluated at `zxid`.
  void applied(const entry::Entry& entry, Zxid zxid, const state::Effects& effects, Moment now);
  // The sync request of this number is confirmed, and what was committed then is applied.
  void synced(uint64_t number, Moment now);
  // `RequestSink::serving` holds again: held connect requests go on.
  void resume(Moment now);
  // Closes connections that nobody can answer for: held ones after failoverHoldMs without a
  // leader; any after their session's timeout without contact to one, for the majority may have
  // expired the session. Monotonic times; `leaderless_ms`: since when this server does not serve.
  void tick(Moment now, int64_t contact_ms, std::optional<int64_t> leaderless_ms);
  void close_all(CloseReason reason);
  // Whether clients that allow it are served what is applied here, without a leader. Connections
  // served so are closed when it ends.
  void set_read_only(bool read_only, Moment now);
  [[nodiscard]] bool is_read_only() const { return read_only_; }

  // ---- outputs -----------------------------------------------------------------------------
  // Lists the connections with something to send or to close.
  void collect(std::vector<ClientOutput>& outputs);
  // The sessions that have shown life since the last call, for the leader.
  template <class Take>
  void take_touches(const Take& take) {
    for (const auto& [session, timeout_ms] : departed_) take(session, timeout_ms);
    departed_.clear();
    for (const ConnectionId id : touched_) {
      Connection* connection = lookup(id);
      if (connection == nullptr) continue;
      connection->touch_listed = false;
      if (connection->phase == Connection::Phase::kLive) {
        take(connection->session, connection->timeout_ms);
      }
    }
    touched_.clear();
  }
  // Sync requests that have not been confirmed, in ascending order of their numbers.
  [[nodiscard]] const std::map<uint64_t, ConnectionId>& syncs() const { return syncs_; }

  // ---- for back-pressure and the administrator's words ---------------------------------------
  [[nodiscard]] size_t outstanding_total() const { return outstanding_; }
  [[nodiscard]] size_t outstanding_bytes() const { return outstanding_bytes_; }
  [[nodiscard]] const Connection* find(ConnectionId id) const;
  // It has neither closed nor been asked to.
  [[nodiscard]] bool is_open(ConnectionId id) const {
    const Connection* connection = find(id);
    return connection != nullptr && connection->phase != Connection::Phase::kClosing;
  }
  [[nodiscard]] const std::map<ConnectionId, Connection*>& by_id() const { return ordered_; }
  [[nodiscard]] const state::Watches& watches() const { return watches_; }
  [[nodiscard]] const ClientFigures& figures() const { return figures_; }
  [[nodiscard]] const RequestFigures& request_figures() const { return requests_; }
  void reset_figures() { figures_ = {}; }
  void reset_connection_figures();

 private:
  // client_requests.cc
  void request(Connection& connection, std::string_view bytes, Moment now);
  PendingRequest& enqueue(Connection& connection, const RequestHeader& header, size_t bytes,
                          Moment now);
  void wait(Connection& connection, const RequestHeader& header, std::string_view bytes,
            Moment now);
  void forward(Connection& connection, PendingRequest& request, std::string_view body);
  void carry_out(Connection& connection, const RequestHeader& header, std::string_view body,
                 int64_t arrived_us);
  [[nodiscard]] ErrorCode answer(Connection& connection, OpCode op, std::string_view body,
                                 std::string& out);
  void authenticate(Connection& connection, const RequestHeader& header, std::string_view body);
  void advance(Connection& connection);
  void release_barrier(Connection& connection);
  void pop_pending(Connection& connection);
  [[nodiscard]] bool confirm_sync(Connection& connection, PendingRequest& request);
  [[nodiscard]] bool may_forward(const Connection& connection, OpCode op) const;
  [[nodiscard]] bool may_ask(const Connection& connection, OpCode op) const;

  // client_sessions.cc
  void connect_request(Connection& connection, std::string_view bytes);
  void hold(Connection& connection, std::string_view bytes, const ConnectRequest& request);
  void request_read_only(Connection& connection, const RequestHeader& header,
                         std::string_view body);
  void refuse_session(Connection& connection);
  void go_live(Connection& connection, SessionId session, int32_t timeout_ms,
               const state::Secret& secret);
  void session_created(const entry::Entry& entry, const state::Effects& effects);
  void session_attached(const entry::Entry& entry, const state::Effects& effects);
  void session_closed(const state::Effects& effects);
  void touch(Connection& connection);

  // client_replies.cc
  void reply(Connection& connection, int32_t xid, Zxid zxid, ErrorCode error,
             std::string_view body);
  void finish_reply(Connection& connection, size_t frame_place, int32_t xid, OpCode op,
                    int64_t arrived_us);
  void answer_write(const entry::Entry& entry, const state::Effects& effects);
  void send_events(Zxid zxid, const state::Effects& effects);
  void mark_output(Connection& connection);
  void close(Connection& connection, CloseReason reason);

  [[nodiscard]] Connection* lookup(ConnectionId id);
  [[nodiscard]] bool is_ours(const state::Attachment& attachment) const;
  void set_origin(entry::Entry& entry);

  const ReplicaConfig& config_;
  Incarnation incarnation_;
  state::State& state_;
  SessionTracker& tracker_;
  RequestSink& sink_;
  state::Watches watches_;

  std::unordered_map<ConnectionId, Connection> connections_;  // looked up, never iterated
  std::map<ConnectionId, Connection*> ordered_;
  std::vector<ConnectionId> touched_output_;
  std::vector<ConnectionId> touched_;
  std::map<SessionId, int32_t> departed_;  // touched, and their connections closed since
  std::map<uint64_t, ConnectionId> syncs_;
  uint64_t sync_number_ = 0;
  bool read_only_ = false;
  uint64_t forward_number_ = 0;
  size_t outstanding_ = 0;
  size_t outstanding_bytes_ = 0;
  ClientFigures figures_;
  RequestFigures requests_;
  Moment now_;

  // Reused from call to call to keep their memory.
  entry::Entry entry_;
  std::string events_;
  std::vector<ConnectionId> watchers_;
};

}  // namespace topod::zab
