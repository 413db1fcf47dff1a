// One session with an ensemble, as a state machine: which server to connect to and when, the
// handshake, pings, numbers of requests, deadlines, watches that survive a change of server, and
// what is known about the session's life. Pure: no socket, clock, thread or randomness. The driver
// tells what has happened and carries out what is asked for:
//
//   session.step(event, now_ms) -> Output
//
// One thread. Times are milliseconds of the driver's monotonic clock. Seeds choose the order of the
// servers and the jitter.
//
// What a caller may rely on:
// - Every call is answered exactly once, at the latest by the step at its deadline.
// - Requests reach the servers in the order of the calls. When a connection breaks, reads that it
//   carried are asked again on the next one; writes are answered kConnectionLost.
// - Watches are set again before anything else is asked. An event precedes every answer that shows
//   its change.
// - kOverdue: no server has confirmed the session for as long as its timeout, so it may have
//   expired, and whoever relies on its ephemeral znodes must stop. kExpired: it has.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/records.h"
#include "tools/client/core/error.h"
#include "tools/client/core/request.h"
#include "tools/client/core/watch_table.h"

namespace topod::client {

using CallId = uint64_t;

enum class SessionState : uint8_t {
  kConnecting,  // the first time
  kConnected,
  kSuspended,             // between two servers; the session lives as far as is known
  kOverdue,               // the same, for so long that it may have expired
  kExpired,               // final
  kAuthenticationFailed,  // final
  kClosed,                // final
};
[[nodiscard]] const char* name_of(SessionState state);
[[nodiscard]] constexpr bool is_final(SessionState state) {
  return state >= SessionState::kExpired;
}

struct WatchNews {
  EventType type = EventType::kNone;
  std::string path;
  Zxid zxid;  // of the change, where the server tells it
};

struct SessionSettings {
  size_t servers = 1;  // how many there are; they are known by their index
  int32_t timeout_ms = 30'000;
  bool allows_read_only = false;  // content with a server that has no quorum
  // With one server until the session is there; twice as long each time all have been tried. It
  // is to leave time for the others when one hangs.
  int64_t patience_ms = 5'000;
  uint64_t seed = 0;
  struct Authentication {
    std::string scheme;
    std::string auth;
  };
  std::vector<Authentication> identities = {};
};

class Session {
 public:
  // ---- what has happened ---------------------------------------------------------------------
  struct Tick {};  // nothing but time
  struct Opened {};
  struct Closed {  // by the other side, or it could not be opened
    std::string why;
  };
  struct Received {
    std::string_view frame;
  };
  // Ids grow from call to call.
  struct Call {
    CallId id = 0;
    Request request;
    int64_t deadline_ms = 0;
  };
  // Ends the session politely, by this moment at the latest.
  struct Close {
    int64_t deadline_ms = 0;
  };
  using Event = std::variant<Tick, Opened, Closed, Received, Call, Close>;

  // ---- what is to be done, in this order -----------------------------------------------------
  struct Answer {
    CallId id = 0;
    Result<Reply> result;
  };
  // Notices keep their order: an event before the answer that shows its change.
  using Notice = std::variant<SessionState, WatchNews, Answer>;
  struct Output {
    bool disconnect = false;        // whatever that connection still gives is not wanted
    std::optional<size_t> connect;  // to the server of this index
    std::string bytes;              // to send on the connection
    std::vector<Notice> notices;
    int64_t wake_ms = 0;  // when to give the next Tick
  };

  explicit Session(SessionSettings settings);

  [[nodiscard]] Output step(Event event, int64_t now_ms);

  [[nodiscard]] SessionState state() const { return state_; }
  [[nodiscard]] SessionId id() const { return id_; }
  [[nodiscard]] int32_t timeout_ms() const { return timeout_ms_; }
  [[nodiscard]] Zxid last_zxid() const { return last_zxid_; }
  [[nodiscard]] size_t server() const { return order_[server_]; }
  // Until then the servers cannot have let it expire.
  [[nodiscard]] int64_t proven_until_ms() const { return proven_ms_ + timeout_ms_; }
  [[nodiscard]] bool is_read_only() const { return is_read_only_; }
  // Why the last connection or attempt ended; empty: none has.
  [[nodiscard]] const std::string& why_lost() const { return why_lost_; }
  // Calls without an answer.
  [[nodiscard]] size_t outstanding() const { return calls_.size(); }

 private:
  enum class Phase : uint8_t { kResting, kOpening, kHandshaking, kLive, kOver };
  struct Pending {
    Request request;
    int64_t deadline_ms = 0;
    bool is_sent = false;
  };
  struct Sent {
    int32_t xid = 0;
    CallId id = 0;  // the call may have been given up since
    OpCode op = OpCode::kError;
    Watch watch = Watch::kNone;
    std::string path = {};
    int32_t watcher_type = 0;
    int64_t at_ms = 0;
  };
  struct KnownIdentity {
    Request request;
    CallId waiting = 0;  // for the answer to it
  };

  // ---- events --------------------------------------------------------------------------------
  void on(const Tick&) {}
  void on(const Opened&);
  void on(const Closed& closed);
  void on(const Received& received);
  void on(Call& call);
  void on(const Close& close);

  // session.cc: connection and life
  void keep_time();
  void keep_connection();
  void doubt_session();
  void take_connect_response(std::string_view frame);
  void take_reply(std::string_view frame);
  void take_event(JuteReader& in, Zxid zxid);
  void lose_connection(std::string why);
  void end(SessionState state);
  void change_state(SessionState state);
  [[nodiscard]] int64_t retry_delay_ms();
  [[nodiscard]] int64_t jitter(int64_t bound_ms);
  [[nodiscard]] int64_t silence_max_ms() const { return int64_t{timeout_ms_} * 2 / 3; }
  [[nodiscard]] int64_t patience_ms() const;
  [[nodiscard]] int64_t ping_after_ms() const { return timeout_ms_ / 3; }
  [[nodiscard]] int64_t wake_ms() const;

  // session_calls.cc: requests and answers
  void send_frame(int32_t xid, OpCode op, std::string_view body);
  void send_identities();
  void send_waiting();
  void send_close();
  void take_answer(const ReplyHeader& header, std::string_view body);
  void take_authentication(ErrorCode error);
  void answer(CallId id, Result<Reply> result);
  void fail(CallId id, Failure failure);
  void fail_all(Failure failure);
  void expire_calls();
  void put_back_sent();

  const SessionSettings settings_;
  uint64_t random_;
  std::vector<size_t> order_;  // in which servers are tried

  SessionState state_ = SessionState::kConnecting;
  Phase phase_ = Phase::kResting;
  int64_t now_ms_ = 0;
  bool began_ = false;
  Output out_;

  // ---- connection ----------------------------------------------------------------------------
  size_t server_ = 0;    // place in order_
  size_t failures_ = 0;  // attempts since the last success
  int64_t rest_until_ms_ = 0;
  int64_t opening_since_ms_ = 0;
  int64_t heard_ms_ = 0;
  int64_t sent_ms_ = 0;
  int64_t progress_ms_ = 0;  // a request was answered, or the first one was sent
  std::optional<int64_t> ping_ms_;
  std::string why_lost_;

  // ---- session -------------------------------------------------------------------------------
  SessionId id_;
  std::string password_;
  int32_t timeout_ms_;
  bool is_read_only_ = false;
  Zxid last_zxid_;
  int64_t proven_ms_ = 0;  // it lived at this moment or later
  int64_t handshake_ms_ = 0;
  WatchTable watches_;
  std::optional<int64_t> close_by_ms_;

  // ---- calls ---------------------------------------------------------------------------------
  std::map<CallId, Pending> calls_;
  std::set<std::pair<int64_t, CallId>> deadlines_;
  std::deque<CallId> waiting_;  // to be sent; may name calls that were given up
  std::deque<Sent> sent_;
  std::vector<KnownIdentity> identities_;
  std::deque<size_t> authenticating_;  // indices of identities under way
  int32_t last_xid_ = 0;
};

}  // namespace topod::client
