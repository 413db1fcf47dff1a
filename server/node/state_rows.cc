#include "server/node/state_rows.h"

namespace topod::node {

storage::NodeRow row_of(const state::Tree& tree, state::NodeSlot slot) {
  const state::NodeFields& fields = tree.fields(slot);
  const state::NodeSlot parent = tree.parent(slot);
  const NullableBytes data = tree.data(slot);
  storage::NodeRow row;
  row.id = fields.id;
  row.parent = parent == state::kNoNode ? NodeId{} : tree.fields(parent).id;
  row.czxid = fields.czxid;
  row.mzxid = fields.mzxid;
  row.pzxid = fields.pzxid;
  row.ctime_ms = fields.ctime_ms;
  row.mtime_ms = fields.mtime_ms;
  row.children_created = fields.children_created;
  row.owner_or_ttl_ms = fields.owner_or_ttl_ms;
  row.version = fields.version;
  row.aversion = fields.aversion;
  row.acl = fields.acl;
  row.kind = static_cast<storage::StoredKind>(fields.kind);
  row.data_is_null = !data.has_value();
  row.name = tree.name(slot);
  row.data = data.value_or(std::string_view{});
  return row;
}

storage::SessionRow row_of(const state::Session& session) {
  storage::SessionRow row;
  row.id = session.id;
  row.timeout_ms = session.timeout_ms;
  row.secret = session.secret;
  row.server = session.attachment.server;
  row.incarnation = session.attachment.incarnation;
  row.connection = session.attachment.connection;
  return row;
}

storage::MemberRow row_of(const state::Member& member) {
  return {member.server, member.incarnation, member.last_number, member.instance};
}

bool load_row(state::State& state, const storage::NodeRow& row, std::string& why) {
  state::NodeFields fields;
  fields.id = row.id;
  fields.czxid = row.czxid;
  fields.mzxid = row.mzxid;
  fields.pzxid = row.pzxid;
  fields.ctime_ms = row.ctime_ms;
  fields.mtime_ms = row.mtime_ms;
  fields.version = row.version;
  fields.aversion = row.aversion;
  fields.children_created = row.children_created;
  fields.owner_or_ttl_ms = row.owner_or_ttl_ms;
  fields.acl = row.acl;
  fields.kind = static_cast<state::NodeKind>(row.kind);
  const NullableBytes data = row.data_is_null ? NullableBytes{} : NullableBytes{row.data};
  return state.load_node(row.parent, row.name, data, fields, why);
}

bool load_row(state::State& state, const storage::AclRow& row, std::string& why) {
  auto acl = state::parse_acl(row.serialized);
  if (!acl) {
    why = "access control list " + std::to_string(row.id.value()) + " cannot be decoded";
    return false;
  }
  state.load_acl(row.id, std::move(*acl));
  return true;
}

void load_row(state::State& state, const storage::SessionRow& row) {
  state::Session session;
  session.id = row.id;
  session.timeout_ms = row.timeout_ms;
  session.secret = row.secret;
  session.attachment = {row.server, row.incarnation, row.connection};
  state.load_session(std::move(session));
}

void load_row(state::State& state, const storage::MemberRow& row) {
  state.load_member({row.id, row.incarnation, row.last_forward_number, row.instance});
}

}  // namespace topod::node
