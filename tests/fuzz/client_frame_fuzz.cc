// What a client may send once it is connected: the stream is cut into frames, and each is
// answered from a small state or changes it. Every answer must be a whole record.
//
// Input: how many bytes arrive at once, then the stream.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "proto/check.h"
#include "proto/entry.pb.h"
#include "proto/frame.h"
#include "proto/records.h"
#include "server/state/evaluate.h"
#include "server/state/read.h"

namespace topod::state {
namespace {

constexpr ConnectionId kConnection{1};
constexpr ServerId kServer{1};
constexpr Incarnation kIncarnation{1};
constexpr uint32_t kWatchLimit = 1000;

template <class Record, class... Extra>
std::string encode(const Record& record, Extra... extra) {
  std::string bytes;
  JuteWriter out(bytes);
  record.write(out, extra...);
  return bytes;
}

// What was read must be readable again, as the same.
template <class Record, class... Extra>
void decode(std::string_view bytes, Extra... extra) {
  JuteReader in(bytes);
  Record record;
  record.read(in, extra...);
  if (!in.ok()) return;
  const std::string once = encode(record, extra...);
  JuteReader again(once);
  Record copy;
  copy.read(again, extra...);
  CHECK(again.ok() && again.remaining() == 0);
  CHECK(encode(copy, extra...) == once);
}

void decode_as_everything(std::string_view bytes) {
  decode<ConnectRequest>(bytes);
  decode<ConnectResponse>(bytes);
  decode<RequestHeader>(bytes);
  decode<ReplyHeader>(bytes);
  decode<CreateRequest>(bytes, false);
  decode<CreateRequest>(bytes, true);
  decode<PathVersionRequest>(bytes);
  decode<SetDataRequest>(bytes);
  decode<SetAclRequest>(bytes);
  decode<PathWatchRequest>(bytes);
  decode<PathRequest>(bytes);
  decode<PathModeRequest>(bytes);
  decode<SetWatchesRequest>(bytes, false);
  decode<SetWatchesRequest>(bytes, true);
  decode<AuthRequest>(bytes);
  decode<MultiHeader>(bytes);
  decode<WatchEvent>(bytes);
}

void skip_strings(JuteReader& in) {
  std::vector<std::string_view> strings;
  read_strings(in, strings);
}

// Reads the answer to a successful request as its client would.
void skip_reply(OpCode op, JuteReader& in) {
  Stat stat;
  switch (op) {
    case OpCode::kExists:
    case OpCode::kSetData:
    case OpCode::kSetAcl: return stat.read(in);
    case OpCode::kGetData: in.read_buffer(); return stat.read(in);
    case OpCode::kGetChildren:
    case OpCode::kGetEphemerals: return skip_strings(in);
    case OpCode::kGetChildren2: skip_strings(in); return stat.read(in);
    case OpCode::kGetAcl: {
      std::vector<AclEntry> acl;
      read_acl(in, acl);
      return stat.read(in);
    }
    case OpCode::kCreate: in.read_string(); return;
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl: in.read_string(); return stat.read(in);
    case OpCode::kGetAllChildrenNumber:
    case OpCode::kAddWatch: in.read_int(); return;
    case OpCode::kMulti:
    case OpCode::kMultiRead: {
      MultiHeader header;
      for (header.read(in); in.ok() && !header.done; header.read(in)) {
        const auto part = static_cast<OpCode>(header.type);
        if (part == OpCode::kError) {
          in.read_int();
        } else {
          skip_reply(part, in);
        }
      }
      return;
    }
    case OpCode::kWhoAmI: {
      const uint32_t count = in.read_count(8).value_or(0);
      for (uint32_t i = 0; i < 2 * count; ++i) in.read_string();
      return;
    }
    default:  // no body
      return;
  }
}

void check_reply(OpCode op, ErrorCode error, std::string_view body) {
  if (error != ErrorCode::kOk) {
    CHECK(body.empty());
    return;
  }
  JuteReader in(body);
  skip_reply(op, in);
  CHECK(in.ok() && in.remaining() == 0);
}

// A client on a server that holds a few znodes.
class World {
 public:
  World();
  void frame(std::string_view bytes);
  void finish();

 private:
  void read_request(OpCode op, std::string_view body);
  void write_request(OpCode op, std::string_view body);
  void apply(entry::Entry& entry);
  void create(std::string_view path, int32_t perms, CreateMode mode = CreateMode::kPersistent);

  State state_ = State::initial();
  Watches watches_;
  Effects effects_;
  SessionId session_;
  uint64_t forward_number_ = 0;
  std::vector<AuthId> ids_ = {{"ip", "127.0.0.1"}, {"digest", "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="}};
};

World::World() {
  entry::Entry up;
  up.mutable_server_up();
  apply(up);
  entry::Entry opened;
  opened.mutable_create_session()->set_connection(kConnection.value());
  opened.mutable_create_session()->set_timeout_ms(10'000);
  opened.mutable_create_session()->set_secret("0123456789abcdef");
  apply(opened);
  session_ = effects_.session;
  CHECK(session_ != SessionId{});
  create("/a", kPermAll);
  create("/a/b", kPermAll);
  create("/a/s-", kPermRead, CreateMode::kEphemeralSequential);
  create("/closed", kPermWrite);
  watches_.add(ConnectionId(2), "/", Watches::kPersistentRecursive);
}

void World::create(std::string_view path, int32_t perms, CreateMode mode) {
  write_request(OpCode::kCreate, encode(CreateRequest{.path = path,
                                                      .data = "data",
                                                      .acl = {{perms, "world", "anyone"}},
                                                      .flags = static_cast<int32_t>(mode)},
                                        false));
  CHECK(effects_.error == ErrorCode::kOk);
}

void World::apply(entry::Entry& entry) {
  entry.set_time_ms(1'700'000'000'000 + state_.applied.value());
  entry.mutable_origin()->set_server(kServer.value());
  entry.mutable_origin()->set_incarnation(kIncarnation.value());
  if (!entry.has_server_up()) entry.mutable_origin()->set_forward_number(++forward_number_);
  const Zxid zxid(state_.applied.value() + 1);
  evaluate(state_, zxid, entry, effects_);
  CHECK(state_.applied == zxid);
  CHECK(!effects_.ignored);
  state_.changes.clear();

  std::vector<ConnectionId> told;
  for (const TreeEvent& event : effects_.events) {
    watches_.fire(event.type, effects_.path_of(event), told);
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(std::adjacent_find(told.begin(), told.end()) == told.end());
    CHECK(state_.acls.find(event.acl) != nullptr);
  }
}

void World::read_request(OpCode op, std::string_view body) {
  std::string out = "before";
  std::string events;
  const Reader reader{
      .connection = kConnection, .session = session_, .ids = ids_, .watch_limit = kWatchLimit};
  const ErrorCode error = read(state_, watches_, reader, op, body, out, events);
  CHECK(out.starts_with("before"));
  check_reply(op, error, std::string_view(out).substr(6));
  CHECK(watches_.count_of(kConnection) <= kWatchLimit);

  JuteReader in(events);
  while (in.remaining() > 0) {
    const NullableBytes frame = in.read_buffer();
    CHECK(in.ok() && frame);
    JuteReader frame_in(*frame);
    ReplyHeader header;
    header.read(frame_in);
    WatchEvent event;
    event.read(frame_in);
    CHECK(frame_in.ok() && frame_in.remaining() == 0 && header.xid == kXidNotification);
  }
}

void World::write_request(OpCode op, std::string_view body) {
  entry::Entry entry;
  entry::ClientWrite& write = *entry.mutable_write();
  write.set_session(session_.value());
  write.set_connection(kConnection.value());
  write.set_op(static_cast<int32_t>(op));
  write.set_body(body.data(), body.size());
  for (const AuthId& id : ids_) {
    entry::AuthId& copy = *write.add_auth_ids();
    copy.set_scheme(id.scheme);
    copy.set_id(id.id);
  }
  write.set_enforce_quota(true);
  write.set_ttl_enabled(true);
  apply(entry);
  if (effects_.error == ErrorCode::kOk) check_reply(op, effects_.error, effects_.body);
}

void World::frame(std::string_view bytes) {
  decode_as_everything(bytes);
  JuteReader in(bytes);
  RequestHeader header;
  header.read(in);
  if (!in.ok()) return;
  const auto op = static_cast<OpCode>(header.op);
  CHECK(!name_of(op).empty());
  if (is_read(op)) {
    read_request(op, in.rest());
  } else if (is_write(op) && op != OpCode::kCloseSession && op != OpCode::kReconfig) {
    write_request(op, in.rest());
  }
}

void World::finish() {
  watches_.remove_connection(kConnection);
  watches_.remove_connection(ConnectionId(2));
  CHECK(watches_.empty() && watches_.path_count() == 0 && watches_.connection_count() == 0);
}

void run(std::string_view input) {
  if (input.empty()) return;
  const size_t chunk = size_t{1} + static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  World world;
  FrameReader reader(limits::kMaxFrameBytes);
  for (; !input.empty(); input.remove_prefix(std::min(chunk, input.size()))) {
    const std::string_view arrived = input.substr(0, chunk);
    const std::span<char> room = reader.writable(arrived.size());
    std::copy(arrived.begin(), arrived.end(), room.begin());
    reader.filled(arrived.size());
    FrameReader::Next next = reader.next();
    for (; next.verdict == FrameReader::Verdict::kFrame; next = reader.next()) {
      world.frame(next.frame);
    }
    if (next.verdict == FrameReader::Verdict::kBadLength) break;
  }
  world.finish();
}

}  // namespace
}  // namespace topod::state

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  topod::state::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
