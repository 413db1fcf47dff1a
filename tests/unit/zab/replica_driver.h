// Drives a Replica as a loop would, with a log in memory whose flushes the test decides, and
// speaks the client protocol to it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/log_record.h"
#include "proto/records.h"
#include "server/zab/replica.h"

namespace topod::zab {

class ReplicaDriver {
 public:
  struct Reply {
    int32_t xid = 0;
    int64_t zxid = 0;
    ErrorCode error = ErrorCode::kOk;
    std::string body;
  };

  explicit ReplicaDriver(ReplicaConfig config = default_config());
  static ReplicaConfig default_config();

  // ---- the log -------------------------------------------------------------------------------
  // Makes everything appended so far durable, and so on until nothing is left.
  void flush();
  // Makes the oldest `count` records that are not durable yet durable.
  void flush_some(size_t count);
  [[nodiscard]] size_t unflushed() const { return log.size() - durable_; }
  // Starts again from the log alone, as after a crash; only what was durable survives.
  void restart();

  // ---- time ----------------------------------------------------------------------------------
  void advance(int64_t ms);  // in steps of a tick, ticking
  void jump(int64_t ms);     // the process stood still
  void set_no_log_space(bool none);

  // ---- clients -------------------------------------------------------------------------------
  ConnectionId open(std::string address = "127.0.0.1");
  void drop(ConnectionId id);
  // Opens and connects with a new session; flushes.
  ConnectionId connect(int32_t timeout_ms = 10'000);
  void send(ConnectionId id, const std::string& frame);
  void send_connect(ConnectionId id, int64_t session, std::string password, int64_t last_zxid = 0,
                    int32_t timeout_ms = 10'000);
  void request(ConnectionId id, int32_t xid, OpCode op, const std::string& body = {});

  void create(ConnectionId id, int32_t xid, const std::string& path,
              CreateMode mode = CreateMode::kPersistent);
  void set_data(ConnectionId id, int32_t xid, const std::string& path, const std::string& data);
  void get_data(ConnectionId id, int32_t xid, const std::string& path, bool watch = false);
  void exists(ConnectionId id, int32_t xid, const std::string& path, bool watch = false);
  void authenticate(ConnectionId id, int32_t xid, const std::string& scheme,
                    const std::string& auth);

  // Takes the next frame that was sent to the client; nullopt if there is none.
  std::optional<std::string> next_frame(ConnectionId id);
  std::optional<Reply> next_reply(ConnectionId id);
  std::optional<ConnectResponse> next_connect_response(ConnectionId id);
  // Xids of all frames that wait, in order; takes them.
  std::vector<int32_t> xids(ConnectionId id);
  [[nodiscard]] CloseReason closed(ConnectionId id) const;
  [[nodiscard]] SessionId session(ConnectionId id) const;
  [[nodiscard]] std::string password(ConnectionId id) const;

  [[nodiscard]] Replica& replica() { return *replica_; }

  std::vector<LogRecord> log;

 private:
  void start();
  void end_turn();

  ReplicaConfig config_;
  std::optional<Replica> replica_;
  Moment now_{1'000'000, 1'700'000'000'000};
  size_t durable_ = 0;       // records of `log`
  size_t first_of_run_ = 0;  // index in `log` of this run's record number 1
  uint64_t runs_ = 0;
  uint64_t last_connection_ = 0;
  std::map<ConnectionId, std::string> sent_;
  std::map<ConnectionId, CloseReason> closed_;
  std::string password_;
};

}  // namespace topod::zab
