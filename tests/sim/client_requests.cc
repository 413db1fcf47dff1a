// What a client asks for.
#include <utility>

#include "proto/frame.h"
#include "tests/sim/client.h"

namespace topod::sim {

namespace {

// Znodes of its own that a client lets stand before it removes the oldest.
constexpr size_t kCreatedMax = 12;
constexpr size_t kLargeBytes = 30'000;
constexpr size_t kSmallBytes = 120;

std::string jute(const auto& record) {
  std::string bytes;
  JuteWriter out(bytes);
  record.write(out);
  return bytes;
}

void write_create(JuteWriter& out, std::string_view path, std::string_view data, CreateMode mode) {
  CreateRequest request;
  request.path = path;
  request.data = data;
  request.acl = {{kPermAll, "world", "anyone"}};
  request.flags = static_cast<int32_t>(mode);
  request.write(out, false);
}

}  // namespace

std::string Client::fresh_data() {
  std::string data = "c" + std::to_string(place_) + "-" + std::to_string(++writes_);
  const bool is_large = world_.random().chance(workload_.large_per_mille);
  data.append(world_.random().index(is_large ? kLargeBytes : kSmallBytes), '.');
  return data;
}

std::string Client::some_register() {
  return "/r" + std::to_string(world_.random().index(workload_.registers));
}

void Client::ask_something() {
  if (!is_reader_ && world_.random().chance(workload_.write_per_mille)) {
    ask_write();
  } else {
    ask_read();
  }
}

void Client::ask_write() {
  Random& random = world_.random();
  const uint64_t die = random.below(100);
  if (created_.size() > kCreatedMax) {
    remove(created_.front());
    created_.pop_front();
  } else if (die < 40) {
    set_data(some_register(), kAnyVersion);
  } else if (die < 46) {
    set_data(some_register(), static_cast<int32_t>(random.below(20)));  // mostly BadVersion
  } else if (die < 52) {
    create(some_register(), CreateMode::kPersistent, Purpose::kNone);
  } else if (die < 56) {
    remove(some_register());
  } else if (die < 66) {
    create("/queue/item-", CreateMode::kPersistentSequential, Purpose::kCreated);
  } else if (die < 72) {
    create("/queue/item-", CreateMode::kEphemeralSequential, Purpose::kCreated);
  } else if (die < 76) {
    create("/queue/member-" + std::to_string(place_), CreateMode::kEphemeral, Purpose::kNone);
  } else if (die < 80) {
    ask_brief();
  } else if (die < 99) {
    multi();
  } else if (random.chance(200)) {
    close_session();
  }
}

void Client::ask_read() {
  Random& random = world_.random();
  const bool watch = random.chance(workload_.watch_per_mille) && watches_.size() < 16;
  // Who only reads wants to know what is new.
  const uint64_t die = is_reader_ && random.chance(300) ? 99 : random.below(100);
  if (die < 45) {
    read(OpCode::kGetData, some_register(), watch);
  } else if (die < 65) {
    read(OpCode::kExists, some_register(), watch);
  } else if (die < 80) {
    read(OpCode::kGetChildren2, "/queue", watch);
  } else if (die < 85) {
    read(OpCode::kGetChildren, "/", watch);
  } else {
    const std::string path = some_register();
    sync(path);
    read(OpCode::kGetData, path, false);
  }
}

// Something that the leader clears away some time: a container, what stands in it, or a znode that
// lives for a few seconds.
void Client::ask_brief() {
  const std::string box = "/queue/box-" + std::to_string(world_.random().index(4));
  const uint64_t die = world_.random().below(4);
  if (die == 1) return create(box + "/thing", CreateMode::kPersistent, Purpose::kNone);
  if (die == 2) return remove(box + "/thing");
  const bool is_container = die == 0;
  CreateRequest request;
  const std::string path = is_container ? box : "/queue/ttl-" + std::to_string(place_);
  request.path = path;
  request.data = std::string_view("brief");
  request.acl = {{kPermAll, "world", "anyone"}};
  request.flags =
      static_cast<int32_t>(is_container ? CreateMode::kContainer : CreateMode::kPersistentTtl);
  if (!is_container) request.ttl_ms = world_.random().between(1, 5'000);
  std::string body;
  JuteWriter out(body);
  request.write(out, !is_container);
  send(is_container ? OpCode::kCreateContainer : OpCode::kCreateTtl, path, body, Purpose::kNone);
}

void Client::create(const std::string& path, CreateMode mode, Purpose purpose) {
  std::string body;
  JuteWriter out(body);
  write_create(out, path, fresh_data(), mode);
  send(OpCode::kCreate, path, body, purpose);
}

void Client::remove(const std::string& path) {
  send(OpCode::kDelete, path, jute(PathVersionRequest{path, kAnyVersion}), Purpose::kNone);
}

void Client::set_data(const std::string& path, int32_t version) {
  const std::string data = fresh_data();
  send(OpCode::kSetData, path, jute(SetDataRequest{path, data, version}), Purpose::kNone);
}

// All or nothing: a check that may fail, two registers, a znode that comes and goes.
void Client::multi() {
  const std::string first = some_register();
  const std::string second = some_register();
  const std::string brief = "/queue/brief-" + std::to_string(place_);
  const std::string data = fresh_data();
  std::string body;
  JuteWriter out(body);
  const auto begin = [&](OpCode op) {
    MultiHeader{static_cast<int32_t>(op), false, -1}.write(out);
  };
  if (world_.random().chance(300)) {
    begin(OpCode::kCheck);
    PathVersionRequest{first, static_cast<int32_t>(world_.random().below(20))}.write(out);
  }
  begin(OpCode::kSetData);
  SetDataRequest{first, data, kAnyVersion}.write(out);
  begin(OpCode::kCreate);
  write_create(out, brief, data, CreateMode::kPersistent);
  begin(OpCode::kSetData);
  SetDataRequest{second, data, kAnyVersion}.write(out);
  begin(OpCode::kDelete);
  PathVersionRequest{brief, kAnyVersion}.write(out);
  MultiHeader::end().write(out);
  send(OpCode::kMulti, first, body, Purpose::kNone);
}

void Client::read(OpCode op, const std::string& path, bool watch) {
  const bool lists = op == OpCode::kGetChildren || op == OpCode::kGetChildren2;
  std::optional<WatchKind> kind;
  if (watch) kind = lists ? WatchKind::kChild : WatchKind::kData;
  send(op, path, jute(PathWatchRequest{path, watch}), Purpose::kNone, kind);
}

void Client::sync(const std::string& path) {
  send(OpCode::kSync, path, jute(PathRequest{path}), Purpose::kNone);
}

void Client::close_session() { send(OpCode::kCloseSession, {}, {}, Purpose::kClose); }

void Client::send(OpCode op, const std::string& path, const std::string& body, Purpose purpose,
                  std::optional<WatchKind> watch) {
  if (phase_ != Phase::kLive) return;
  Request& request = pending_.emplace_back();
  request.xid = ++last_xid_;
  request.op = op;
  request.purpose = purpose;
  request.path = path;
  request.watch = watch;
  request.floor = history_.acknowledged();
  if (is_write(op) && op != OpCode::kCloseSession) {
    request.number = history_.issue(session_, op, body);
  }
  world_.note("request", place_, request.xid, name_of(op), std::string_view(path));
  send_frame(request.xid, op, body);
}

void Client::send_frame(int32_t xid, OpCode op, std::string_view body) {
  sent_us_ = world_.now_us();
  std::string bytes;
  JuteWriter out(bytes);
  RequestHeader{xid, static_cast<int32_t>(op)}.write(out);
  out.write_raw(body);
  network_.send(stream_, place_, std::move(bytes));
}

void Client::follow_up(const Request& request, ErrorCode error, std::string_view body) {
  if (error != ErrorCode::kOk || !is_asking_ || request.purpose != Purpose::kCreated) return;
  JuteReader reader(body);
  created_.emplace_back(reader.read_string().value_or(std::string_view{}));
}

}  // namespace topod::sim
