// How a connection gets its session, keeps it alive and loses it.
#include <algorithm>

#include "proto/check.h"
#include "proto/frame.h"
#include "server/zab/clients.h"

namespace topod::zab {

namespace {
// Ids of sessions that are a read-only server's alone. Above every zxid of the first four million
// epochs, so none is a session of the ensemble.
constexpr int64_t kLocalSessions = int64_t{1} << 62;
}  // namespace

void Clients::connect_request(Connection& connection, std::string_view bytes) {
  JuteReader reader(bytes);
  ConnectRequest request;
  request.read(reader);
  if (!reader.ok() || bytes.size() > static_cast<size_t>(limits::kMaxConnectFrameBytes)) {
    close(connection, CloseReason::kMalformedConnect);
    return;
  }
  connection.answers_with_read_only = request.has_read_only;
  if (!sink_.serving()) {
    hold(connection, bytes, request);
    return;
  }
  if (request.last_zxid_seen > state_.applied.value()) {
    close(connection, CloseReason::kZxidAhead);
    return;
  }
  if (sink_.refuses_writes()) {
    close(connection, CloseReason::kNoLogSpace);
    return;
  }
  connection.timeout_ms = std::clamp(request.timeout_ms, config_.min_session_timeout_ms,
                                     config_.max_session_timeout_ms);
  entry_.Clear();
  if (request.session == 0) {
    entry::CreateSession* create = entry_.mutable_create_session();
    create->set_connection(connection.id.value());
    create->set_timeout_ms(connection.timeout_ms);
    create->set_secret(connection.fresh_secret.data(), connection.fresh_secret.size());
  } else {
    // A session's id is the zxid that made it. If that is applied here and the session is not
    // there, or has another secret, then it is so for ever and nothing needs to be logged. Of a
    // younger one only the log can tell.
    const SessionId id(request.session);
    const std::string_view password = request.password.value_or(std::string_view{});
    if (password.size() != kPasswordBytes) {
      refuse_session(connection);
      return;
    }
    if (request.session <= state_.applied.value()) {
      const state::Session* session = state_.sessions.find(id);
      if (session == nullptr || !state::equal_in_constant_time(session->secret, password)) {
        refuse_session(connection);
        return;
      }
      // It is being used: it must not expire while the log is waited for.
      tracker_.touch(id, connection.timeout_ms, now_);
    }
    entry::Attach* attach = entry_.mutable_attach();
    attach->set_session(request.session);
    attach->set_connection(connection.id.value());
    attach->set_secret(password.data(), password.size());
    attach->set_timeout_ms(connection.timeout_ms);
  }
  set_origin(entry_);
  connection.phase = Connection::Phase::kConnecting;
  sink_.submit(entry_, connection.id);
}

// There is no leader. Who allows it is served read-only, once that has begun; only new sessions,
// for of others this server cannot know whether they still live. Except that a session which was
// served read-only has ended with its connection; its client must be told, or comes again forever.
void Clients::hold(Connection& connection, std::string_view bytes, const ConnectRequest& request) {
  connection.held_frame = bytes;
  connection.phase = Connection::Phase::kHeld;
  if (!read_only_) return;
  if (request.read_only && request.session > kLocalSessions) {
    refuse_session(connection);
    return;
  }
  if (!request.read_only || request.session != 0) {
    close(connection, CloseReason::kNoQuorum);
    return;
  }
  // What is applied here may be behind what it has read elsewhere; a client never goes back.
  if (request.last_zxid_seen > state_.applied.value()) {
    close(connection, CloseReason::kZxidAhead);
    return;
  }
  connection.is_read_only = true;
  const auto timeout_ms = std::clamp(request.timeout_ms, config_.min_session_timeout_ms,
                                     config_.max_session_timeout_ms);
  go_live(connection, SessionId(kLocalSessions | static_cast<int64_t>(connection.id.value())),
          timeout_ms, connection.fresh_secret);
}

void Clients::set_read_only(bool read_only, Moment now) {
  if (read_only == read_only_) return;
  now_ = now;
  read_only_ = read_only;
  if (read_only) {
    resume(now);
    return;
  }
  for (const auto& [id, connection] : ordered_) {
    if (connection->is_read_only) close(*connection, CloseReason::kReadOnlyEnds);
  }
}

// Three zeros tell every client library that the session is dead; then the socket is closed.
void Clients::refuse_session(Connection& connection) {
  static constexpr char kNoPassword[kPasswordBytes] = {};
  mark_output(connection);
  const size_t place = begin_frame(connection.out);
  JuteWriter out(connection.out);
  ConnectResponse response;
  response.password = {kNoPassword, sizeof kNoPassword};
  response.has_read_only = connection.answers_with_read_only;
  response.write(out);
  end_frame(connection.out, place);
  close(connection, CloseReason::kSessionRefused);
}

void Clients::go_live(Connection& connection, SessionId session, int32_t timeout_ms,
                      const state::Secret& secret) {
  connection.phase = Connection::Phase::kLive;
  connection.session = session;
  connection.timeout_ms = timeout_ms;
  touch(connection);
  mark_output(connection);
  const size_t place = begin_frame(connection.out);
  JuteWriter out(connection.out);
  ConnectResponse response;
  response.timeout_ms = timeout_ms;
  response.session = session.value();
  response.password = {reinterpret_cast<const char*>(secret.data()), secret.size()};
  response.has_read_only = connection.answers_with_read_only;
  response.read_only = connection.is_read_only;
  response.write(out);
  end_frame(connection.out, place);
  ++connection.figures.sent;
  ++figures_.sent;
  ++requests_.sessions_begun;
  advance(connection);
}

void Clients::session_created(const entry::Entry& entry, const state::Effects& effects) {
  if (effects.ignored) return;
  // It may be nobody's already; then it lives until its timeout, as clients expect.
  tracker_.touch(effects.session, effects.timeout_ms, now_);
  if (entry.origin().server() != config_.self.value() ||
      entry.origin().incarnation() != incarnation_.value()) {
    return;
  }
  Connection* connection = lookup(ConnectionId(entry.create_session().connection()));
  if (connection == nullptr || connection->phase != Connection::Phase::kConnecting) return;
  go_live(*connection, effects.session, effects.timeout_ms, effects.secret);
}

void Clients::session_attached(const entry::Entry& entry, const state::Effects& effects) {
  if (effects.ignored) return;
  const ConnectionId id(entry.attach().connection());
  const bool ours = entry.origin().server() == config_.self.value() &&
                    entry.origin().incarnation() == incarnation_.value();
  Connection* connection = ours ? lookup(id) : nullptr;
  const bool waits = connection != nullptr && connection->phase == Connection::Phase::kConnecting;
  if (effects.error != ErrorCode::kOk) {
    if (waits) refuse_session(*connection);
    return;
  }
  tracker_.touch(effects.session, effects.timeout_ms, now_);
  if (is_ours(effects.previous) && effects.previous.connection != id) {
    Connection* previous = lookup(effects.previous.connection);
    if (previous != nullptr) close(*previous, CloseReason::kSessionMoved);
  }
  if (waits) go_live(*connection, effects.session, effects.timeout_ms, effects.secret);
}

void Clients::session_closed(const state::Effects& effects) {
  if (effects.closed_session == SessionId{}) return;
  tracker_.forget(effects.closed_session);
  if (!is_ours(effects.closed_attachment)) return;
  Connection* connection = lookup(effects.closed_attachment.connection);
  if (connection == nullptr || connection->phase == Connection::Phase::kClosing) return;
  close(*connection,
        connection->close_requested ? CloseReason::kClosedByClient : CloseReason::kSessionExpired);
}

void Clients::touch(Connection& connection) {
  const int64_t now_ms = now_.monotonic_ms();
  if (connection.touched_ms == now_ms) return;
  connection.touched_ms = now_ms;
  if (connection.is_read_only) return;
  tracker_.touch(connection.session, connection.timeout_ms, now_);
  if (connection.touch_listed || tracker_.is_active()) return;
  connection.touch_listed = true;
  touched_.push_back(connection.id);
}

}  // namespace topod::zab
