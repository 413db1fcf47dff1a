// Several replicas with logs in memory and links that the test delivers message by message: for
// histories told step by step. Everything is deterministic; nothing happens unless it is asked.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/log_record.h"
#include "proto/records.h"
#include "server/zab/replica.h"

namespace topod::zab {

class EnsembleDriver {
 public:
  struct Options {
    int voters = 3;
    int observers = 0;
    // History that peers can be sent from the log; older asks for a snapshot.
    size_t readable_transactions = 1'000'000;
    int64_t tick_ms = 100;
    bool read_only = false;
  };

  struct Answer {
    int32_t xid = 0;
    int64_t zxid = 0;
    ErrorCode error = ErrorCode::kOk;
    std::string body;
  };

  // A client connection of one member.
  struct Client {
    int member = 0;
    ConnectionId connection;
    SessionId session;
    std::string password;
    bool closed = false;
    CloseReason reason = CloseReason::kNone;
    bool connected = false;
    bool refused = false;  // its session is dead
    std::string received;
    std::vector<Answer> answers;
  };

  EnsembleDriver() : EnsembleDriver(Options{}) {}
  explicit EnsembleDriver(Options options);

  // ---- members: numbered from 1 --------------------------------------------------------------
  [[nodiscard]] int size() const { return static_cast<int>(members_.size()); }
  [[nodiscard]] Replica& replica(int member) { return *at(member).replica; }
  [[nodiscard]] bool is_up(int member) { return at(member).replica != nullptr; }
  void start(int member);
  void start_all();
  // Messages on their way to and from it are lost. So is what was not flushed, unless the disk
  // happened to have written it.
  enum class Unflushed { kLost, kKept };
  void crash(int member, Unflushed unflushed = Unflushed::kLost);
  // As its next start will find it.
  [[nodiscard]] ReplicaConfig& config(int member) { return at(member).config; }
  // A new data directory, empty.
  void wipe(int member);
  // The log loses its last transaction and what follows it, as no disk of its own accord does.
  void forget_last(int member);
  // The log of a member that is down goes on with what an earlier run could have written.
  void append_to_log(int member, LogRecord record);
  // Trees of states that had diverged, and were kept.
  [[nodiscard]] int put_aside(int member) { return at(member).put_aside; }
  [[nodiscard]] const std::vector<LogRecord>& log(int member) { return at(member).log; }

  // ---- links ---------------------------------------------------------------------------------
  void cut(int a, int b);
  void heal(int a, int b);
  void isolate(int member);
  void rejoin(int member);
  // Called for each message before it is delivered; false holds it and all behind it.
  using Filter = std::function<bool(int from, int to, const peer::Message&)>;
  void set_filter(Filter filter) { filter_ = std::move(filter); }
  // A message that makes no sense closes its link, as in a server; otherwise the test ends there.
  void expect_nonsense() { expects_nonsense_ = true; }
  [[nodiscard]] int nonsense() const { return nonsense_; }
  // Messages delivered so far.
  [[nodiscard]] uint64_t delivered() const { return delivered_; }

  // ---- time ----------------------------------------------------------------------------------
  [[nodiscard]] Moment now() const;
  // Makes a member's log durable.
  void flush(int member);
  void hold_flushes(int member, bool hold) { at(member).holds_flushes = hold; }
  // Snapshots that a member begins to send stay unfinished, and hold up nothing else.
  void hold_snapshots(int member, bool hold);
  // Delivers one message, or flushes one log; false: there is nothing to do.
  bool step();
  // Steps until nothing is left to do.
  void run();
  // `run`, ticks and so on for this long.
  void advance(int64_t ms);
  // Until the condition holds, for at most so long.
  [[nodiscard]] bool await(const std::function<bool()>& condition, int64_t ms = 10'000);
  [[nodiscard]] bool await_leader() {
    return await([&] { return leader() != 0; });
  }
  // All that are up serve and have applied the same.
  [[nodiscard]] bool await_agreement(int64_t ms = 10'000);
  // The one established leader that serves; 0: none.
  [[nodiscard]] int leader();

  // ---- clients -------------------------------------------------------------------------------
  Client& open(int member);
  // Sends a connect request for a new session.
  Client& connect(int member, int32_t timeout_ms = 10'000);
  Client& connect_read_only(int member, Zxid last_seen = Zxid(0));
  Client& reconnect(int member, const Client& before, int32_t timeout_ms = 10'000,
                    bool read_only = false);
  void request(Client& client, int32_t xid, OpCode op, const std::string& body);
  void create(Client& client, int32_t xid, const std::string& path,
              CreateMode mode = CreateMode::kPersistent, const std::string& data = "data");
  void sync(Client& client, int32_t xid);
  void drop(Client& client);
  [[nodiscard]] bool has(int member, const std::string& path);

 private:
  struct Message {
    std::string bytes;
  };
  struct Link {
    LinkId at_a;
    LinkId at_b;
  };
  struct Snapshot {
    LinkId link;
    uint64_t generation = 0;  // of the receiver
    Zxid zxid;
  };
  struct Member {
    ReplicaConfig config;
    std::unique_ptr<Replica> replica;
    std::vector<LogRecord> log;
    size_t durable = 0;
    size_t first_of_run = 0;
    uint64_t run = 0;
    bool holds_flushes = false;
    bool holds_snapshots = false;
    std::vector<Snapshot> unfinished;
    // What the trees of snapshots hold: the transactions up to them.
    std::map<uint64_t, std::vector<LogRecord>> generations;
    uint64_t last_generation = 0;
    int put_aside = 0;
  };

  [[nodiscard]] Member& at(int member) { return members_[static_cast<size_t>(member - 1)]; }
  void link(int a, int b);
  void unlink(int a, int b);
  void end_turn(int member);
  void carry_out_for_peers(int member, Output& output);
  void deliver_to_clients(int member, Output& output);
  bool deliver(int from, int to);
  void read_history(int member, const HistoryRead& read);
  void send_snapshot(int member, LinkId link);
  void end_snapshot(int member, const Snapshot& snapshot);
  [[nodiscard]] int peer_of(int member, LinkId link);
  // Surviving transactions of a log, in order; with the tree that a snapshot record installed.
  [[nodiscard]] std::vector<LogRecord> transactions(Member& member, size_t records);
  void parse(Client& client);

  Options options_;
  std::vector<Member> members_;
  std::map<std::pair<int, int>, Link> links_;                 // a < b
  std::map<std::pair<int, int>, std::deque<Message>> wires_;  // from, to
  std::map<std::pair<int, int>, bool> cut_;
  std::deque<Client> clients_;
  Filter filter_;
  uint64_t delivered_ = 0;
  bool expects_nonsense_ = false;
  int nonsense_ = 0;  // messages
  uint64_t last_link_ = 0;
  uint64_t last_connection_ = 0;
  int64_t now_us_ = 1'000'000;
  int64_t next_tick_us_ = 0;
};

}  // namespace topod::zab
