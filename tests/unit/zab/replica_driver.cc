#include "tests/unit/zab/replica_driver.h"

#include <algorithm>

#include "proto/check.h"
#include "proto/frame.h"

namespace topod::zab {

namespace {

std::string jute(const auto& record) {
  std::string bytes;
  JuteWriter out(bytes);
  record.write(out);
  return bytes;
}

}  // namespace

ReplicaConfig ReplicaDriver::default_config() {
  ReplicaConfig config;
  config.self = ServerId(1);
  config.instance = {1};
  config.fresh_ensemble = EnsembleId(7);
  config.tick_ms = 1'000;
  config.min_session_timeout_ms = 2'000;
  config.max_session_timeout_ms = 20'000;
  return config;
}

ReplicaDriver::ReplicaDriver(ReplicaConfig config) : config_(std::move(config)) {
  start();
  flush();
}

void ReplicaDriver::start() {
  replica_.emplace(config_, state::State::initial(), Incarnation(++runs_));
  Restored restored;
  Promises& promises = restored.promises;
  for (const LogRecord& record : log) {
    switch (record.kind) {
      case LogRecordKind::kTransaction: CHECK(replica_->replay(record.zxid, record.payload)); break;
      case LogRecordKind::kAcceptedEpoch:
        promises.accepted_epoch = Epoch(static_cast<uint32_t>(record.number));
        break;
      case LogRecordKind::kCurrentEpoch:
        promises.current_epoch = Epoch(static_cast<uint32_t>(record.number));
        break;
      case LogRecordKind::kFounding:
        CHECK(promises.founding.ParseFromString(record.payload));
        break;
      default: CHECK(false);
    }
  }
  first_of_run_ = log.size();
  replica_->prepare(std::move(restored));
  replica_->start(now_);
  end_turn();
}

void ReplicaDriver::restart() {
  log.resize(durable_);
  sent_.clear();
  closed_.clear();
  start();
  flush();
}

void ReplicaDriver::end_turn() {
  Output& output = replica_->output();
  for (const Append& append : output.append) {
    log.push_back({append.kind, append.zxid, append.number, std::string(append.payload)});
  }
  std::vector<ConnectionId> gone;
  for (const ClientOutput& client : output.clients) {
    sent_[client.connection] += *client.bytes;
    client.bytes->clear();
    if (client.close != CloseReason::kNone) {
      closed_[client.connection] = client.close;
      gone.push_back(client.connection);
    }
  }
  replica_->finish_turn();
  for (const ConnectionId id : gone) replica_->connection_closed(id);
}

void ReplicaDriver::flush() {
  while (unflushed() > 0) flush_some(unflushed());
}

void ReplicaDriver::flush_some(size_t count) {
  durable_ += count;
  CHECK(durable_ <= log.size());
  replica_->durable(durable_ - first_of_run_, now_);
  end_turn();
}

void ReplicaDriver::advance(int64_t ms) {
  constexpr int64_t kStepMs = 100;
  for (int64_t done = 0; done < ms; done += kStepMs) {
    now_.monotonic_us += kStepMs * 1000;
    now_.wall_ms += kStepMs;
    replica_->tick(now_);
    end_turn();
  }
}

void ReplicaDriver::jump(int64_t ms) {
  now_.monotonic_us += ms * 1000;
  now_.wall_ms += ms;
  replica_->tick(now_);
  end_turn();
}

void ReplicaDriver::set_no_log_space(bool none) { replica_->set_no_log_space(none); }

ConnectionId ReplicaDriver::open(std::string address) {
  const ConnectionId id(++last_connection_);
  state::Secret secret{};
  secret.fill(static_cast<uint8_t>(id.value()));
  replica_->open_connection(id, address, secret, now_);
  return id;
}

void ReplicaDriver::drop(ConnectionId id) {
  replica_->connection_closed(id);
  end_turn();
}

ConnectionId ReplicaDriver::connect(int32_t timeout_ms) {
  const ConnectionId id = open();
  send_connect(id, 0, {}, 0, timeout_ms);
  flush();
  const auto response = next_connect_response(id);
  CHECK(response && response->session != 0);
  return id;
}

void ReplicaDriver::send(ConnectionId id, const std::string& frame) {
  replica_->frame(id, frame, now_);
  end_turn();
}

void ReplicaDriver::send_connect(ConnectionId id, int64_t session, std::string password,
                                 int64_t last_zxid, int32_t timeout_ms) {
  ConnectRequest request;
  request.session = session;
  request.password = password;
  request.last_zxid_seen = last_zxid;
  request.timeout_ms = timeout_ms;
  request.has_read_only = true;
  send(id, jute(request));
}

void ReplicaDriver::request(ConnectionId id, int32_t xid, OpCode op, const std::string& body) {
  send(id, jute(RequestHeader{xid, static_cast<int32_t>(op)}) + body);
}

void ReplicaDriver::create(ConnectionId id, int32_t xid, const std::string& path, CreateMode mode) {
  CreateRequest create;
  create.path = path;
  create.data = "data";
  create.acl = {{kPermAll, "world", "anyone"}};
  create.flags = static_cast<int32_t>(mode);
  std::string body;
  JuteWriter out(body);
  create.write(out, false);
  request(id, xid, OpCode::kCreate, body);
}

void ReplicaDriver::set_data(ConnectionId id, int32_t xid, const std::string& path,
                             const std::string& data) {
  request(id, xid, OpCode::kSetData, jute(SetDataRequest{path, data, kAnyVersion}));
}

void ReplicaDriver::get_data(ConnectionId id, int32_t xid, const std::string& path, bool watch) {
  request(id, xid, OpCode::kGetData, jute(PathWatchRequest{path, watch}));
}

void ReplicaDriver::exists(ConnectionId id, int32_t xid, const std::string& path, bool watch) {
  request(id, xid, OpCode::kExists, jute(PathWatchRequest{path, watch}));
}

void ReplicaDriver::authenticate(ConnectionId id, int32_t xid, const std::string& scheme,
                                 const std::string& auth) {
  request(id, xid, OpCode::kAuth, jute(AuthRequest{0, scheme, auth}));
}

std::optional<std::string> ReplicaDriver::next_frame(ConnectionId id) {
  std::string& bytes = sent_[id];
  if (bytes.empty()) return std::nullopt;
  JuteReader reader(bytes);
  const auto length = static_cast<size_t>(reader.read_int());
  CHECK(reader.ok() && reader.remaining() >= length);
  std::string frame(reader.rest().substr(0, length));
  bytes.erase(0, kFrameHeaderBytes + length);
  return frame;
}

std::optional<ReplicaDriver::Reply> ReplicaDriver::next_reply(ConnectionId id) {
  const auto frame = next_frame(id);
  if (!frame) return std::nullopt;
  JuteReader reader(*frame);
  ReplyHeader header;
  header.read(reader);
  CHECK(reader.ok());
  return Reply{header.xid, header.zxid, header.error, std::string(reader.rest())};
}

std::optional<ConnectResponse> ReplicaDriver::next_connect_response(ConnectionId id) {
  const auto frame = next_frame(id);
  if (!frame) return std::nullopt;
  JuteReader reader(*frame);
  ConnectResponse response;
  response.read(reader);
  CHECK(reader.ok());
  password_ = response.password;
  response.password = password_;
  return response;
}

std::vector<int32_t> ReplicaDriver::xids(ConnectionId id) {
  std::vector<int32_t> result;
  while (const auto reply = next_reply(id)) result.push_back(reply->xid);
  return result;
}

CloseReason ReplicaDriver::closed(ConnectionId id) const {
  const auto it = closed_.find(id);
  return it == closed_.end() ? CloseReason::kNone : it->second;
}

SessionId ReplicaDriver::session(ConnectionId id) const {
  const Connection* connection = replica_->clients().find(id);
  CHECK(connection != nullptr);
  return connection->session;
}

std::string ReplicaDriver::password(ConnectionId id) const {
  return std::string(kPasswordBytes, static_cast<char>(id.value()));
}

}  // namespace topod::zab
