#include "tests/unit/state/read_fixture.h"

#include "proto/frame.h"
#include "server/state/path.h"

namespace topod::state {

std::vector<Notification> parse_notifications(std::string_view events) {
  std::vector<Notification> result;
  JuteReader in(events);
  while (in.remaining() > 0) {
    const int32_t length = in.read_int();
    const size_t before = in.remaining();
    ReplyHeader header;
    header.read(in);
    WatchEvent event;
    event.read(in);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(before - in.remaining(), static_cast<size_t>(length));
    EXPECT_EQ(header.xid, kXidNotification);
    EXPECT_EQ(header.error, ErrorCode::kOk);
    EXPECT_EQ(event.state, kStateSyncConnected);
    result.push_back({header.zxid, event.type, std::string(event.path.value_or("(null)"))});
  }
  return result;
}

ReadTest::ReadTest() {
  session_of(kSession);
  add("/a", "data of a", 10);
  add("/a/c", std::nullopt, 11);
  add("/a/b", "", 12);
  add("/a/b/deep", "x", 13);
  state_.applied = Zxid(20);
}

NodeSlot ReadTest::add(std::string_view path, NullableBytes data, int64_t zxid, const Acl& acl) {
  const NodeSlot parent = state_.tree.find(parent_path(path));
  EXPECT_NE(parent, kNoNode) << path;
  bool added = false;
  NodeFields fields;
  fields.id = NodeId(state_.tree.next_node_id());
  state_.tree.set_next_node_id(fields.id.value() + 1);
  fields.czxid = fields.mzxid = fields.pzxid = Zxid(zxid);
  fields.ctime_ms = fields.mtime_ms = zxid * 1000;
  fields.acl = state_.acls.acquire(acl, added);
  const NodeSlot slot = state_.tree.insert(parent, last_component(path), data, fields);
  NodeFields& above = state_.tree.mutable_fields(parent);
  above.pzxid = Zxid(zxid);
  ++above.children_created;
  return slot;
}

NodeSlot ReadTest::add_ephemeral(std::string_view path, SessionId session, int64_t zxid) {
  const NodeSlot slot = add(path, "", zxid);
  NodeFields& fields = state_.tree.mutable_fields(slot);
  fields.kind = NodeKind::kEphemeral;
  fields.owner_or_ttl_ms = session.value();
  state_.sessions.add_ephemeral(session_of(session), fields.id);
  return slot;
}

Session& ReadTest::session_of(SessionId id) {
  Session* session = state_.sessions.find(id);
  if (session != nullptr) return *session;
  Session fresh;
  fresh.id = id;
  return state_.sessions.insert(std::move(fresh));
}

void ReadTest::set_mzxid(std::string_view path, int64_t zxid) {
  state_.tree.mutable_fields(state_.tree.find(path)).mzxid = Zxid(zxid);
}

Reply ReadTest::ask(OpCode op, std::string_view body) {
  // What a reply is appended to must survive it.
  Reply reply{.error = ErrorCode::kOk, .body = "before", .events = {}};
  const Reader reader{.connection = kConnection,
                      .session = kSession,
                      .ids = ids_,
                      .skip_acl = skip_acl_,
                      .watch_limit = watch_limit_,
                      .config_node_data = config_node_data_};
  reply.error = read(state_, watches_, reader, op, body, reply.body, reply.events);
  EXPECT_EQ(reply.body.substr(0, 6), "before");
  reply.body.erase(0, 6);
  if (reply.error != ErrorCode::kOk) {
    EXPECT_EQ(reply.body, "") << "an error has no body";
  }
  return reply;
}

std::vector<ConnectionId> ReadTest::fire(EventType type, std::string_view path) {
  std::vector<ConnectionId> connections;
  watches_.fire(type, path, connections);
  return connections;
}

}  // namespace topod::state
