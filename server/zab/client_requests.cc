// Requests of a live connection: what is answered at once, what goes into the log, what waits.
#include <algorithm>

#include "proto/frame.h"
#include "proto/mutants.h"
#include "server/state/read.h"
#include "server/zab/clients.h"

namespace topod::zab {

namespace {

constexpr size_t kRequestHeaderBytes = 8;

// Requests that may change what those behind them are allowed to do, or end the connection.
bool is_barrier(OpCode op) { return !is_write(op) && !state::is_read(op) && op != OpCode::kSync; }

// Goes through the log. reconfig does not while it is disabled: it is refused on the spot.
bool needs_log(OpCode op) { return is_write(op) && op != OpCode::kReconfig; }

}  // namespace

void Clients::request(Connection& connection, std::string_view bytes, Moment now) {
  if (connection.close_requested) return;
  JuteReader reader(bytes);
  RequestHeader header;
  header.read(reader);
  if (!reader.ok()) {
    close(connection, CloseReason::kMalformedRequest);
    return;
  }
  if (connection.phase != Connection::Phase::kLive) {
    wait(connection, header, bytes, now);
    connection.has_barrier = true;
    return;
  }
  touch(connection);
  const auto op = static_cast<OpCode>(header.op);
  // A ping asks whether this server is alive, and clients give up on one that does not answer:
  // it must not wait for the disk behind a write.
  if (op == OpCode::kPing) {
    carry_out(connection, header, reader.rest(), now.monotonic_us);
    return;
  }
  if (connection.is_read_only) {
    request_read_only(connection, header, reader.rest());
    return;
  }
  if (!connection.has_barrier && may_forward(connection, op)) {
    PendingRequest& request = enqueue(connection, header, bytes.size(), now);
    forward(connection, request, reader.rest());
  } else if ((connection.pending.empty() || (MUTANT(ReadsOvertakeWrites) && state::is_read(op))) &&
             op != OpCode::kSync) {
    carry_out(connection, header, reader.rest(), now.monotonic_us);
  } else {
    wait(connection, header, bytes, now);
    // Asked for at once, though it is answered in its turn. A write behind it could be committed
    // before the leader is confirmed, and waits.
    const bool waits_for_leader = op == OpCode::kSync && may_ask(connection, op) &&
                                  !confirm_sync(connection, connection.pending.back());
    // A write that cannot be logged now must not be overtaken by one that can be later.
    connection.has_barrier |= is_barrier(op) || needs_log(op) || waits_for_leader;
    if (op == OpCode::kSync && !waits_for_leader && connection.pending.size() == 1) {
      advance(connection);
    }
  }
}

bool Clients::may_ask(const Connection& connection, OpCode op) const {
  return connection.is_authenticated_enough || op == OpCode::kAuth || op == OpCode::kSasl ||
         op == OpCode::kPing || op == OpCode::kCloseSession;
}

bool Clients::may_forward(const Connection& connection, OpCode op) const {
  return needs_log(op) && may_ask(connection, op) && !sink_.refuses_writes();
}

void Clients::request_read_only(Connection& connection, const RequestHeader& header,
                                std::string_view body) {
  const auto op = static_cast<OpCode>(header.op);
  if (op == OpCode::kCloseSession) {
    requests_.add(op, 0, ErrorCode::kOk);
    reply(connection, header.xid, state_.applied, ErrorCode::kOk, {});
    close(connection, CloseReason::kClosedByClient);
  } else if (is_write(op) || op == OpCode::kSync) {
    requests_.add(op, 0, ErrorCode::kNotReadOnly);
    reply(connection, header.xid, state_.applied, ErrorCode::kNotReadOnly, {});
  } else {
    carry_out(connection, header, body, now_.monotonic_us);
  }
}

// A sync must not confirm what it asks of an earlier time: it asks when it has arrived.
bool Clients::confirm_sync(Connection& connection, PendingRequest& request) {
  if (request.sync_number == 0) {
    request.sync_number = ++sync_number_;
    request.sync_confirmed = sink_.request_sync(request.sync_number);
    if (!request.sync_confirmed) syncs_.emplace(request.sync_number, connection.id);
  }
  return request.sync_confirmed;
}

PendingRequest& Clients::enqueue(Connection& connection, const RequestHeader& header, size_t bytes,
                                 Moment now) {
  PendingRequest& request = connection.pending.emplace_back();
  request.xid = header.xid;
  request.op = static_cast<OpCode>(header.op);
  request.arrived_us = now.monotonic_us;
  // A write's log entry holds the ids besides.
  request.bytes = bytes + connection.id_bytes;
  connection.pending_bytes += request.bytes;
  outstanding_bytes_ += request.bytes;
  ++outstanding_;
  return request;
}

void Clients::wait(Connection& connection, const RequestHeader& header, std::string_view bytes,
                   Moment now) {
  enqueue(connection, header, bytes.size(), now).frame = bytes;
  ++connection.waiting;
}

void Clients::pop_pending(Connection& connection) {
  if (connection.pending.front().forward_number == 0) --connection.waiting;
  const size_t bytes = connection.pending.front().bytes;
  connection.pending_bytes -= bytes;
  outstanding_bytes_ -= bytes;
  --outstanding_;
  connection.pending.pop_front();
}

void Clients::forward(Connection& connection, PendingRequest& request, std::string_view body) {
  entry_.Clear();
  set_origin(entry_);
  request.forward_number = forward_number_;
  if (request.op == OpCode::kCloseSession) {
    entry::CloseSession* close_session = entry_.mutable_close_session();
    close_session->set_session(connection.session.value());
    close_session->set_connection(connection.id.value());
    connection.close_requested = true;
  } else {
    entry::ClientWrite* write = entry_.mutable_write();
    write->set_session(connection.session.value());
    write->set_connection(connection.id.value());
    write->set_op(static_cast<int32_t>(request.op));
    write->set_body(body.data(), body.size());
    for (const state::AuthId& id : connection.ids) {
      entry::AuthId* copy = write->add_auth_ids();
      copy->set_scheme(id.scheme);
      copy->set_id(id.id);
    }
    write->set_skip_acl(config_.skip_acl || connection.is_super);
    write->set_enforce_quota(config_.enforce_quota);
    write->set_ttl_enabled(config_.ttl_nodes_enabled);
  }
  sink_.submit(entry_, connection.id);
}

// Answers what this server can answer by itself. Everything before it has been answered.
void Clients::carry_out(Connection& connection, const RequestHeader& header, std::string_view body,
                        int64_t arrived_us) {
  const auto op = static_cast<OpCode>(header.op);
  if (!may_ask(connection, op)) {
    reply(connection, header.xid, Zxid(0), ErrorCode::kSessionClosedRequireAuth, {});
    close(connection, CloseReason::kAuthenticationRequired);
    return;
  }
  if (op == OpCode::kAuth) {
    authenticate(connection, header, body);
    return;
  }
  if (!is_client_request(op)) {
    reply(connection, header.xid, Zxid(-1), ErrorCode::kUnimplemented, {});
    close(connection, CloseReason::kUnknownOperation);
    return;
  }

  mark_output(connection);
  const size_t place = begin_frame(connection.out);
  const int32_t xid = op == OpCode::kPing ? kXidPing : header.xid;
  const Zxid zxid = op == OpCode::kSasl ? Zxid(0) : state_.applied;
  JuteWriter out(connection.out);
  ReplyHeader{xid, zxid.value(), ErrorCode::kOk}.write(out);
  const size_t body_place = connection.out.size();
  events_.clear();
  const ErrorCode error = answer(connection, op, body, connection.out);
  if (error != ErrorCode::kOk) {
    connection.out.resize(body_place);
    out.patch_int(body_place - sizeof(int32_t), static_cast<int32_t>(error));
  }
  finish_reply(connection, place, xid, op, arrived_us);
  requests_.add(op, now_.monotonic_us - arrived_us, error);
  // What setWatches finds to have happened already is told before its reply.
  if (!events_.empty()) connection.out.insert(place, events_);
}

// Appends the reply's body to `out`.
ErrorCode Clients::answer(Connection& connection, OpCode op, std::string_view body,
                          std::string& out) {
  switch (op) {
    case OpCode::kPing: return ErrorCode::kOk;
    case OpCode::kSync: {
      // Everything this leader had committed when the request arrived is applied.
      PathRequest sync;
      JuteReader reader(body);
      sync.read(reader);
      if (!reader.ok()) return ErrorCode::kMarshallingError;
      JuteWriter writer(out);
      sync.write(writer);
      return ErrorCode::kOk;
    }
    case OpCode::kSasl:
      // As a server on which SASL is not configured.
      JuteWriter(out).write_null();
      return ErrorCode::kOk;
    case OpCode::kReconfig: return ErrorCode::kReconfigDisabled;
    default: break;
  }
  if (is_write(op)) {  // `refuses_writes`: nothing was tried
    ++requests_.writes_without_room;
    return ErrorCode::kSystemError;
  }
  const state::Reader reader{.connection = connection.id,
                             .session = connection.session,
                             .ids = connection.ids,
                             .skip_acl = config_.skip_acl || connection.is_super,
                             .watch_limit = config_.watch_limit_per_connection,
                             .config_node_data = config_.config_node_data};
  return state::read(state_, watches_, reader, op, body, out, events_);
}

void Clients::authenticate(Connection& connection, const RequestHeader& header,
                           std::string_view body) {
  JuteReader reader(body);
  AuthRequest request;
  request.read(reader);
  if (!reader.ok()) {
    reply(connection, header.xid, Zxid(0), ErrorCode::kMarshallingError, {});
    return;
  }
  auto ids = state::authenticate(request.scheme, request.auth, config_.authentication);
  requests_.add(OpCode::kAuth, 0, ids ? ErrorCode::kOk : ErrorCode::kAuthFailed);
  if (!ids) {
    ++figures_.auth_failures;
    reply(connection, header.xid, Zxid(0), ErrorCode::kAuthFailed, {});
    close(connection, CloseReason::kAuthenticationFailed);
    return;
  }
  size_t id_bytes = connection.id_bytes;
  for (const state::AuthId& id : *ids) id_bytes += id.scheme.size() + id.id.size();
  if (id_bytes > limits::kMaxAuthIdBytes) {
    ++figures_.auth_failures;
    reply(connection, header.xid, Zxid(0), ErrorCode::kAuthFailed, {});
    close(connection, CloseReason::kAuthenticationFailed);
    return;
  }
  for (state::AuthId& id : *ids) {
    connection.is_super |= id.scheme == state::kSchemeSuper;
    const auto& required = config_.required_schemes;
    connection.is_authenticated_enough |=
        std::find(required.begin(), required.end(), id.scheme) != required.end();
    if (std::find(connection.ids.begin(), connection.ids.end(), id) == connection.ids.end()) {
      connection.id_bytes += id.scheme.size() + id.id.size();
      connection.ids.push_back(std::move(id));
    }
  }
  reply(connection, header.xid, Zxid(0), ErrorCode::kOk, {});
}

// Carries out what stands at the front of the queue until a request that waits for the log.
void Clients::advance(Connection& connection) {
  while (!connection.pending.empty() && connection.phase == Connection::Phase::kLive) {
    PendingRequest& front = connection.pending.front();
    if (front.forward_number != 0) break;
    const std::string_view body = std::string_view(front.frame).substr(kRequestHeaderBytes);
    if (may_forward(connection, front.op)) {
      --connection.waiting;
      forward(connection, front, body);
      break;
    }
    if (connection.out.size() > config_.max_unsent_bytes) {
      close(connection, CloseReason::kTooMuchUnsent);
      break;
    }
    if (front.op == OpCode::kSync && may_ask(connection, front.op) &&
        !confirm_sync(connection, front)) {
      break;
    }
    const RequestHeader header{front.xid, static_cast<int32_t>(front.op)};
    carry_out(connection, header, body, front.arrived_us);
    pop_pending(connection);
  }
  if (connection.has_barrier) release_barrier(connection);
}

// Forwards the writes that have been waiting behind a barrier which is gone.
void Clients::release_barrier(Connection& connection) {
  connection.has_barrier = false;
  if (connection.phase != Connection::Phase::kLive) return;
  for (PendingRequest& request : connection.pending) {
    if (request.forward_number != 0) continue;
    if (is_barrier(request.op) || (request.sync_number != 0 && !request.sync_confirmed)) {
      connection.has_barrier = true;
      return;
    }
    if (!needs_log(request.op)) continue;
    if (connection.close_requested) return;
    if (!may_forward(connection, request.op)) {
      connection.has_barrier = true;
      return;
    }
    --connection.waiting;
    forward(connection, request, std::string_view(request.frame).substr(kRequestHeaderBytes));
  }
}

}  // namespace topod::zab
