#include "tests/scenario/one_node.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <ostream>
#include <set>
#include <utility>

#include <asio/executor_work_guard.hpp>

#include "proto/check.h"
#include "proto/frame.h"

namespace topod {

namespace {

constexpr const char* kLogDir = "/log";
constexpr int64_t kTickMs = 100;
constexpr std::chrono::seconds kCheckpointDeadline(30);

class TestClock final : public node::Clock {
 public:
  explicit TestClock(const zab::Moment& now) : now_(now) {}
  [[nodiscard]] zab::Moment now() const override { return now_; }

 private:
  const zab::Moment& now_;
};

// Never twice the same, over all runs.
class CountingEntropy final : public node::Entropy {
 public:
  void fill(std::span<uint8_t> bytes) override {
    ++count_;
    for (size_t index = 0; index < bytes.size(); ++index) {
      bytes[index] = static_cast<uint8_t>(count_ >> 8 * (index % 4));
    }
  }
  uint64_t next_number() { return ++count_; }

 private:
  uint64_t count_ = 0;
};

template <class Record, class... Extra>
Request request_of(OpCode op, const Record& record, Extra... extra) {
  Request request{op, {}};
  JuteWriter out(request.body);
  record.write(out, extra...);
  return request;
}

}  // namespace

// ---- what stands around the loop --------------------------------------------------------------

class OneNode::Net final : public node::ClientNet {
 public:
  explicit Net(std::map<ConnectionId, std::string>& bytes) : bytes_(bytes) {}

  void send(ConnectionId id, std::string& bytes) override {
    if (!closing.contains(id)) bytes_[id] += bytes;
    bytes.clear();
  }
  void close_after_sending(ConnectionId id) override { closing.insert(id); }
  void resume_reading(ConnectionId) override {}
  [[nodiscard]] size_t socket_count() const override { return 0; }
  [[nodiscard]] std::vector<node::ClientSocket> sockets() const override { return {}; }
  [[nodiscard]] const node::ClientPortFigures& port_figures() const override { return figures_; }

  std::set<ConnectionId> closing;  // by the node
  std::set<ConnectionId> gone;     // and the node has been told

 private:
  std::map<ConnectionId, std::string>& bytes_;
  node::ClientPortFigures figures_;
};

// Records that were submitted and are not durable.
class OneNode::LogQueue final : public node::LogStore {
 public:
  void add(const zab::Append& record) override {
    records.push_back({record.kind, record.zxid, record.number, std::string(record.payload)});
  }
  void submit() override {}
  void read_history(const zab::HistoryRead&) override {}  // there are no peers
  [[nodiscard]] size_t queued_bytes() const override { return 0; }
  [[nodiscard]] node::DurationFigures flush_times() const override { return {}; }

  std::deque<LogRecord> records;
  uint64_t durable = 0;  // of this run
};

zab::ReplicaConfig identified(zab::ReplicaConfig config,
                              const storage::DirectoryIdentity& identity) {
  config.instance = identity.instance;
  config.fresh_ensemble = identity.ensemble;
  return config;
}

// What lives as long as the process.
struct OneNode::Run {
  Run(OneNode& owner, node::OpenedData opened)
      : data(std::move(opened)),
        net(owner.bytes_),
        replica(identified(owner.replica_config, data.identity), std::move(*data.state),
                Incarnation(static_cast<CountingEntropy&>(*owner.entropy_).next_number())),
        tree(io, std::move(*data.store), data.generation, owner.config, data.identity,
             {.log_trimmable =
                  [this](storage::LogPosition keep) { disk_failed |= !log().trim(keep); },
              .no_space = [](bool) { CHECK_MSG(false, "no space for the tree"); },
              .fatal = [](const std::string& why) { CHECK_MSG(false, why.c_str()); }}),
        node({}, replica, net, queue, tree, *owner.clock_, *owner.entropy_) {}

  [[nodiscard]] storage::Log& log() const { return *data.log; }

  asio::io_context io;
  // It has something to wait for even while no thread has posted anything.
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
  node::OpenedData data;
  Net net;
  LogQueue queue;
  zab::Replica replica;
  node::TreeAdapter tree;
  node::Node node;
  bool no_log_space = false;
  bool disk_failed = false;
};

// ---- life ---------------------------------------------------------------------------------------

OneNode::OneNode(size_t segment_bytes) : segment_bytes_(segment_bytes) {
  CHECK(log_disk_.make_dir(kLogDir).has_value() && log_disk_.sync_dir("/").has_value());
  config.data_dir = folder_ / "data";
  config.log_dir = kLogDir;
  config.server_id = ServerId(1);
  config.map_bytes = size_t{1} << 30;
  config.log_retain_bytes = 0;
  config.checkpoint_interval_ms = 0;
  replica_config.self = ServerId(1);
  replica_config.tick_ms = 1'000;
  replica_config.min_session_timeout_ms = 2'000;
  replica_config.max_session_timeout_ms = 60'000;
  clock_ = std::make_unique<TestClock>(now_);
  entropy_ = std::make_unique<CountingEntropy>();
}

OneNode::~OneNode() = default;

node::Started<void> OneNode::try_start(bool discard_damaged) {
  CHECK(!running());
  auto data = node::open_data(config,
                              {.discard_damaged = discard_damaged,
                               .log_files = &log_disk_,
                               .segment_bytes = segment_bytes_},
                              *entropy_);
  if (!data) return tl::unexpected(data.error());
  auto run = std::make_unique<Run>(*this, std::move(*data));
  const auto replayed = node::replay_log(run->data, run->replica, run->tree);
  if (!replayed) return tl::unexpected(replayed.error());
  run_ = std::move(run);
  run_->tree.set_position(run_->log().end());
  run_->replica.start(now_);
  end_turn();
  flush();
  if (!running()) return node::startup_failure(node::kExitFailed, "the log's disk has failed");
  return {};
}

void OneNode::start() {
  const auto started = try_start();
  CHECK_MSG(started.has_value(), started.error().what.c_str());
  CHECK_MSG(run_->replica.serving() || run_->no_log_space, "it does not serve");
}

void OneNode::end_process() {
  run_.reset();
  bytes_.clear();
  unread_.clear();
}

void OneNode::crash() {
  end_process();
  log_disk_.restart();
}

void OneNode::kill() {
  end_process();
  log_disk_.restart_process();
}

void OneNode::stop() {
  flush();
  CHECK(run_->log().seal().has_value());
  run_->tree.stop(run_->replica);
  kill();
}

// ---- disk
// -----------------------------------------------------------------------------------------

std::string OneNode::tree_dir() const { return config.data_dir + "/tree.1"; }

std::unique_ptr<storage::Log> OneNode::open_log() {
  const auto dir = storage::DataDir::open_existing(storage::posix_file_system(), config.data_dir);
  CHECK(!running() && dir.has_value());
  auto log = storage::Log::open(log_disk_, kLogDir, {dir->identity().instance, config.server_id},
                                {.segment_bytes = segment_bytes_, .retain_bytes = 0}, std::nullopt);
  CHECK(log.has_value());
  return std::move(*log);
}

size_t OneNode::unflushed() const { return run_->queue.records.size(); }

void OneNode::flush() {
  while (running() && unflushed() > 0) {
    const uint64_t before = run_->queue.durable;
    flush_some(std::min<size_t>(unflushed(), limits::kMaxBatchRecords));
    if (running() && run_->queue.durable == before) return;  // no space
  }
  if (running()) prepare_log_space();
}

void OneNode::flush_some(size_t count) {
  const auto& queued = run_->queue.records;
  CHECK(count <= queued.size());
  storage::RecordBatch batch;
  for (size_t index = 0; index < count; ++index) {
    const LogRecord& record = queued[index];
    batch.add(record.kind, record.zxid, record.number, record.payload);
  }
  if (!run_->log().has_room(batch.bytes().size())) {
    prepare_log_space();
    if (!running() || run_->no_log_space) return;
  }
  const std::string_view piece = batch.bytes();
  const auto end = run_->log().append({&piece, 1});
  if (!end) {
    end_process();
    return;
  }
  run_->queue.records.erase(queued.begin(), queued.begin() + static_cast<std::ptrdiff_t>(count));
  run_->queue.durable += count;
  run_->node.log_durable(run_->queue.durable);
  run_->tree.set_position(*end);
  end_turn();
}

void OneNode::prepare_log_space() {
  constexpr size_t kStepBytes = size_t{1} << 20;
  while (true) {
    const auto ready = run_->log().prepare_spare(kStepBytes);
    if (!ready && !ready.error().no_space()) {
      end_process();
      return;
    }
    run_->no_log_space = !ready;
    run_->replica.set_no_log_space(run_->no_log_space);
    if (!ready || *ready) return;
  }
}

void OneNode::checkpoint() {
  const uint64_t before = run_->tree.checkpoint_times().count;
  if (run_->tree.gathered_bytes() == 0) return;
  run_->tree.checkpoint_if_due(run_->replica, now_.monotonic_ms());
  while (run_->tree.checkpoint_times().count == before) {
    CHECK(run_->io.run_one_for(kCheckpointDeadline) == 1);
  }
  if (run_->disk_failed) end_process();
}

void OneNode::end_turn() {
  // Connections that are closed are gone with the next turn.
  for (int turn = 0; turn < 2; ++turn) {
    run_->node.end_turn();
    for (const ConnectionId id : run_->net.closing) {
      if (run_->net.gone.insert(id).second) run_->node.client_closed(id, {});
    }
  }
}

// ---- time
// -----------------------------------------------------------------------------------------

void OneNode::tick() {
  run_->node.tick();
  end_turn();
}

void OneNode::advance(int64_t ms) {
  for (int64_t done = 0; done < ms; done += kTickMs) {
    now_.monotonic_us += kTickMs * 1000;
    now_.wall_ms += kTickMs;
    tick();
  }
}

// ---- clients
// --------------------------------------------------------------------------------------

ConnectionId OneNode::open() {
  const ConnectionId id(++last_connection_);
  run_->node.client_opened(id, "127.0.0.1", 1);
  return id;
}

void OneNode::send_connect(ConnectionId id, const SessionKey& key, int64_t last_zxid,
                           int32_t timeout_ms) {
  ConnectRequest request;
  request.session = key.id;
  request.password = key.password;
  request.last_zxid_seen = last_zxid;
  request.timeout_ms = timeout_ms;
  request.has_read_only = true;
  send_frame(id, request_of(OpCode::kError, request).body);
}

void OneNode::send_frame(ConnectionId id, const std::string& frame) {
  if (!run_->net.gone.contains(id)) run_->node.client_frame(id, frame);
  end_turn();
}

std::optional<SessionKey> OneNode::take_connect_answer(ConnectionId id) {
  const auto frame = take_frame(id);
  if (!frame) return std::nullopt;
  JuteReader reader(*frame);
  ConnectResponse response;
  response.read(reader);
  CHECK(reader.ok());
  const SessionKey key{response.session, std::string(response.password)};
  keys_[id] = key;
  return key;
}

ConnectionId OneNode::connect(int32_t timeout_ms) {
  const ConnectionId id = open();
  send_connect(id, {}, 0, timeout_ms);
  flush();
  const auto key = take_connect_answer(id);
  CHECK(key && key->id != 0);
  return id;
}

ConnectionId OneNode::reconnect(const SessionKey& key, int64_t last_zxid) {
  const ConnectionId id = open();
  send_connect(id, key, last_zxid);
  flush();
  const auto answer = take_connect_answer(id);
  CHECK(answer && answer->id == key.id);
  return id;
}

void OneNode::drop(ConnectionId id) {
  run_->net.closing.insert(id);
  end_turn();
}

bool OneNode::closed(ConnectionId id) const { return run_->net.closing.contains(id); }

int32_t OneNode::send(ConnectionId id, const Request& request) {
  const int32_t xid = ++last_xid_;
  send_frame(id, request_of(request.op, RequestHeader{xid, static_cast<int32_t>(request.op)}).body +
                     request.body);
  return xid;
}

std::optional<std::string> OneNode::take_frame(ConnectionId id) {
  std::string& bytes = bytes_[id];
  if (bytes.empty()) return std::nullopt;
  JuteReader reader(bytes);
  const auto length = static_cast<size_t>(reader.read_int());
  CHECK(reader.ok() && reader.remaining() >= length);
  std::string frame(reader.rest().substr(0, length));
  bytes.erase(0, kFrameHeaderBytes + length);
  return frame;
}

std::vector<Message> OneNode::take(ConnectionId id) {
  std::vector<Message> messages = std::exchange(unread_[id], {});
  while (const auto frame = take_frame(id)) {
    JuteReader reader(*frame);
    ReplyHeader header;
    header.read(reader);
    CHECK(reader.ok());
    messages.push_back({header.xid, header.zxid, header.error, std::string(reader.rest())});
  }
  return messages;
}

std::vector<Event> OneNode::take_events(ConnectionId id) {
  std::vector<Event> events;
  for (const Message& message : take(id)) {
    if (message.is_event()) events.push_back(message.event());
  }
  return events;
}

std::vector<Message> OneNode::take_replies(ConnectionId id) {
  std::vector<Message> messages = take(id);
  std::erase_if(messages, [](const Message& message) { return message.is_event(); });
  return messages;
}

Message OneNode::call(ConnectionId id, const Request& request) {
  const int32_t xid = send(id, request);
  flush();
  CHECK_MSG(running(), "the disk has failed");
  std::vector<Message> messages = take(id);
  const auto reply = std::find_if(messages.begin(), messages.end(),
                                  [&](const Message& message) { return message.xid == xid; });
  CHECK_MSG(reply != messages.end(), "no reply");
  Message found = std::move(*reply);
  messages.erase(reply);
  unread_[id] = std::move(messages);
  return found;
}

const state::State& OneNode::state() const { return run_->replica.state(); }

zab::Replica& OneNode::replica() { return run_->replica; }

bool OneNode::has_node(const std::string& path) const {
  return state().tree.find(path) != state::kNoNode;
}

// ---- what clients read and write ----------------------------------------------------------------

Stat Message::stat() const {
  CHECK(body.size() >= kStatBytes);
  JuteReader reader(std::string_view(body).substr(body.size() - kStatBytes));
  Stat stat;
  stat.read(reader);
  return stat;
}

Event Message::event() const {
  JuteReader reader(body);
  WatchEvent event;
  event.read(reader);
  CHECK(is_event() && reader.ok());
  return {zxid, event.type, std::string(event.path.value_or(""))};
}

std::ostream& operator<<(std::ostream& out, const Event& event) {
  return out << "event " << static_cast<int>(event.type) << " of " << event.path << " at zxid "
             << event.zxid;
}

Request get_data(const std::string& path, bool watch) {
  return request_of(OpCode::kGetData, PathWatchRequest{path, watch});
}
Request exists(const std::string& path, bool watch) {
  return request_of(OpCode::kExists, PathWatchRequest{path, watch});
}
Request get_children(const std::string& path, bool watch) {
  return request_of(OpCode::kGetChildren2, PathWatchRequest{path, watch});
}
Request get_acl(const std::string& path) { return request_of(OpCode::kGetAcl, PathRequest{path}); }
Request authenticate(const std::string& scheme, const std::string& auth) {
  return request_of(OpCode::kAuth, AuthRequest{0, scheme, auth});
}
Request add_watch(const std::string& path, AddWatchMode mode) {
  return request_of(OpCode::kAddWatch, PathModeRequest{path, static_cast<int32_t>(mode)});
}
Request set_watches(const SetWatchesRequest& request) {
  return request_of(OpCode::kSetWatches2, request, true);
}
Request close_session() { return {OpCode::kCloseSession, {}}; }
Request create_ephemeral(const std::string& path, CreateMode mode) {
  return state::create(path, "", {.flags = static_cast<int32_t>(mode)});
}

}  // namespace topod
