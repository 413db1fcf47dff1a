#include "tools/bench/driver.h"

namespace topod::bench {

namespace {

// Apache's listen queue holds 50; a dropped SYN is sent again only after a second.
constexpr size_t kOpeningAtOnce = 32;
// With thousands of connections their read buffers are what costs memory.
constexpr size_t kManyConnections = 1'000;
constexpr size_t kSmallReadChunkBytes = 4'096;
constexpr Nanoseconds kSilenceCheckInterval = kSecond / 4;

const Request& close_session_request() {
  static const Request request = make_bare(OpCode::kCloseSession);
  return request;
}

}  // namespace

PooledDriver::PooledDriver(const Share& share) : share_(share) {
  for (uint32_t i = 0; i < share_.connections; ++i) add_connection();
}

void PooledDriver::add_connection() {
  Connection::Settings settings;
  settings.server = share_.options.address_for(connections_.size());
  settings.session_timeout_ms = share_.options.session_timeout_ms;
  if (share_.connections > kManyConnections) settings.read_chunk_bytes = kSmallReadChunkBytes;
  connections_.emplace_back(share_.loop, *this, connections_.size(), settings);
}

void PooledDriver::open() { open_more(); }

void PooledDriver::open_more() {
  while (opened_ < connections_.size() && opened_ - ready_ - lost_ < kOpeningAtOnce) {
    connections_[opened_++].open();
  }
}

void PooledDriver::on_connected(Connection&, Nanoseconds) { ++ready_; }

void PooledDriver::on_lost(Connection& connection, std::string_view why) {
  if (closing_) {
    --ready_;
    return;
  }
  // A connection that never was ready is lost all the same; only a ready one leaves that count.
  if (connection.session_timeout_ms() > 0) --ready_;
  ++lost_;
  share_.recorder.failed(why, 1);
}

void PooledDriver::on_reply(Connection& connection, const Reply& reply) {
  if (!closing_) return on_operation_reply(connection, reply);
  if (connection.outstanding() > 0) return;  // of an operation that came too late
  connection.close();
  --ready_;
}

void PooledDriver::pump(Nanoseconds now) {
  if (!closing_ && opened_ < connections_.size()) open_more();
  if (now >= next_silence_check_) ping_silent(now);
}

void PooledDriver::ping_silent(Nanoseconds now) {
  next_silence_check_ = now + kSilenceCheckInterval;
  for (Connection& connection : connections_) {
    if (!connection.is_ready()) continue;
    const Nanoseconds allowed = connection.session_timeout_ms() * kMillisecond / 3;
    if (now - connection.last_sent() >= allowed) connection.ping(now);
  }
}

void PooledDriver::close() {
  closing_ = true;
  for (Connection& connection : connections_) {
    if (connection.is_ready()) {
      connection.send(close_session_request(), 0, monotonic_now());
    } else {
      connection.close();
    }
  }
}

}  // namespace topod::bench
