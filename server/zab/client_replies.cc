// Replies and watch events, in the one ordered stream of each connection.
#include <algorithm>

#include "proto/check.h"
#include "proto/frame.h"
#include "server/state/read.h"
#include "server/zab/clients.h"

namespace topod::zab {

void Clients::reply(Connection& connection, int32_t xid, Zxid zxid, ErrorCode error,
                    std::string_view body) {
  mark_output(connection);
  const size_t place = begin_frame(connection.out);
  JuteWriter out(connection.out);
  ReplyHeader{xid, zxid.value(), error}.write(out);
  out.write_raw(body);
  finish_reply(connection, place, xid, connection.figures.last_op, now_.monotonic_us);
}

void Clients::finish_reply(Connection& connection, size_t frame_place, int32_t xid, OpCode op,
                           int64_t arrived_us) {
  end_frame(connection.out, frame_place);
  const int64_t latency_us = now_.monotonic_us - arrived_us;
  ConnectionFigures& mine = connection.figures;
  ++mine.sent;
  mine.last_op = op;
  if (xid >= 0) mine.last_xid = xid;
  mine.last_zxid = state_.applied.value();
  mine.last_response_ms = now_.monotonic_ms();
  mine.last_latency_us = latency_us;
  mine.max_latency_us = std::max(mine.max_latency_us, latency_us);
  mine.min_latency_us =
      mine.min_latency_us < 0 ? latency_us : std::min(mine.min_latency_us, latency_us);
  mine.latency_sum_us += latency_us;
  ++mine.latency_count;

  ClientFigures& all = figures_;
  ++all.sent;
  all.latency_max_us = std::max(all.latency_max_us, latency_us);
  all.latency_min_us =
      all.latency_min_us < 0 ? latency_us : std::min(all.latency_min_us, latency_us);
  all.latency_sum_us += latency_us;
  ++all.latency_count;
  const auto bytes = static_cast<int64_t>(connection.out.size() - frame_place);
  all.last_reply_bytes = bytes;
  all.max_reply_bytes = std::max(all.max_reply_bytes, bytes);
  all.min_reply_bytes = all.min_reply_bytes < 0 ? bytes : std::min(all.min_reply_bytes, bytes);
}

void Clients::answer_write(const entry::Entry& entry, const state::Effects& effects) {
  const entry::Origin& origin = entry.origin();
  if (effects.ignored || origin.server() != config_.self.value() ||
      origin.incarnation() != incarnation_.value()) {
    return;
  }
  const uint64_t id =
      entry.has_write() ? entry.write().connection() : entry.close_session().connection();
  Connection* connection = lookup(ConnectionId(id));
  if (connection == nullptr || connection->phase != Connection::Phase::kLive) return;
  // Writes are evaluated in the order of their numbers, and everything before this one has been
  // answered when the one before it was.
  CHECK(!connection->pending.empty());
  const PendingRequest& front = connection->pending.front();
  CHECK(front.forward_number == origin.forward_number());
  if (effects.error == ErrorCode::kSessionMoved) {
    close(*connection, CloseReason::kSessionMoved);
    return;
  }
  mark_output(*connection);
  const size_t place = begin_frame(connection->out);
  JuteWriter out(connection->out);
  ReplyHeader{front.xid, state_.applied.value(), effects.error}.write(out);
  if (effects.error == ErrorCode::kOk) out.write_raw(effects.body);
  finish_reply(*connection, place, front.xid, front.op, front.arrived_us);
  requests_.add(front.op, now_.monotonic_us - front.arrived_us, effects.error);
  pop_pending(*connection);
  // Nothing is answered after closeSession.
  if (entry.has_write()) advance(*connection);
}

void Clients::send_events(Zxid zxid, const state::Effects& effects) {
  for (const state::TreeEvent& event : effects.events) {
    const std::string_view path = effects.path_of(event);
    watchers_.clear();
    watches_.fire(event.type, path, watchers_);
    for (const ConnectionId id : watchers_) {
      Connection* connection = lookup(id);
      if (connection == nullptr || connection->phase != Connection::Phase::kLive) continue;
      // Who may not read a znode is not told what happens to it (CVE-2024-23944). A one-shot
      // watch is spent all the same.
      if (!config_.skip_acl && !connection->is_super &&
          !state::permits(state_.acls.get(event.acl), kPermRead, connection->ids)) {
        continue;
      }
      mark_output(*connection);
      state::append_notification(connection->out, zxid, event.type, path);
      ++connection->figures.sent;
      ++figures_.sent;
      ++figures_.notifications;
    }
  }
}

void Clients::mark_output(Connection& connection) {
  if (connection.in_output) return;
  connection.in_output = true;
  touched_output_.push_back(connection.id);
}

void Clients::close(Connection& connection, CloseReason reason) {
  if (connection.phase == Connection::Phase::kClosing) return;
  connection.phase = Connection::Phase::kClosing;
  ++requests_.closed[static_cast<size_t>(reason)];
  watches_.remove_connection(connection.id);
  mark_output(connection);
  connection.close_reason = reason;
}

}  // namespace topod::zab
