// A client: speaks the real protocol over a simulated connection, asks for all kinds of things,
// takes its session with it from server to server, and tells the history what it was answered.
// One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/records.h"
#include "tests/sim/client_watches.h"
#include "tests/sim/history.h"
#include "tests/sim/network.h"

namespace topod::sim {

struct Workload {
  int64_t pause_min_us = 20 * kMillisecond;  // between bursts of requests
  int64_t pause_max_us = 400 * kMillisecond;
  uint64_t burst_max = 4;
  uint64_t write_per_mille = 600;
  uint64_t watch_per_mille = 300;
  uint64_t large_per_mille = 10;  // of the data written
  int32_t timeout_ms = 6'000;
  size_t registers = 12;
};

class Client final : public StreamHandler {
 public:
  Client(World& world, Network& network, History& history, Place place, std::vector<Place> servers,
         const Workload& workload);

  void start();
  // From now on nothing new is asked; what is outstanding is waited for.
  void stop_asking() { is_asking_ = false; }
  void use_servers(std::vector<Place> servers) { servers_ = std::move(servers); }
  [[nodiscard]] bool is_live() const { return phase_ == Phase::kLive; }
  // A request that no answer has come to.
  [[nodiscard]] bool is_waiting() const {
    return !pending_.empty() || phase_ == Phase::kConnecting;
  }
  [[nodiscard]] SessionId session() const { return session_; }
  [[nodiscard]] Place place() const { return place_; }
  // Of its session, as granted.
  [[nodiscard]] int64_t timeout_us() const { return timeout_us_; }
  [[nodiscard]] std::string describe() const;

  // ---- faults --------------------------------------------------------------------------------
  // Its connection breaks; it finds another server, at once or after this time.
  void lose_connection(std::optional<int64_t> back_after_us = std::nullopt);
  // It dies without a word, and comes back after this time as somebody new.
  void die(int64_t back_after_us);

  void stream_received(StreamId stream, std::string bytes) override;
  void stream_closed(StreamId stream) override;

 private:
  enum class Phase : uint8_t { kDead, kApart, kConnecting, kLive };
  enum class Purpose : uint8_t { kNone, kCreated, kClose };

  struct Request {
    int32_t xid = 0;
    OpCode op = OpCode::kError;
    Purpose purpose = Purpose::kNone;
    std::string path;
    size_t number = 0;  // of a write
    Zxid floor;         // what had been acknowledged when it was asked
    std::optional<WatchKind> watch;
  };

  // client.cc: connection and session
  void connect();
  void disconnect();
  void forget_session();
  void apart(int64_t connect_after_us);
  void step();
  void schedule_step(int64_t after_us);
  void keep_alive();
  void connected(std::string_view frame);
  void set_watches();
  void take_frame(std::string_view frame);
  void take_event(JuteReader& in, Zxid zxid);
  void take_reply(const ReplyHeader& header, std::string_view body);
  void check_order(const ReplyHeader& header);
  void wrong(const char* oracle, std::string what);

  // client_requests.cc: what is asked
  void ask_something();
  void ask_write();
  void ask_read();
  void ask_brief();
  void create(const std::string& path, CreateMode mode, Purpose purpose);
  void remove(const std::string& path);
  void set_data(const std::string& path, int32_t version);
  void multi();
  void read(OpCode op, const std::string& path, bool watch);
  void sync(const std::string& path);
  void close_session();
  void send(OpCode op, const std::string& path, const std::string& body, Purpose purpose,
            std::optional<WatchKind> watch = std::nullopt);
  void send_frame(int32_t xid, OpCode op, std::string_view body);
  void follow_up(const Request& request, ErrorCode error, std::string_view body);
  [[nodiscard]] std::string fresh_data();
  [[nodiscard]] std::string some_register();

  World& world_;
  Network& network_;
  History& history_;
  Place place_;
  bool is_reader_;   // never writes, so nothing holds its reads back
  bool is_tourist_;  // content with a server that has no quorum; takes a new session everywhere
  std::vector<Place> servers_;
  const Workload& workload_;

  Phase phase_ = Phase::kDead;
  uint64_t life_ = 0;  // of the steps that are scheduled
  bool is_asking_ = true;
  Place server_ = 0;
  StreamId stream_ = 0;
  SessionId session_;
  bool is_read_only_ = false;  // the server has no quorum
  std::string password_;
  int64_t timeout_us_ = 0;
  Zxid last_seen_;
  int64_t heard_us_ = 0;
  int64_t sent_us_ = 0;
  int64_t connect_began_us_ = 0;

  int32_t last_xid_ = 0;
  std::deque<Request> pending_;
  ClientWatches watches_;
  bool sets_watches_ = false;

  uint64_t writes_ = 0;              // makes data unique
  std::deque<std::string> created_;  // znodes to be removed again
};

}  // namespace topod::sim
