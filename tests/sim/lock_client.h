// A client that takes locks, again and again, with the recipes and the session of tools/client; and
// is paused for longer than its session lasts, cut off, killed. Whoever holds a lock writes to what
// the lock protects, in one multi with a check that its place is still there; the witness watches.
//
// The history learns of each write that goes out and each answer that comes in. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/history.h"
#include "tests/sim/network.h"
#include "tools/client/core/contender.h"
#include "tools/client/core/session.h"

namespace topod::sim {

class LockClient final : public StreamHandler {
 public:
  LockClient(World& world, Network& network, History& history, Place place,
             std::vector<Place> servers, int32_t timeout_ms, bool suffers);

  void start();
  // No lock is asked for from now on, and nothing happens to it any more.
  void stop_asking();
  // Suffers no more.
  void heal() { suffers_ = false; }
  void use_servers(std::vector<Place> servers) { servers_ = std::move(servers); }
  // Connected, without a place in any queue or anything under way.
  [[nodiscard]] bool is_quiet() const;
  [[nodiscard]] SessionId session() const { return session_->id(); }
  [[nodiscard]] std::string describe() const;

  void stream_received(StreamId stream, std::string bytes) override;
  void stream_closed(StreamId stream) override;

 private:
  struct Written {
    int32_t xid = 0;
    OpCode op = OpCode::kError;
    size_t number = 0;
    Zxid floor;  // what had been acknowledged when it was sent
  };

  void begin_life();
  void when_awake(World::Action action);
  void step_session(client::Session::Event event);
  void give(client::Session::Event event);
  void send(std::string_view bytes);
  void note_request(std::string_view frame);
  void note_reply(std::string_view frame);
  void deliver(client::Session::Notice notice);
  void schedule_tick(int64_t wake_ms);
  void at_ms(int64_t moment_ms, World::Action action);
  [[nodiscard]] int64_t now_ms() const { return world_.now_us() / kMillisecond; }

  void contend();
  void step_place(client::Contender::Event event);
  void take(const client::Contender::Notice& notice);
  void use_lock();
  void let_go();
  void suffer();
  void pause(int64_t nap_ms);
  void cut_off();
  void die();

  World& world_;
  Network& network_;
  History& history_;
  const Place place_;
  std::vector<Place> servers_;
  const int32_t timeout_ms_;
  bool suffers_;
  bool is_asking_ = true;

  std::optional<client::Session> session_;
  uint64_t life_ = 0;  // of what is scheduled
  int64_t alarm_ms_ = std::numeric_limits<int64_t>::max();
  StreamId stream_ = 0;
  bool is_stepping_ = false;
  std::deque<client::Session::Event> given_;
  int64_t asleep_until_us_ = 0;
  std::deque<World::Action> slept_through_;
  bool is_connecting_ = false;
  std::deque<Written> written_;

  std::optional<client::Contender> contender_;
  size_t fence_ = 0;  // which lock
  std::optional<client::Contender::Holds> holds_;
  uint64_t places_ = 0;  // it has asked for
  client::CallId last_call_ = 0;
  // Of the place and its contender, by call.
  std::map<client::CallId, std::pair<uint64_t, uint64_t>> tickets_;
};

}  // namespace topod::sim
