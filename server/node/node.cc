#include "server/node/node.h"

#include <algorithm>

namespace topod::node {

namespace {
// Resuming a connection may bring requests that were read before; so many rounds of them belong
// to one turn.
constexpr int kResumeRoundsMax = 4;
}  // namespace

Node::Node(NodeLimits limits, zab::Replica& replica, ClientNet& net, LogStore& log, TreeStore& tree,
           const Clock& clock, Entropy& entropy)
    : limits_(limits),
      replica_(replica),
      net_(net),
      log_(log),
      tree_(tree),
      clock_(clock),
      entropy_(entropy) {}

zab::Moment Node::now() {
  if (!turn_began_) turn_began_ = clock_.now();
  return *turn_began_;
}

void Node::client_opened(ConnectionId id, std::string_view address, uint16_t) {
  state::Secret secret;
  entropy_.fill(secret);
  replica_.open_connection(id, address, secret, now());
  if (meters_ != nullptr) meters_->load.opened(id, address, now().monotonic_ms());
}

bool Node::client_frame(ConnectionId id, std::string_view frame) {
  if (meters_ != nullptr && meters_->load.takes_next()) {
    meters_->load.request(id, frame, now().monotonic_ms());
  }
  replica_.frame(id, frame, now());
  if (may_read(id)) return true;
  paused_.push_back(id);
  return false;
}

bool Node::may_read(ConnectionId id) const {
  const zab::Clients& clients = replica_.clients();
  const zab::Connection* connection = clients.find(id);
  if (connection == nullptr) return false;
  // Replies of this turn: a handful of requests can ask for any number of megabytes.
  if (connection->out.size() > limits::kUnsentPauseBytes) return false;
  if (connection->waiting >= limits::kMaxWaitingPerConnection) return false;
  const size_t mine = connection->pending.size();
  if (mine >= limits_.max_outstanding_per_connection) return false;
  // One request in flight is always granted, so that nobody starves behind the others.
  if (mine == 0) return true;
  return clients.outstanding_total() < limits_.max_outstanding_total &&
         clients.outstanding_bytes() + log_.queued_bytes() < limits_.max_outstanding_bytes &&
         tree_.gathered_bytes() < limits::kMaxGatheredBytes;
}

void Node::client_closed(ConnectionId id, std::string_view reason) {
  if (!reason.empty()) {
    const zab::Connection* connection = replica_.clients().find(id);
    client_log_.log(now().monotonic_ms(), LogLevel::kWarn, "closed connection",
                    {{"reason", reason},
                     {"peer", connection == nullptr ? std::string("gone") : connection->address},
                     {"connection", id.value()}});
  }
  replica_.connection_closed(id);
  if (meters_ != nullptr) meters_->load.closed(id);
}

void Node::client_drained(ConnectionId id) {
  if (may_read(id)) {
    net_.resume_reading(id);
  } else {
    paused_.push_back(id);
  }
}

bool Node::has_session(ConnectionId id) const {
  const zab::Connection* connection = replica_.clients().find(id);
  return connection != nullptr && connection->session != SessionId{};
}

void Node::connection_rejected(std::string_view address, uint16_t port, std::string_view limit) {
  ++rejections_.try_emplace(std::string(limit)).first->second;
  client_log_.log(now().monotonic_ms(), LogLevel::kWarn, "refused connection",
                  {{"limit", limit}, {"peer", address}, {"port", port}});
}

WordAnswer Node::four_letter_word(std::string_view word, std::string_view argument) {
  return administrator_ == nullptr ? WordAnswer{} : administrator_->answer(word, argument);
}

void Node::peer_connected(LinkId link, const PeerIdentity& peer) {
  replica_.peer_connected(link, peer.server, peer.instance, peer.feature_level, now());
}

bool Node::peer_frame(LinkId link, std::string_view bytes) {
  if (!received_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  switch (received_.kind_case()) {
    case peer::Message::kSnapshotBegin:
      // The replica says whether it waits for one, the store does the work.
      return replica_.peer_message(link, received_, now()) && snapshots_->receive(link, received_);
    case peer::Message::kSnapshotChunk:
    case peer::Message::kSnapshotEnd:
    case peer::Message::kSnapshotProgress: return snapshots_->receive(link, received_);
    default: return replica_.peer_message(link, received_, now());
  }
}

void Node::peer_disconnected(LinkId link) {
  replica_.peer_disconnected(link, now());
  if (!replica_.is_installing(link)) snapshots_->cancel(link);
}

void Node::history_read(LinkId link, std::vector<zab::HistoryEntry> entries, bool gone) {
  replica_.history_read(link, std::move(entries), gone, now());
}

void Node::snapshot_sent(LinkId link, Zxid zxid, bool ok) {
  replica_.snapshot_sent(link, zxid, ok, now());
}

void Node::snapshot_received(LinkId link, zab::ReceivedSnapshot snapshot) {
  if (!replica_.snapshot_received(link, std::move(snapshot), now())) snapshots_->cancel(link);
}

void Node::log_durable(uint64_t record_number) { replica_.durable(record_number, now()); }

void Node::tick() {
  replica_.tick(now());
  client_log_.tick(now().monotonic_ms());
}

bool Node::end_turn() {
  for (int round = 0; round < kResumeRoundsMax; ++round) {
    carry_out();
    if (paused_.empty()) break;
    resume_paused();
  }
  carry_out();
  turn_began_.reset();
  return std::any_of(paused_.begin(), paused_.end(), [&](ConnectionId id) { return may_read(id); });
}

void Node::carry_out() {
  zab::Output& output = replica_.output();
  if (!output.append.empty()) {
    for (const zab::Append& record : output.append) log_.add(record);
    log_.submit();
  }
  if (peers_ != nullptr) carry_out_for_peers(output);
  state::Changes& changes = replica_.changes();
  if (!changes.empty()) {
    tree_.collect(replica_.state(), changes);
    if (meters_ != nullptr) {
      meters_->locks.changed(replica_.state(), changes.nodes,
                             replica_.role() == zab::Role::kLeading, now().monotonic_us);
    }
    changes.clear();
  }
  send_to_clients(output);
  replica_.finish_turn();
}

void Node::carry_out_for_peers(zab::Output& output) {
  for (const zab::PeerSend& send : output.peers) {
    sent_.clear();
    send.message.AppendToString(&sent_);
    for (const LinkId link : send.links) peers_->send(link, sent_);
  }
  for (const zab::HistoryRead& read : output.reads) log_.read_history(read);
  for (const zab::SnapshotSend& snapshot : output.snapshots) snapshots_->send(snapshot.link);
  if (output.installed_generation != 0) {
    tree_.switch_generation(output.installed_generation, output.keeps_replaced_tree
                                                             ? ReplacedTree::kPutAside
                                                             : ReplacedTree::kRemoved);
    if (meters_ != nullptr) meters_->locks.restart(replica_.state(), now().monotonic_us);
  }
  for (const zab::PeerClose& closed : output.peers_closed) {
    peers_->close(closed.link, closed.reason);
  }
}

void Node::send_to_clients(zab::Output& output) {
  for (const zab::ClientOutput& client : output.clients) {
    net_.send(client.connection, *client.bytes);
    if (client.close == zab::CloseReason::kNone) continue;
    if (client.close != zab::CloseReason::kClosedByClient) {
      const zab::Connection* connection = replica_.clients().find(client.connection);
      client_log_.log(now().monotonic_ms(), LogLevel::kInfo, "closing connection",
                      {{"reason", zab::name_of(client.close)},
                       {"peer", connection == nullptr ? std::string("gone") : connection->address},
                       {"connection", client.connection.value()}});
    }
    net_.close_after_sending(client.connection);
  }
}

void Node::resume_paused() {
  std::vector<ConnectionId> paused;
  paused.swap(paused_);
  for (const ConnectionId id : paused) {
    if (replica_.clients().find(id) == nullptr) continue;
    if (may_read(id)) {
      net_.resume_reading(id);
    } else {
      paused_.push_back(id);
    }
  }
}

bool Node::idle() const { return replica_.in_flight() == 0; }

}  // namespace topod::node
