#include "tests/unit/zab/ensemble_driver.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/check.h"
#include "proto/frame.h"
#include "server/zab/invariants.h"

namespace topod::zab {

namespace {

constexpr int64_t kTickUs = 10'000;
constexpr int kStepsMax = 200'000;

std::string jute(const auto& record) {
  std::string bytes;
  JuteWriter out(bytes);
  record.write(out);
  return bytes;
}

std::pair<int, int> ordered(int a, int b) { return {std::min(a, b), std::max(a, b)}; }

}  // namespace

EnsembleDriver::EnsembleDriver(Options options) : options_(options) {
  const int count = options.voters + options.observers;
  std::vector<PeerConfig> peers;
  for (int id = 1; id <= count; ++id) {
    PeerConfig peer;
    peer.id = ServerId(static_cast<uint32_t>(id));
    peer.observer = id > options.voters;
    peers.push_back(peer);
  }
  members_.resize(static_cast<size_t>(count));
  for (int id = 1; id <= count; ++id) {
    ReplicaConfig& config = at(id).config;
    config.self = ServerId(static_cast<uint32_t>(id));
    config.members = peers;
    config.instance = {static_cast<uint8_t>(id), 1};
    config.fresh_ensemble = EnsembleId(static_cast<uint64_t>(100 + id));
    config.tick_ms = static_cast<int32_t>(options.tick_ms);
    config.init_limit_ms = options.tick_ms * 10;
    config.sync_limit_ms = options.tick_ms * 5;
    config.min_session_timeout_ms = static_cast<int32_t>(options.tick_ms * 2);
    config.max_session_timeout_ms = 60'000;
    config.failover_hold_ms = 2'000;
    config.read_only_enabled = options.read_only;
  }
}

Moment EnsembleDriver::now() const { return {now_us_, 1'700'000'000'000 + now_us_ / 1000}; }

// ---- members --------------------------------------------------------------------------------

std::vector<LogRecord> EnsembleDriver::transactions(Member& member, size_t records) {
  std::vector<LogRecord> all;
  std::optional<std::vector<LogRecord>> before_pending;
  for (size_t i = 0; i < records; ++i) {
    const LogRecord& record = member.log[i];
    switch (record.kind) {
      case LogRecordKind::kTransaction: all.push_back(record); break;
      case LogRecordKind::kTruncate:
        if (before_pending) all = std::move(*before_pending);
        before_pending.reset();
        std::erase_if(all, [&](const LogRecord& one) { return one.zxid > record.zxid; });
        break;
      case LogRecordKind::kSnapshot:
        before_pending = std::move(all);
        all = member.generations.at(record.number);
        break;
      case LogRecordKind::kCurrentEpoch: before_pending.reset(); break;
      default: break;
    }
  }
  return before_pending ? std::move(*before_pending) : all;
}

void EnsembleDriver::start(int id) {
  Member& member = at(id);
  CHECK(member.replica == nullptr);
  ++member.run;
  member.replica =
      std::make_unique<Replica>(member.config, state::State::initial(),
                                Incarnation(static_cast<uint64_t>(id) * 1'000 + member.run));
  Restored restored;
  Zxid committed;
  bool installing = false;
  for (const LogRecord& record : member.log) {
    switch (record.kind) {
      case LogRecordKind::kAcceptedEpoch:
        restored.promises.accepted_epoch = Epoch(static_cast<uint32_t>(record.number));
        break;
      case LogRecordKind::kCurrentEpoch:
        restored.promises.current_epoch = Epoch(static_cast<uint32_t>(record.number));
        if (std::exchange(installing, false)) restored.diverged = false;
        break;
      case LogRecordKind::kSnapshot: installing = true; break;
      case LogRecordKind::kTruncate: installing = false; break;
      case LogRecordKind::kDiverged: restored.diverged = true; break;
      case LogRecordKind::kFounding:
        CHECK(restored.promises.founding.ParseFromString(record.payload));
        break;
      case LogRecordKind::kCommitted: committed = std::max(committed, record.zxid); break;
      default: break;
    }
  }
  const std::vector<LogRecord> all = transactions(member, member.log.size());
  size_t next = 0;
  for (; next < all.size() && all[next].zxid <= committed; ++next) {
    const LogRecord& record = all[next];
    CHECK(member.replica->replay(record.zxid, record.payload));
    const Epoch epoch = epoch_of(record.zxid);
    if (restored.epoch_ends.empty() || restored.epoch_ends.back().epoch != epoch) {
      restored.epoch_ends.push_back({epoch, 0});
    }
    restored.epoch_ends.back().counter = counter_of(record.zxid);
  }
  member.replica->prepare(std::move(restored));
  for (; next < all.size(); ++next) {
    member.replica->restore(all[next].zxid, Zxid(static_cast<int64_t>(all[next].number)),
                            all[next].payload);
  }
  member.durable = member.first_of_run = member.log.size();
  member.replica->start(now());
  end_turn(id);
  for (int other = 1; other <= size(); ++other) {
    if (other != id && is_up(other) && !cut_[ordered(id, other)]) link(id, other);
  }
}

void EnsembleDriver::start_all() {
  for (int id = 1; id <= size(); ++id) start(id);
}

void EnsembleDriver::crash(int id, Unflushed unflushed) {
  Member& member = at(id);
  member.replica.reset();
  if (unflushed == Unflushed::kLost) member.log.resize(member.durable);
  for (Client& client : clients_) client.closed |= client.member == id;
  for (int other = 1; other <= size(); ++other) {
    if (other != id) unlink(id, other);
  }
}

void EnsembleDriver::wipe(int id) {
  Member& member = at(id);
  CHECK(member.replica == nullptr);
  member.log.clear();
  member.generations.clear();
  ++member.config.instance[1];
}

void EnsembleDriver::forget_last(int id) {
  Member& member = at(id);
  CHECK(member.replica == nullptr);
  const auto last = std::find_if(member.log.rbegin(), member.log.rend(), [](const auto& record) {
    return record.kind == LogRecordKind::kTransaction;
  });
  CHECK(last != member.log.rend());
  member.log.erase(std::next(last).base(), member.log.end());
  member.durable = member.log.size();
}

void EnsembleDriver::append_to_log(int id, LogRecord record) {
  CHECK(!is_up(id));
  at(id).log.push_back(std::move(record));
}

int EnsembleDriver::leader() {
  for (int id = 1; id <= size(); ++id) {
    if (is_up(id) && replica(id).leading() != nullptr && replica(id).serving()) return id;
  }
  return 0;
}

// ---- links ----------------------------------------------------------------------------------

void EnsembleDriver::link(int a, int b) {
  const auto key = ordered(a, b);
  if (links_.contains(key) || !is_up(a) || !is_up(b)) return;
  Link& link = links_[key];
  link.at_a = LinkId(++last_link_);
  link.at_b = LinkId(++last_link_);
  const auto tell = [&](int to, int from, LinkId id) {
    replica(to).peer_connected(id, at(from).config.self, at(from).config.instance,
                               state::kFeatureLevel, now());
  };
  tell(key.first, key.second, link.at_a);
  end_turn(key.first);
  if (!links_.contains(key)) return;
  tell(key.second, key.first, link.at_b);
  end_turn(key.second);
}

void EnsembleDriver::unlink(int a, int b) {
  const auto key = ordered(a, b);
  const auto found = links_.find(key);
  if (found == links_.end()) return;
  const Link link = found->second;
  links_.erase(found);
  wires_[{a, b}].clear();
  wires_[{b, a}].clear();
  if (is_up(key.first)) {
    replica(key.first).peer_disconnected(link.at_a, now());
    end_turn(key.first);
  }
  if (is_up(key.second)) {
    replica(key.second).peer_disconnected(link.at_b, now());
    end_turn(key.second);
  }
}

void EnsembleDriver::cut(int a, int b) {
  cut_[ordered(a, b)] = true;
  unlink(a, b);
}

void EnsembleDriver::heal(int a, int b) {
  cut_[ordered(a, b)] = false;
  link(a, b);
}

void EnsembleDriver::isolate(int member) {
  for (int other = 1; other <= size(); ++other) {
    if (other != member) cut(member, other);
  }
}

void EnsembleDriver::rejoin(int member) {
  for (int other = 1; other <= size(); ++other) {
    if (other != member) heal(member, other);
  }
}

int EnsembleDriver::peer_of(int member, LinkId id) {
  for (const auto& [key, link] : links_) {
    if (key.first == member && link.at_a == id) return key.second;
    if (key.second == member && link.at_b == id) return key.first;
  }
  return 0;
}

// ---- turns ----------------------------------------------------------------------------------

void EnsembleDriver::end_turn(int id) {
  Member& member = at(id);
  Output& output = member.replica->output();
  for (const Append& append : output.append) {
    member.log.push_back({append.kind, append.zxid, append.number, std::string(append.payload)});
  }
  carry_out_for_peers(id, output);
  member.put_aside += output.keeps_replaced_tree ? 1 : 0;
  member.replica->changes().clear();
  deliver_to_clients(id, output);
  const std::vector<HistoryRead> reads = output.reads;
  const std::vector<SnapshotSend> snapshots = output.snapshots;
  const std::vector<PeerClose> closed = output.peers_closed;
  member.replica->finish_turn();
  const std::string violated = violated_invariant(*member.replica);
  CHECK_MSG(violated.empty(), violated.c_str());
  for (const HistoryRead& read : reads) read_history(id, read);
  for (const SnapshotSend& snapshot : snapshots) send_snapshot(id, snapshot.link);
  for (const PeerClose& one : closed) {
    const int other = peer_of(id, one.link);
    if (other != 0) unlink(id, other);
  }
}

void EnsembleDriver::carry_out_for_peers(int id, Output& output) {
  for (const PeerSend& send : output.peers) {
    const std::string bytes = send.message.SerializeAsString();
    for (const LinkId link : send.links) {
      const int other = peer_of(id, link);
      if (other != 0) wires_[{id, other}].push_back({bytes});
    }
  }
}

void EnsembleDriver::deliver_to_clients(int id, Output& output) {
  std::vector<ConnectionId> gone;
  for (const ClientOutput& out : output.clients) {
    for (Client& client : clients_) {
      if (client.member != id || client.connection != out.connection) continue;
      client.received += *out.bytes;
      parse(client);
      if (out.close == CloseReason::kNone) continue;
      client.closed = true;
      client.reason = out.close;
    }
    out.bytes->clear();
    if (out.close != CloseReason::kNone) gone.push_back(out.connection);
  }
  for (const ConnectionId connection : gone) at(id).replica->connection_closed(connection);
}

void EnsembleDriver::read_history(int id, const HistoryRead& read) {
  Member& member = at(id);
  const std::vector<LogRecord> all = transactions(member, member.durable);
  std::vector<HistoryEntry> entries;
  const size_t first =
      all.size() > options_.readable_transactions ? all.size() - options_.readable_transactions : 0;
  const bool gone = first > 0 && all[first - 1].zxid > read.after;
  size_t bytes = 0;
  for (const LogRecord& record : all) {
    if (gone || record.zxid <= read.after || record.zxid > read.through) continue;
    if (bytes > read.max_bytes) break;
    bytes += record.payload.size();
    entries.push_back({record.zxid, Zxid(static_cast<int64_t>(record.number)), record.payload});
  }
  member.replica->history_read(read.link, std::move(entries), gone, now());
  end_turn(id);
}

// The tree travels as the transactions that made it.
void EnsembleDriver::send_snapshot(int id, LinkId link) {
  const int other = peer_of(id, link);
  if (other == 0) return;
  const Zxid applied = replica(id).state().applied;
  std::vector<LogRecord> tree = transactions(at(id), at(id).durable);
  std::erase_if(tree, [&](const LogRecord& record) { return record.zxid > applied; });
  Member& receiver = at(other);
  receiver.generations[++receiver.last_generation] = std::move(tree);
  peer::Message begin;
  begin.mutable_snapshot_begin()->set_zxid(applied.value());
  wires_[{id, other}].push_back({begin.SerializeAsString()});
  const Snapshot snapshot{link, receiver.last_generation, applied};
  if (at(id).holds_snapshots) {
    at(id).unfinished.push_back(snapshot);
  } else {
    end_snapshot(id, snapshot);
  }
}

void EnsembleDriver::end_snapshot(int id, const Snapshot& snapshot) {
  const int other = peer_of(id, snapshot.link);
  if (other == 0) return;
  peer::Message end;
  end.mutable_snapshot_end()->set_chunks(snapshot.generation);
  wires_[{id, other}].push_back({end.SerializeAsString()});
  replica(id).snapshot_sent(snapshot.link, snapshot.zxid, true, now());
  end_turn(id);
}

void EnsembleDriver::hold_snapshots(int id, bool hold) {
  at(id).holds_snapshots = hold;
  for (const Snapshot& snapshot : std::exchange(at(id).unfinished, {})) end_snapshot(id, snapshot);
}

bool EnsembleDriver::deliver(int from, int to) {
  std::deque<Message>& wire = wires_[{from, to}];
  if (wire.empty()) return false;
  peer::Message message;
  CHECK(message.ParseFromString(wire.front().bytes));
  if (filter_ && !filter_(from, to, message)) return false;
  wire.pop_front();
  ++delivered_;
  const auto key = ordered(from, to);
  const auto link = links_.find(key);
  CHECK(link != links_.end());
  const LinkId id = to == key.first ? link->second.at_a : link->second.at_b;
  bool fine = true;
  if (message.kind_case() == peer::Message::kSnapshotEnd) {
    const uint64_t generation = message.snapshot_end().chunks();
    auto state = std::make_unique<state::State>(state::State::initial());
    state::Effects effects;
    for (const LogRecord& record : at(to).generations.at(generation)) {
      entry::Entry entry;
      CHECK(entry.ParseFromString(record.payload));
      state::evaluate(*state, record.zxid, entry, effects);
    }
    const Zxid zxid = state->applied;
    (void)replica(to).snapshot_received(id, {std::move(state), zxid, generation, "digest"}, now());
  } else {
    fine = replica(to).peer_message(id, message, now());
  }
  end_turn(to);
  if (fine) return true;
  CHECK_MSG(expects_nonsense_, ("nonsense: " + message.ShortDebugString()).c_str());
  ++nonsense_;
  unlink(from, to);
  return true;
}

void EnsembleDriver::flush(int id) {
  Member& member = at(id);
  if (member.replica == nullptr || member.durable == member.log.size()) return;
  member.durable = member.log.size();
  member.replica->durable(member.durable - member.first_of_run, now());
  end_turn(id);
}

bool EnsembleDriver::step() {
  for (int from = 1; from <= size(); ++from) {
    for (int to = 1; to <= size(); ++to) {
      if (deliver(from, to)) return true;
    }
  }
  for (int id = 1; id <= size(); ++id) {
    Member& member = at(id);
    if (member.replica == nullptr || member.holds_flushes) continue;
    if (member.durable < member.log.size()) {
      flush(id);
      return true;
    }
  }
  return false;
}

void EnsembleDriver::run() {
  for (int steps = 0; step(); ++steps) CHECK_MSG(steps < kStepsMax, "it never comes to rest");
}

void EnsembleDriver::advance(int64_t ms) {
  const int64_t end_us = now_us_ + ms * 1000;
  run();
  while (now_us_ < end_us) {
    now_us_ += kTickUs;
    for (const auto& [key, is_cut] : cut_) {
      if (!is_cut) link(key.first, key.second);
    }
    for (int a = 1; a <= size(); ++a) {
      for (int b = a + 1; b <= size(); ++b) {
        if (!cut_[{a, b}]) link(a, b);
      }
    }
    for (int id = 1; id <= size(); ++id) {
      if (!is_up(id)) continue;
      replica(id).tick(now());
      end_turn(id);
    }
    run();
  }
}

bool EnsembleDriver::await(const std::function<bool()>& condition, int64_t ms) {
  run();
  for (int64_t waited = 0; waited <= ms; waited += kTickUs / 1000) {
    if (condition()) return true;
    advance(kTickUs / 1000);
  }
  return condition();
}

bool EnsembleDriver::await_agreement(int64_t ms) {
  return await(
      [&] {
        const Replica* first = nullptr;
        for (int id = 1; id <= size(); ++id) {
          if (!is_up(id)) continue;
          if (!replica(id).serving()) return false;
          if (first == nullptr) first = &replica(id);
          if (replica(id).state().applied != first->state().applied) return false;
          if (!(replica(id).state().digest == first->state().digest)) return false;
        }
        return first != nullptr;
      },
      ms);
}

// ---- clients --------------------------------------------------------------------------------

EnsembleDriver::Client& EnsembleDriver::open(int member) {
  Client& client = clients_.emplace_back();
  client.member = member;
  client.connection = ConnectionId(++last_connection_);
  state::Secret secret{};
  secret[0] = static_cast<uint8_t>(last_connection_);
  replica(member).open_connection(client.connection, "127.0.0.1", secret, now());
  return client;
}

EnsembleDriver::Client& EnsembleDriver::connect(int member, int32_t timeout_ms) {
  Client& client = open(member);
  ConnectRequest request;
  request.timeout_ms = timeout_ms;
  request.password = std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", kPasswordBytes);
  request.has_read_only = true;
  replica(member).frame(client.connection, jute(request), now());
  end_turn(member);
  return client;
}

EnsembleDriver::Client& EnsembleDriver::connect_read_only(int member, Zxid last_seen) {
  Client& client = open(member);
  ConnectRequest request;
  request.last_zxid_seen = last_seen.value();
  request.timeout_ms = 10'000;
  request.password = std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", kPasswordBytes);
  request.has_read_only = true;
  request.read_only = true;
  replica(member).frame(client.connection, jute(request), now());
  end_turn(member);
  return client;
}

EnsembleDriver::Client& EnsembleDriver::reconnect(int member, const Client& before,
                                                  int32_t timeout_ms, bool read_only) {
  const SessionId session = before.session;
  const std::string password = before.password;
  Client& client = open(member);
  ConnectRequest request;
  request.timeout_ms = timeout_ms;
  request.session = session.value();
  request.password = password;
  request.has_read_only = true;
  request.read_only = read_only;
  replica(member).frame(client.connection, jute(request), now());
  end_turn(member);
  return client;
}

void EnsembleDriver::request(Client& client, int32_t xid, OpCode op, const std::string& body) {
  std::string frame;
  JuteWriter out(frame);
  RequestHeader{xid, static_cast<int32_t>(op)}.write(out);
  frame += body;
  replica(client.member).frame(client.connection, frame, now());
  end_turn(client.member);
}

void EnsembleDriver::create(Client& client, int32_t xid, const std::string& path, CreateMode mode,
                            const std::string& data) {
  CreateRequest create;
  create.path = path;
  create.data = std::string_view(data);
  create.acl = {{kPermAll, "world", "anyone"}};
  create.flags = static_cast<int32_t>(mode);
  std::string body;
  JuteWriter out(body);
  create.write(out, false);
  request(client, xid, OpCode::kCreate, body);
}

void EnsembleDriver::sync(Client& client, int32_t xid) {
  PathRequest sync;
  sync.path = "/";
  request(client, xid, OpCode::kSync, jute(sync));
}

void EnsembleDriver::drop(Client& client) {
  client.closed = true;
  replica(client.member).connection_closed(client.connection);
}

bool EnsembleDriver::has(int member, const std::string& path) {
  return replica(member).state().tree.find(path) != state::kNoNode;
}

void EnsembleDriver::parse(Client& client) {
  while (client.received.size() >= sizeof(int32_t)) {
    JuteReader length(client.received);
    const auto bytes = static_cast<size_t>(length.read_int());
    if (client.received.size() < sizeof(int32_t) + bytes) return;
    const std::string frame = client.received.substr(sizeof(int32_t), bytes);
    client.received.erase(0, sizeof(int32_t) + bytes);
    JuteReader in(frame);
    if (!client.connected) {
      ConnectResponse response;
      response.read(in);
      client.connected = response.session != 0;
      client.refused = response.session == 0;
      client.session = SessionId(response.session);
      client.password = std::string(response.password);
      continue;
    }
    ReplyHeader header;
    header.read(in);
    client.answers.push_back({header.xid, header.zxid, header.error, std::string(in.rest())});
  }
}

}  // namespace topod::zab
