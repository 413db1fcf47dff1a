#include "tests/unit/state/state_driver.h"

namespace topod::state {

namespace {

template <class Record, class... Options>
Request request_of(OpCode op, const Record& record, Options... options) {
  Request request{op, {}};
  JuteWriter out(request.body);
  record.write(out, options...);
  return request;
}

}  // namespace

Request create(NullableBytes path, NullableBytes data, const Creation& how) {
  return request_of(how.op, CreateRequest{path, data, how.acl, how.flags, how.ttl_ms},
                    how.op == OpCode::kCreateTtl);
}

Request create_with(OpCode op, NullableBytes path, int32_t flags, int64_t ttl_ms) {
  return create(path, "", {.flags = flags, .ttl_ms = ttl_ms, .op = op});
}

Request remove(NullableBytes path, int32_t version) {
  return request_of(OpCode::kDelete, PathVersionRequest{path, version});
}

Request set_data(NullableBytes path, NullableBytes data, int32_t version) {
  return request_of(OpCode::kSetData, SetDataRequest{path, data, version});
}

Request set_acl(NullableBytes path, const std::vector<AclEntry>& acl, int32_t version) {
  return request_of(OpCode::kSetAcl, SetAclRequest{path, acl, version});
}

Request check(NullableBytes path, int32_t version) {
  return request_of(OpCode::kCheck, PathVersionRequest{path, version});
}

Request multi(const std::vector<Request>& operations) {
  Request request{OpCode::kMulti, {}};
  JuteWriter out(request.body);
  for (const Request& operation : operations) {
    MultiHeader{static_cast<int32_t>(operation.op), false, -1}.write(out);
    out.write_raw(operation.body);
  }
  MultiHeader::end().write(out);
  return request;
}

std::vector<MultiResult> multi_results(std::string_view body) {
  std::vector<MultiResult> results;
  JuteReader in(body);
  while (true) {
    MultiHeader header;
    header.read(in);
    if (!in.ok() || header.done) break;
    MultiResult& result = results.emplace_back();
    result.type = header.type;
    result.error = header.error;
    const auto type = static_cast<OpCode>(header.type);
    if (type == OpCode::kError) {
      EXPECT_EQ(in.read_int(), header.error);
    }
    if (type == OpCode::kCreate || type == OpCode::kCreate2) {
      result.path = in.read_string().value_or("");
    }
    if (type == OpCode::kSetData || type == OpCode::kCreate2) result.stat.read(in);
  }
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0u);
  return results;
}

std::vector<int32_t> multi_errors(std::string_view body) {
  std::vector<int32_t> errors;
  for (const MultiResult& result : multi_results(body)) errors.push_back(result.error);
  return errors;
}

StateDriver::StateDriver() {
  entry::Entry up;
  up.mutable_server_up();
  evaluate(up);
  session = open_session(connection);
}

const Effects& StateDriver::evaluate(entry::Entry entry) {
  entry::Origin* const origin = entry.mutable_origin();
  origin->set_server(kServer.value());
  origin->set_incarnation(kIncarnation.value());
  if (!entry.has_server_up()) origin->set_forward_number(++forward_number);
  return evaluate_as_is(std::move(entry));
}

const Effects& StateDriver::evaluate_as_is(entry::Entry entry) {
  entry.set_time_ms(time_ms);
  const Zxid zxid(next_zxid++);
  log.emplace_back(zxid, entry.SerializeAsString());
  state::evaluate(state, zxid, entry, effects);
  EXPECT_EQ(state.applied, zxid);
  EXPECT_EQ(state.digest, recompute_digest(state));
  return effects;
}

SessionId StateDriver::open_session(ConnectionId of_connection, std::string_view secret) {
  entry::Entry entry;
  entry::CreateSession* const create_session = entry.mutable_create_session();
  create_session->set_connection(of_connection.value());
  create_session->set_timeout_ms(10'000);
  create_session->set_secret(secret.data(), secret.size());
  return evaluate(entry).session;
}

ErrorCode StateDriver::write(const Request& request) {
  return write_of(session, connection, request);
}

ErrorCode StateDriver::write_of(SessionId of_session, ConnectionId of_connection,
                                const Request& request) {
  entry::Entry entry;
  entry::ClientWrite* const client_write = entry.mutable_write();
  client_write->set_session(of_session.value());
  client_write->set_connection(of_connection.value());
  client_write->set_op(static_cast<int32_t>(request.op));
  client_write->set_body(request.body);
  for (const AuthId& id : ids) {
    entry::AuthId* const copy = client_write->add_auth_ids();
    copy->set_scheme(id.scheme);
    copy->set_id(id.id);
  }
  client_write->set_skip_acl(skip_acl);
  client_write->set_enforce_quota(enforce_quota);
  client_write->set_ttl_enabled(ttl_enabled);
  const Effects& result = evaluate(entry);
  if (result.error != ErrorCode::kOk) {
    EXPECT_TRUE(result.body.empty() && result.events.empty());
  }
  return result.error;
}

const Effects& StateDriver::close_session(SessionId of_session, ConnectionId of_connection) {
  entry::Entry entry;
  entry.mutable_close_session()->set_session(of_session.value());
  entry.mutable_close_session()->set_connection(of_connection.value());
  return evaluate(entry);
}

Stat StateDriver::stat(std::string_view path) const {
  return exists(path) ? state.tree.stat(state.tree.find(path)) : Stat{};
}

std::string StateDriver::data(std::string_view path) const {
  if (!exists(path)) return "(no znode)";
  return std::string(state.tree.data(state.tree.find(path)).value_or("(null)"));
}

bool StateDriver::exists(std::string_view path) const { return state.tree.find(path) != kNoNode; }

std::vector<std::string> StateDriver::children(std::string_view path) const {
  std::vector<std::string_view> names;
  state.tree.children(state.tree.find(path), names);
  return {names.begin(), names.end()};
}

const NodeFields& StateDriver::fields(std::string_view path) const {
  return state.tree.fields(state.tree.find(path));
}

std::vector<ToldEvent> StateDriver::events() const {
  std::vector<ToldEvent> told;
  for (const TreeEvent& event : effects.events) {
    told.push_back({event.type, std::string(effects.path_of(event))});
  }
  return told;
}

std::string StateDriver::created_path() const {
  JuteReader in(effects.body);
  return std::string(in.read_string().value_or("(null)"));
}

}  // namespace topod::state
