#include "tools/bench/session_driver.h"

namespace topod::bench {

SessionDriver::SessionDriver(const Share& share)
    : share_(share), close_session_(make_bare(OpCode::kCloseSession)), began_(share.connections) {
  for (uint32_t i = 0; i < share.connections; ++i) {
    Connection::Settings settings;
    settings.server = share.options.address_for(i);
    settings.session_timeout_ms = share.options.session_timeout_ms;
    settings.read_chunk_bytes = 512;
    connections_.emplace_back(share.loop, *this, i, settings);
  }
}

void SessionDriver::start(Nanoseconds, Nanoseconds) {
  stopped_ = false;
  for (Connection& connection : connections_) begin_cycle(connection);
}

void SessionDriver::begin_cycle(Connection& connection) {
  ++under_way_;
  began_[connection.index()] = monotonic_now();
  connection.open();
}

void SessionDriver::on_connected(Connection& connection, Nanoseconds now) {
  connection.send(close_session_, 0, now);
}

void SessionDriver::on_reply(Connection& connection, const Reply& reply) {
  connection.close();
  --under_way_;
  if (reply.error == ErrorCode::kOk) {
    share_.recorder.answered(began_[connection.index()], reply.now);
  } else {
    share_.recorder.failed(reply.error);
  }
  if (!stopped_) begin_cycle(connection);
}

void SessionDriver::on_lost(Connection& connection, std::string_view why) {
  --under_way_;
  share_.recorder.failed(why, 1);
  // Not here: a server that refuses at once would make this a recursion.
  to_begin_.push_back(connection.index());
}

void SessionDriver::pump(Nanoseconds) {
  if (stopped_) return;
  std::vector<size_t> again;
  again.swap(to_begin_);
  for (const size_t index : again) begin_cycle(connections_[index]);
}

void SessionDriver::close() {
  for (Connection& connection : connections_) connection.close();
}

}  // namespace topod::bench
