#include "tests/unit/state/naive_reads.h"

#include <algorithm>

namespace topod::state {

namespace {

std::string key(NullableBytes path) { return path->empty() ? "/" : std::string(*path); }

std::string parent_of(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/'));
  return parent.empty() ? "/" : parent;
}

// One request being answered.
class Answer {
 public:
  Answer(const NaiveTree& tree, NaiveWatches& watches, const NaiveReader& reader)
      : tree_(tree), watches_(watches), reader_(reader) {}

  Reply to(const Request& request);

 private:
  Reply failed(ErrorCode error) { return {error, {}, {}}; }
  [[nodiscard]] bool is_there(const std::string& path) const {
    return tree_.nodes().contains(path);
  }
  [[nodiscard]] bool allowed(const std::string& path, int32_t wanted) const {
    return permits(tree_.nodes().at(path).acl, wanted, reader_.ids);
  }
  [[nodiscard]] ErrorCode readable(const std::string& path) const {
    if (!is_there(path)) return ErrorCode::kNoNode;
    return allowed(path, kPermRead) ? ErrorCode::kOk : ErrorCode::kNoAuth;
  }
  void watch(bool wanted, const std::string& path, Watches::Kind kind) {
    if (wanted) watches_.add(reader_.connection, path, kind);
  }
  void write_data(const std::string& path);
  void write_children(const std::string& path);
  void write_stat(const std::string& path) { tree_.stat(path).write(out_); }

  Reply path_watch(OpCode op);
  Reply get_acl(const std::string& path);
  Reply all_children_number(const std::string& path);
  Reply ephemerals(NullableBytes prefix);
  Reply who_am_i();
  Reply multi_read();
  Reply watch_request(OpCode op);
  Reply set_watches(bool has_persistent);
  void catch_up(const std::string& path, bool has_changed, EventType change, Watches::Kind kind,
                std::string& events);

  const NaiveTree& tree_;
  NaiveWatches& watches_;
  const NaiveReader& reader_;
  JuteReader in_{{}};
  std::string body_;
  JuteWriter out_{body_};
};

Reply Answer::to(const Request& request) {
  in_ = JuteReader(request.body);
  switch (request.op) {
    case OpCode::kGetAcl: return get_acl(key(in_.read_string()));
    case OpCode::kGetAllChildrenNumber: return all_children_number(key(in_.read_string()));
    case OpCode::kGetEphemerals: return ephemerals(in_.read_string());
    case OpCode::kWhoAmI: return who_am_i();
    case OpCode::kMultiRead: return multi_read();
    case OpCode::kAddWatch:
    case OpCode::kCheckWatches:
    case OpCode::kRemoveWatches: return watch_request(request.op);
    case OpCode::kSetWatches: return set_watches(false);
    case OpCode::kSetWatches2: return set_watches(true);
    default: return path_watch(request.op);
  }
}

void Answer::write_data(const std::string& path) {
  const auto& data = tree_.nodes().at(path).data;
  out_.write_buffer(data ? NullableBytes(*data) : std::nullopt);
  write_stat(path);
}

void Answer::write_children(const std::string& path) {
  std::vector<std::string> names = tree_.children(path);
  std::sort(names.begin(), names.end());
  out_.write_count(names.size());
  for (const std::string& name : names) out_.write_string(name);
}

Reply Answer::path_watch(OpCode op) {
  PathWatchRequest request;
  request.read(in_);
  const std::string path = key(request.path);
  const ErrorCode error = readable(path);
  const bool of_children = op == OpCode::kGetChildren || op == OpCode::kGetChildren2;
  const bool is_left =
      error == ErrorCode::kOk || (op == OpCode::kExists && error == ErrorCode::kNoNode);
  watch(request.watch && is_left, path, of_children ? Watches::kChild : Watches::kData);
  if (error != ErrorCode::kOk) return failed(error);
  if (op == OpCode::kGetData) write_data(path);
  if (op == OpCode::kExists) write_stat(path);
  if (of_children) write_children(path);
  if (op == OpCode::kGetChildren2) write_stat(path);
  return {ErrorCode::kOk, body_, {}};
}

Reply Answer::get_acl(const std::string& path) {
  if (!is_there(path)) return failed(ErrorCode::kNoNode);
  if (!allowed(path, kPermRead) && !allowed(path, kPermAdmin)) return failed(ErrorCode::kNoAuth);
  const Acl& acl = tree_.nodes().at(path).acl;
  out_.write_count(acl.size());
  for (const StoredAclEntry& entry : acl) {
    std::string id = entry.id;
    if (entry.scheme == "digest" && !allowed(path, kPermAdmin)) {
      id = id.substr(0, id.find(':')) + ":x";
    }
    AclEntry{entry.perms, entry.scheme, id}.write(out_);
  }
  write_stat(path);
  return {ErrorCode::kOk, body_, {}};
}

Reply Answer::all_children_number(const std::string& path) {
  if (const ErrorCode error = readable(path); error != ErrorCode::kOk) return failed(error);
  const std::string above = path == "/" ? path : path + "/";
  out_.write_int(static_cast<int32_t>(std::count_if(
      tree_.nodes().begin(), tree_.nodes().end(),
      [&](const auto& node) { return node.first != path && node.first.starts_with(above); })));
  return {ErrorCode::kOk, body_, {}};
}

Reply Answer::ephemerals(NullableBytes prefix) {
  std::vector<std::string_view> paths;
  for (const auto& [path, node] : tree_.nodes()) {
    const bool is_own = node.stat.ephemeral_owner == reader_.session;
    if (is_own && path.starts_with(prefix.value_or(""))) paths.push_back(path);
  }
  write_strings(out_, paths);
  return {ErrorCode::kOk, body_, {}};
}

Reply Answer::who_am_i() {
  out_.write_count(reader_.ids.size());
  for (const AuthId& id : reader_.ids) {
    out_.write_string(id.scheme);
    out_.write_string(id.scheme == "digest" ? id.id.substr(0, id.id.find(':')) : id.id);
  }
  return {ErrorCode::kOk, body_, {}};
}

Reply Answer::multi_read() {
  MultiHeader header;
  for (header.read(in_); !header.done; header.read(in_)) {
    PathWatchRequest request;
    request.read(in_);
    const std::string path = key(request.path);
    const auto error = static_cast<int32_t>(readable(path));
    MultiHeader{error == 0 ? header.type : -1, false, error}.write(out_);
    if (error != 0) {
      out_.write_int(error);
    } else if (header.type == static_cast<int32_t>(OpCode::kGetData)) {
      write_data(path);
    } else {
      write_children(path);
    }
  }
  MultiHeader::end().write(out_);
  return {ErrorCode::kOk, body_, {}};
}

Reply Answer::watch_request(OpCode op) {
  PathModeRequest request;
  request.read(in_);
  const std::string path = key(request.path);
  if (op == OpCode::kAddWatch) {
    watch(true, path, request.mode == 0 ? Watches::kPersistent : Watches::kPersistentRecursive);
    out_.write_int(0);
    return {ErrorCode::kOk, body_, {}};
  }
  const auto type = static_cast<WatcherType>(request.mode);
  const bool found = op == OpCode::kRemoveWatches
                         ? watches_.remove(reader_.connection, path, type)
                         : watches_.contains(reader_.connection, path, type);
  return failed(found ? ErrorCode::kOk : ErrorCode::kNoWatcher);
}

void Answer::catch_up(const std::string& path, bool has_changed, EventType change,
                      Watches::Kind kind, std::string& events) {
  if (has_changed) {
    append_notification(events, Zxid(-1), change, path);
  } else {
    watches_.add(reader_.connection, path, kind);
  }
}

Reply Answer::set_watches(bool has_persistent) {
  SetWatchesRequest request;
  request.read(in_, has_persistent);
  Reply reply;
  const auto stat = [&](const std::string& path) { return tree_.stat(path); };
  for (const std::string_view view : request.data) {
    const std::string path(view);
    const bool is_gone = !is_there(path);
    catch_up(path, is_gone || stat(path).mzxid > request.relative_zxid,
             is_gone ? EventType::kNodeDeleted : EventType::kNodeDataChanged, Watches::kData,
             reply.events);
  }
  for (const std::string_view view : request.exist) {
    const std::string path(view);
    catch_up(path, is_there(path), EventType::kNodeCreated, Watches::kData, reply.events);
  }
  for (const std::string_view view : request.child) {
    const std::string path(view);
    const bool is_gone = !is_there(path);
    catch_up(path, is_gone || stat(path).pzxid > request.relative_zxid,
             is_gone ? EventType::kNodeDeleted : EventType::kNodeChildrenChanged, Watches::kChild,
             reply.events);
  }
  for (const std::string_view path : request.persistent) {
    watch(true, std::string(path), Watches::kPersistent);
  }
  for (const std::string_view path : request.persistent_recursive) {
    watch(true, std::string(path), Watches::kPersistentRecursive);
  }
  return reply;
}

// The events of one write after the other, with the lists as each of them leaves them.
class Events {
 public:
  explicit Events(const NaiveTree& before) {
    for (const auto& [path, node] : before.nodes()) acls_[path] = node.acl;
  }

  void add(OpCode op, JuteReader& in, const NaiveResult& result, const std::vector<AuthId>& ids) {
    if (op == OpCode::kDelete || op == OpCode::kCheck) {
      PathVersionRequest request;
      request.read(in);
      if (op == OpCode::kDelete) removed(std::string(*request.path));
    } else if (op == OpCode::kSetData) {
      SetDataRequest request;
      request.read(in);
      const std::string path(*request.path);
      events_.push_back({EventType::kNodeDataChanged, path, acls_.at(path)});
    } else if (op != OpCode::kSetAcl) {
      CreateRequest request;
      request.read(in, op == OpCode::kCreateTtl);
      acls_[result.path] = *normalise_acl(request.acl, ids);
      of_child(EventType::kNodeCreated, result.path);
    }
  }

  void removed(const std::string& path) {
    of_child(EventType::kNodeDeleted, path);
    acls_.erase(path);
  }

  std::vector<NaiveEvent> take() { return std::move(events_); }

 private:
  void of_child(EventType type, const std::string& path) {
    const std::string parent = parent_of(path);
    events_.push_back({type, path, acls_.at(path)});
    events_.push_back({EventType::kNodeChildrenChanged, parent, acls_.at(parent)});
  }

  std::map<std::string, Acl> acls_;
  std::vector<NaiveEvent> events_;
};

}  // namespace

Reply naive_read(const NaiveTree& tree, NaiveWatches& watches, const NaiveReader& reader,
                 const Request& request) {
  return Answer(tree, watches, reader).to(request);
}

std::vector<NaiveEvent> naive_events(const NaiveTree& before, const Request& request,
                                     const NaiveResult& result, const std::vector<AuthId>& ids) {
  if (result.error != ErrorCode::kOk) return {};
  Events events(before);
  JuteReader in(request.body);
  if (request.op != OpCode::kMulti) {
    events.add(request.op, in, result, ids);
    return events.take();
  }
  for (const NaiveResult& operation : result.operations) {
    if (operation.error != ErrorCode::kOk) return {};
  }
  for (const NaiveResult& operation : result.operations) {
    MultiHeader header;
    header.read(in);
    events.add(static_cast<OpCode>(header.type), in, operation, ids);
  }
  return events.take();
}

std::vector<NaiveEvent> naive_session_events(const NaiveTree& before, int64_t session) {
  Events events(before);
  for (const auto& [path, node] : before.nodes()) {
    if (node.stat.ephemeral_owner == session) events.removed(path);
  }
  return events.take();
}

}  // namespace topod::state
