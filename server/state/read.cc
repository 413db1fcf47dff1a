#include "server/state/read.h"

#include "proto/frame.h"
#include "server/state/path.h"
#include "server/state/read_operations.h"

namespace topod::state {

namespace {

bool permits_reader(const ReadContext& context, NodeSlot slot, int32_t wanted) {
  if (context.reader.skip_acl) return true;
  const AclId acl = context.state.tree.fields(slot).acl;
  return permits(context.state.acls.get(acl), wanted, context.reader.ids);
}

// False: no more watches for this connection.
bool leave_watch(const ReadContext& context, const PathWatchRequest& request, Watches::Kind kind) {
  return !request.watch || context.watches.add(context.reader.connection, *request.path, kind,
                                               context.reader.watch_limit);
}

// Has the znode data of this server's own, in place of the state's?
bool shows_configuration(const ReadContext& context, std::string_view path) {
  return !context.reader.config_node_data.empty() && path == kConfigPath;
}

Stat stat_of(const ReadContext& context, std::string_view path, NodeSlot slot) {
  Stat stat = context.state.tree.stat(slot);
  if (shows_configuration(context, path)) {
    stat.data_length = static_cast<int32_t>(context.reader.config_node_data.size());
  }
  return stat;
}

// Reads a record that begins with a path; a null path decodes well but names nothing.
template <class Request>
ErrorCode read_request(JuteReader& in, Request& request) {
  request.read(in);
  if (!in.ok()) return ErrorCode::kMarshallingError;
  return request.path ? ErrorCode::kOk : ErrorCode::kBadArguments;
}

ErrorCode exists(const ReadContext& context, JuteReader& in, std::string& out) {
  PathWatchRequest request;
  if (const ErrorCode error = read_request(in, request); error != ErrorCode::kOk) return error;
  if (request.path->find('\0') != std::string_view::npos) return ErrorCode::kBadArguments;
  const NodeSlot slot = context.state.tree.find(*request.path);
  const ErrorCode error = check_readable(context, slot);
  // To wait for the creation of a znode is what this watch is for.
  if (error == ErrorCode::kOk || error == ErrorCode::kNoNode) {
    if (!leave_watch(context, request, Watches::kData)) return ErrorCode::kThrottledOp;
  }
  if (error != ErrorCode::kOk) return error;
  JuteWriter writer(out);
  stat_of(context, *request.path, slot).write(writer);
  return ErrorCode::kOk;
}

ErrorCode get_data(const ReadContext& context, JuteReader& in, std::string& out) {
  PathWatchRequest request;
  if (const ErrorCode error = read_request(in, request); error != ErrorCode::kOk) return error;
  const NodeSlot slot = context.state.tree.find(*request.path);
  if (const ErrorCode error = check_readable(context, slot); error != ErrorCode::kOk) return error;
  if (!leave_watch(context, request, Watches::kData)) return ErrorCode::kThrottledOp;
  JuteWriter writer(out);
  write_data_and_stat(context, *request.path, slot, writer);
  return ErrorCode::kOk;
}

ErrorCode get_children(const ReadContext& context, JuteReader& in, bool with_stat,
                       std::string& out) {
  PathWatchRequest request;
  if (const ErrorCode error = read_request(in, request); error != ErrorCode::kOk) return error;
  const NodeSlot slot = context.state.tree.find(*request.path);
  if (const ErrorCode error = check_readable(context, slot); error != ErrorCode::kOk) return error;
  if (!leave_watch(context, request, Watches::kChild)) return ErrorCode::kThrottledOp;
  JuteWriter writer(out);
  write_children(context.state.tree, slot, writer);
  if (with_stat) stat_of(context, *request.path, slot).write(writer);
  return ErrorCode::kOk;
}

ErrorCode get_acl(const ReadContext& context, JuteReader& in, std::string& out) {
  PathRequest request;
  if (const ErrorCode error = read_request(in, request); error != ErrorCode::kOk) return error;
  const Tree& tree = context.state.tree;
  const NodeSlot slot = tree.find(*request.path);
  if (slot == kNoNode) return ErrorCode::kNoNode;
  if (!permits_reader(context, slot, kPermRead | kPermAdmin)) return ErrorCode::kNoAuth;
  const bool is_admin = permits_reader(context, slot, kPermAdmin);
  const Acl& acl = context.state.acls.get(tree.fields(slot).acl);
  JuteWriter writer(out);
  writer.write_count(acl.size());
  for (const StoredAclEntry& entry : acl) {
    writer.write_int(entry.perms);
    writer.write_string(entry.scheme);
    writer.write_string(is_admin ? entry.id : masked_id(entry));
  }
  stat_of(context, *request.path, slot).write(writer);
  return ErrorCode::kOk;
}

ErrorCode get_all_children_number(const ReadContext& context, JuteReader& in, std::string& out) {
  PathRequest request;
  if (const ErrorCode error = read_request(in, request); error != ErrorCode::kOk) return error;
  const NodeSlot slot = context.state.tree.find(*request.path);
  if (const ErrorCode error = check_readable(context, slot); error != ErrorCode::kOk) return error;
  JuteWriter(out).write_int(static_cast<int32_t>(context.state.tree.descendant_count(slot)));
  return ErrorCode::kOk;
}

// Java's isBlank, as far as it matters: nothing but white space.
bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

ErrorCode get_ephemerals(const ReadContext& context, JuteReader& in, std::string& out) {
  PathRequest request;
  request.read(in);
  if (!in.ok()) return ErrorCode::kMarshallingError;
  const std::string_view prefix =
      request.path && !is_blank(*request.path) ? *request.path : std::string_view("/");
  JuteWriter writer(out);
  const size_t count_place = writer.position();
  writer.write_int(0);
  const Session* session = context.state.sessions.find(context.reader.session);
  if (session == nullptr) return ErrorCode::kOk;
  int32_t count = 0;
  for (const NodeId id : session->ephemerals) {
    const std::string path = context.state.tree.path(context.state.tree.by_id(id));
    if (!path.starts_with(prefix)) continue;
    writer.write_string(path);
    ++count;
  }
  writer.patch_int(count_place, count);
  return ErrorCode::kOk;
}

// The part of an id that is no secret.
std::string_view user_of(const AuthId& id) {
  const std::string_view user = id.id;
  return id.scheme == kSchemeDigest ? user.substr(0, user.find(':')) : user;
}

ErrorCode who_am_i(const ReadContext& context, std::string& out) {
  JuteWriter writer(out);
  writer.write_count(context.reader.ids.size());
  for (const AuthId& id : context.reader.ids) {
    writer.write_string(id.scheme);
    writer.write_string(user_of(id));
  }
  return ErrorCode::kOk;
}

ErrorCode dispatch(const ReadContext& context, OpCode op, JuteReader& in, std::string& out,
                   std::string& events) {
  switch (op) {
    case OpCode::kExists: return exists(context, in, out);
    case OpCode::kGetData: return get_data(context, in, out);
    case OpCode::kGetChildren: return get_children(context, in, false, out);
    case OpCode::kGetChildren2: return get_children(context, in, true, out);
    case OpCode::kGetAcl: return get_acl(context, in, out);
    case OpCode::kGetAllChildrenNumber: return get_all_children_number(context, in, out);
    case OpCode::kGetEphemerals: return get_ephemerals(context, in, out);
    case OpCode::kWhoAmI: return who_am_i(context, out);
    case OpCode::kMultiRead: return multi_read(context, in, out);
    case OpCode::kAddWatch: return add_watch(context, in, out);
    case OpCode::kCheckWatches: return check_watches(context, in);
    case OpCode::kRemoveWatches: return remove_watches(context, in);
    case OpCode::kSetWatches: return set_watches(context, in, false, events);
    case OpCode::kSetWatches2: return set_watches(context, in, true, events);
    default: return ErrorCode::kUnimplemented;
  }
}

}  // namespace

ErrorCode check_readable(const ReadContext& context, NodeSlot slot) {
  if (slot == kNoNode) return ErrorCode::kNoNode;
  return permits_reader(context, slot, kPermRead) ? ErrorCode::kOk : ErrorCode::kNoAuth;
}

void write_data_and_stat(const ReadContext& context, std::string_view path, NodeSlot slot,
                         JuteWriter& out) {
  out.write_buffer(shows_configuration(context, path) ? context.reader.config_node_data
                                                      : context.state.tree.data(slot));
  stat_of(context, path, slot).write(out);
}

void write_children(const Tree& tree, NodeSlot slot, JuteWriter& out) {
  // Kept for its memory only: listing is frequent. Its views die with the next change.
  static thread_local std::vector<std::string_view> names;
  tree.children(slot, names);
  write_strings(out, names);
  names.clear();
}

bool is_read(OpCode op) {
  switch (op) {
    case OpCode::kExists:
    case OpCode::kGetData:
    case OpCode::kGetAcl:
    case OpCode::kGetChildren:
    case OpCode::kGetChildren2:
    case OpCode::kGetAllChildrenNumber:
    case OpCode::kGetEphemerals:
    case OpCode::kWhoAmI:
    case OpCode::kMultiRead:
    case OpCode::kAddWatch:
    case OpCode::kCheckWatches:
    case OpCode::kRemoveWatches:
    case OpCode::kSetWatches:
    case OpCode::kSetWatches2: return true;
    default: return false;
  }
}

ErrorCode read(const State& state, Watches& watches, const Reader& reader, OpCode op,
               std::string_view body, std::string& out, std::string& events) {
  const size_t start = out.size();
  JuteReader in(body);
  const ErrorCode error = dispatch({state, watches, reader}, op, in, out, events);
  if (error != ErrorCode::kOk) out.resize(start);
  return error;
}

void append_notification(std::string& out, Zxid zxid, EventType type, std::string_view path) {
  const size_t place = begin_frame(out);
  JuteWriter writer(out);
  ReplyHeader{kXidNotification, zxid.value(), ErrorCode::kOk}.write(writer);
  WatchEvent{type, kStateSyncConnected, path}.write(writer);
  end_frame(out, place);
}

}  // namespace topod::state
