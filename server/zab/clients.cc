#include "server/zab/clients.h"

#include <algorithm>

#include "proto/check.h"

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
    case Connection::Phase::kAwaitingConnect: connect_request(*connection, bytes, now); break;
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
  ordered_.erase(id);
  connections_.erase(id);
}

void Clients::applied(const entry::Entry& entry, Zxid zxid, const state::Effects& effects,
                      Moment now) {
  now_ = now;
  if (!effects.events.empty() && !watches_.empty()) send_events(zxid, effects);
  switch (entry.kind_case()) {
    case entry::Entry::kWrite: answer_write(entry, effects); break;
    case entry::Entry::kCloseSession:
      answer_write(entry, effects);
      session_closed(effects);
      break;
    case entry::Entry::kCreateSession: session_created(entry, effects); break;
    case entry::Entry::kAttach: session_attached(entry, effects); break;
    case entry::Entry::kExpireSession: session_closed(effects); break;
    default: break;
  }
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
