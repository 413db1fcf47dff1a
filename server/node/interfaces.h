// The small interfaces between the loop and what stands around it: sockets on one side, the disk
// on the other. server/net, the adapters to storage and a simulator stand behind them. All calls
// are made on the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/ids.h"
#include "server/state/state.h"
#include "server/zab/moment.h"
#include "server/zab/output.h"

namespace topod::node {

// Called by the client port.
class ClientHandler {
 public:
  virtual ~ClientHandler() = default;
  virtual void client_opened(ConnectionId id, std::string_view address, uint16_t port) = 0;
  // A frame without its length; the bytes are gone after the call. False: nothing more is to be
  // read from this connection until `ClientNet::resume_reading`.
  virtual bool client_frame(ConnectionId id, std::string_view frame) = 0;
  // Exactly once per opened connection, whoever closed it. `reason` is empty where nothing was
  // wrong.
  virtual void client_closed(ConnectionId id, std::string_view reason) = 0;
  // A connection whose bytes had to wait has taken them all.
  virtual void client_drained(ConnectionId id) = 0;
  // A connection without a session is closed after a while.
  [[nodiscard]] virtual bool has_session(ConnectionId id) const = 0;
  // Over a limit (its configuration key): closed before anything was read.
  virtual void connection_rejected(std::string_view address, uint16_t port,
                                   std::string_view limit) = 0;
  // The whole answer to a four-letter word, or nullopt if `word` is none. `argument` are the
  // bytes that followed it so far.
  virtual std::optional<std::string> four_letter_word(std::string_view word,
                                                      std::string_view argument,
                                                      ConnectionId asker) = 0;
};

// The client port, as the loop drives it.
class ClientNet {
 public:
  virtual ~ClientNet() = default;
  // Takes the bytes (by swap where it can) and leaves `bytes` empty.
  virtual void send(ConnectionId id, std::string& bytes) = 0;
  // Closes once what was given to `send` is with the kernel.
  virtual void close_after_sending(ConnectionId id) = 0;
  virtual void resume_reading(ConnectionId id) = 0;
};

// The log, as the loop drives it. What is submitted becomes durable on another thread, which
// tells the loop by `Node::log_durable`.
class LogStore {
 public:
  virtual ~LogStore() = default;
  virtual void add(const zab::Append& record) = 0;
  // Hands over what was added in this turn.
  virtual void submit() = 0;
  // Bytes handed over and not durable yet.
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
};

// The stored tree, as the loop drives it: takes after-images, writes a checkpoint now and then
// on another thread.
class TreeStore {
 public:
  virtual ~TreeStore() = default;
  // The state as it is now, between two entries, has these changes since the last call.
  virtual void collect(const state::State& state, const state::Changes& changes) = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual zab::Moment now() const = 0;
};

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<uint8_t> bytes) = 0;
};

}  // namespace topod::node
