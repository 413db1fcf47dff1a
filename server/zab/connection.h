// One client connection as the replica sees it: who is there, what it has asked and not been
// answered. Plain data of `Clients`. Times in microseconds of the monotonic clock.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "proto/codes.h"
#include "proto/ids.h"
#include "server/state/acl.h"
#include "server/state/sessions.h"
#include "server/zab/output.h"

namespace topod::zab {

// A request that has not been answered, in the order of the stream.
struct PendingRequest {
  int32_t xid = 0;
  OpCode op = OpCode::kError;
  int64_t arrived_us = 0;
  // Number of the log entry whose evaluation answers it; 0: not looked at yet, and `frame` is
  // what arrived.
  uint64_t forward_number = 0;
  // A sync asks the leader before it is carried out: 0 until then.
  uint64_t sync_number = 0;
  bool sync_confirmed = false;
  size_t bytes = 0;  // as counted against the limits of outstanding requests
  std::string frame;
};

// Figures of one connection for the words `cons` and `stat`.
struct ConnectionFigures {
  uint64_t received = 0;
  uint64_t sent = 0;
  OpCode last_op = OpCode::kNotification;
  int32_t last_xid = -1;
  int64_t last_zxid = -1;
  int64_t last_response_ms = 0;
  int64_t established_wall_ms = 0;
  int64_t last_latency_us = 0;
  int64_t min_latency_us = -1;  // -1: none yet
  int64_t max_latency_us = 0;
  int64_t latency_sum_us = 0;
  uint64_t latency_count = 0;
};

struct Connection {
  enum class Phase {
    kAwaitingConnect,  // nothing has arrived
    kHeld,             // its connect request waits for a leader
    kConnecting,       // the connect request is in the log, or on its way to the leader
    kLive,
    kClosing,  // its close has been asked of the driver; nothing more is read or written
  };

  ConnectionId id;
  Phase phase = Phase::kAwaitingConnect;
  std::string address;                  // without port
  state::Secret fresh_secret{};         // for the session it may create
  bool answers_with_read_only = false;  // its connect request had the flag
  // Served without a quorum: its session is this server's alone, and changes nothing.
  bool is_read_only = false;

  SessionId session;
  int32_t timeout_ms = 0;
  int64_t touched_ms = -1;  // when the session last showed life
  bool touch_listed = false;
  int64_t opened_ms = 0;
  std::string held_frame;  // in phase kHeld
  std::vector<state::AuthId> ids;
  bool is_super = false;
  bool is_authenticated_enough = true;  // as `required_schemes` asks

  std::deque<PendingRequest> pending;
  size_t pending_bytes = 0;
  size_t waiting = 0;   // of `pending`, not looked at yet
  size_t id_bytes = 0;  // of the ids that were proved
  // `pending` holds a request that may change what those behind it are allowed to do (auth) or
  // end the connection: nothing behind it is forwarded before it has been carried out.
  bool has_barrier = false;
  bool close_requested = false;  // closeSession is in the log: what follows is not answered

  std::string out;                                // of this turn
  bool in_output = false;                         // listed in this turn's Output
  CloseReason close_reason = CloseReason::kNone;  // in phase kClosing
  ConnectionFigures figures;
};

}  // namespace topod::zab
