// A pipelined client of the ZooKeeper protocol on one non-blocking socket: connect, requests in a
// row with their replies matched by xid, pings, watch events. It never reconnects by itself.
//
// Used by the thread of its loop. Handlers are called from the loop's turn; they may send on,
// close, and open again any connection, but not destroy one. Nothing is allocated per request once
// the buffers have grown. Failures reach the handler as `on_lost`, with a sentence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"
#include "proto/frame.h"
#include "proto/records.h"
#include "tools/bench/address.h"
#include "tools/bench/clock.h"
#include "tools/bench/event_loop.h"
#include "tools/bench/request.h"

namespace topod::bench {

class Connection;

struct Reply {
  uint32_t tag;  // as given to `send`
  ErrorCode error;
  std::string_view body;  // valid during the call
  Nanoseconds intended;   // as given to `send`
  Nanoseconds now;        // when it was read from the socket
};

class ConnectionHandler {
 public:
  // The session is established.
  virtual void on_connected(Connection& connection, Nanoseconds now) = 0;
  virtual void on_reply(Connection& connection, const Reply& reply) = 0;
  virtual void on_event(Connection&, const WatchEvent&, Nanoseconds) {}
  virtual void on_pong(Connection&, Nanoseconds /*sent*/, Nanoseconds /*now*/) {}
  // The connection is closed, with `connection.outstanding()` requests unanswered.
  virtual void on_lost(Connection& connection, std::string_view why) = 0;

 protected:
  ~ConnectionHandler() = default;
};

class Connection final : public EventLoop::Watcher {
 public:
  struct Settings {
    SocketAddress server;
    int32_t session_timeout_ms = 30'000;
    // Bytes asked of the socket at once: small where there are thousands of connections.
    size_t read_chunk_bytes = size_t{32} * 1024;
  };

  // `index` is the owner's own number for it.
  Connection(EventLoop& loop, ConnectionHandler& handler, size_t index, const Settings& settings);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Starts to connect and asks for a new session. REQUIRES: closed.
  void open();
  // Closes the socket at once; the session is left to the server. No handler is called.
  void close();

  // Queues a copy of the request and returns where it lies, for `put_number`; the pointer is good
  // until the next call. The bytes leave when the loop's turn ends. REQUIRES: is_ready().
  char* send(const Request& request, uint32_t tag, Nanoseconds intended);
  // Asks for a sign of life; `on_pong` gives `intended` back when it comes. False: one is under
  // way already, or the connection is not ready.
  bool ping(Nanoseconds intended);

  [[nodiscard]] bool is_ready() const { return state_ == State::kReady; }
  [[nodiscard]] bool is_closed() const { return state_ == State::kClosed; }
  [[nodiscard]] bool is_pinging() const { return ping_sent_ != 0; }
  [[nodiscard]] size_t index() const { return index_; }
  // Requests sent and not answered; after `on_lost`, those that never will be.
  [[nodiscard]] size_t outstanding() const { return pending_end_ - pending_begin_; }
  [[nodiscard]] Nanoseconds last_sent() const { return last_sent_; }
  [[nodiscard]] int32_t session_timeout_ms() const { return negotiated_timeout_ms_; }

  void on_ready(uint32_t events) override;
  void flush() override;

 private:
  enum class State { kClosed, kConnecting, kReady };
  struct Pending {
    int32_t xid;
    uint32_t tag;
    Nanoseconds intended;
  };

  void queue_connect_request();
  void want_flush();
  void read_socket();
  void take_frame(std::string_view frame, Nanoseconds now);
  void take_connect_response(std::string_view frame, Nanoseconds now);
  void take_reply(const ReplyHeader& header, std::string_view body, Nanoseconds now);
  Pending& pending_at(size_t position) { return pending_[position & (pending_.size() - 1)]; }
  void push_pending(const Pending& pending);
  void lose(std::string_view why);
  void lose_by_error(const char* call);

  EventLoop& loop_;
  ConnectionHandler& handler_;
  const size_t index_;
  const Settings settings_;

  State state_ = State::kClosed;
  int socket_ = -1;
  uint64_t generation_ = 0;  // counts opens and closes, to notice one inside a handler
  bool waits_for_room_ = false;
  bool flush_requested_ = false;

  FrameReader reader_;
  std::string unsent_;
  size_t unsent_begin_ = 0;
  // A ring; its size is a power of two; positions only grow.
  std::vector<Pending> pending_;
  size_t pending_begin_ = 0;
  size_t pending_end_ = 0;
  int32_t last_xid_ = 0;

  int32_t negotiated_timeout_ms_ = 0;
  Nanoseconds last_sent_ = 0;
  Nanoseconds ping_sent_ = 0;  // 0: none under way
};

}  // namespace topod::bench
