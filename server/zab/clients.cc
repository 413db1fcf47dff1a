#include "server/zab/clients.h"

#include <algorithm>

#include "proto/check.h"
#include "proto/mutants.h"

namespace topod::zab {

Clients::Clients(const ReplicaConfig& config, Incarnation incarnation, state::State& state,
                 SessionTracker& tracker, RequestSink& sink)
    : config_(config), incarnation_(incarnation), state_(state), tracker_(tracker), sink_(sink) {}

void Clients::open(ConnectionId id, std::string_view address, const state::Secret& fresh_secret,
                   Moment now) {
  const auto [it, inserted] = connections_.try_emplace(id);
  CHECK(inserted);
  Connection& connection = it->second;
  connection.id = id;
  connection.address = address;
  connection.fresh_secret = fresh_secret;
  connection.ids.push_back({std::string(state::kSchemeIp), connection.address});
  const auto& required = config_.required_schemes;
  connection.is_authenticated_enough =
      required.empty() ||
      std::find(required.begin(), required.end(), state::kSchemeIp) != required.end();
  connection.opened_ms = now.monotonic_ms();
  connection.figures.established_wall_ms = now.wall_ms;
  ordered_.emplace(id, &connection);
}

void Clients::frame(ConnectionId id, std::string_view bytes, Moment now) {
  Connection* connection = lookup(id);
  if (connection == nullptr) return;
  now_ = now;
  ++connection->figures.received;
  ++figures_.received;
  switch (connection->phase) {
    case Connection::Phase::kAwaitingConnect: connect_request(*connection, bytes); break;
    case Connection::Phase::kHeld:
    case Connection::Phase::kConnecting:
    case Connection::Phase::kLive: request(*connection, bytes, now); break;
    case Connection::Phase::kClosing: break;
  }
}

void Clients::closed(ConnectionId id) {
  Connection* connection = lookup(id);
  if (connection == nullptr) return;
  outstanding_ -= connection->pending.size();
  outstanding_bytes_ -= connection->pending_bytes;
  watches_.remove_connection(id);
  // What it has shown last still counts: its session will be looked for by its client elsewhere.
  if (connection->touch_listed) departed_[connection->session] = connection->timeout_ms;
  for (const PendingRequest& request : connection->pending) syncs_.erase(request.sync_number);
  ordered_.erase(id);
  connections_.erase(id);
}

void Clients::applied(const entry::Entry& entry, Zxid zxid, const state::Effects& effects,
                      Moment now) {
  now_ = now;
  const bool has_events = !effects.events.empty() && !watches_.empty();
  if (has_events && !MUTANT(EventAfterReply)) send_events(zxid, effects);
  switch (entry.kind_case()) {
    case entry::Entry::kWrite: answer_write(entry, effects); break;
    case entry::Entry::kCloseSession:
      answer_write(entry, effects);
      session_closed(effects);
      break;
    case entry::Entry::kCreateSession: session_created(entry, effects); break;
    case entry::Entry::kAttach: session_attached(entry, effects); break;
    case entry::Entry::kExpireSession:
      // Each is counted once in an ensemble, by its leader.
      if (effects.closed_session != SessionId{} && tracker_.is_active()) {
        ++requests_.sessions_expired;
      }
      session_closed(effects);
      break;
    default: break;
  }
  if (has_events && MUTANT(EventAfterReply)) send_events(zxid, effects);
}

void Clients::synced(uint64_t number, Moment now) {
  const auto found = syncs_.find(number);
  if (found == syncs_.end()) return;
  now_ = now;
  Connection* connection = lookup(found->second);
  syncs_.erase(found);
  if (connection == nullptr || connection->phase != Connection::Phase::kLive) return;
  for (PendingRequest& request : connection->pending) {
    if (request.sync_number == number) request.sync_confirmed = true;
  }
  advance(*connection);
}

void Clients::resume(Moment now) {
  now_ = now;
  std::vector<Connection*> held;
  for (const auto& [id, connection] : ordered_) {
    if (connection->phase == Connection::Phase::kHeld) held.push_back(connection);
  }
  for (Connection* connection : held) {
    connection->phase = Connection::Phase::kAwaitingConnect;
    const std::string frame = std::move(connection->held_frame);
    connect_request(*connection, frame);
  }
}

void Clients::tick(Moment now, int64_t contact_ms, std::optional<int64_t> leaderless_ms) {
  now_ = now;
  const int64_t now_ms = now.monotonic_ms();
  const bool hold_is_over = leaderless_ms && now_ms - *leaderless_ms > config_.failover_hold_ms;
  std::vector<Connection*> hopeless;
  for (const auto& [id, connection] : ordered_) {
    switch (connection->phase) {
      case Connection::Phase::kHeld:
        if (hold_is_over && now_ms - connection->opened_ms > config_.failover_hold_ms) {
          hopeless.push_back(connection);
        }
        break;
      case Connection::Phase::kConnecting:
      case Connection::Phase::kLive:
        if (connection->is_read_only) {
          if (now_ms - connection->touched_ms > connection->timeout_ms) {
            hopeless.push_back(connection);
          }
          break;
        }
        if (hold_is_over || now_ms - contact_ms > connection->timeout_ms) {
          hopeless.push_back(connection);
        }
        break;
      default: break;
    }
  }
  for (Connection* connection : hopeless) close(*connection, CloseReason::kNoQuorum);
}

void Clients::close_all(CloseReason reason) {
  for (const auto& [id, connection] : ordered_) close(*connection, reason);
}

void Clients::collect(std::vector<ClientOutput>& outputs) {
  for (const ConnectionId id : touched_output_) {
    Connection* connection = lookup(id);
    if (connection == nullptr) continue;
    connection->in_output = false;
    outputs.push_back({id, &connection->out, connection->close_reason});
  }
  touched_output_.clear();
}

const Connection* Clients::find(ConnectionId id) const {
  const auto it = connections_.find(id);
  return it == connections_.end() ? nullptr : &it->second;
}

void Clients::reset_connection_figures() {
  for (const auto& [id, connection] : ordered_) {
    const int64_t established_wall_ms = connection->figures.established_wall_ms;
    connection->figures = {};
    connection->figures.established_wall_ms = established_wall_ms;
  }
}

Connection* Clients::lookup(ConnectionId id) {
  const auto it = connections_.find(id);
  return it == connections_.end() ? nullptr : &it->second;
}

bool Clients::is_ours(const state::Attachment& attachment) const {
  return attachment.server == config_.self && attachment.incarnation == incarnation_;
}

void Clients::set_origin(entry::Entry& entry) {
  entry::Origin* origin = entry.mutable_origin();
  origin->set_server(config_.self.value());
  origin->set_incarnation(incarnation_.value());
  origin->set_forward_number(++forward_number_);
}

}  // namespace topod::zab
