// Requests about the watches of the connection that asks: leaving, finding and removing them, and
// setting them all again after a reconnect.
#include "proto/mutants.h"
#include "server/state/read_operations.h"

namespace topod::state {

namespace {

// After a reconnect: what has happened to a watched path since the client last heard is told at
// once, and its one-shot watch is then spent; otherwise the watch is left. So is a watch for which
// there is no room: clients ignore an error of this request, but who is told looks again, and is
// then refused openly.
class CatchUp {
 public:
  CatchUp(const ReadContext& context, int64_t seen, std::string& events)
      : context_(context), seen_(seen), events_(events) {}

  void data(std::string_view path) {
    const NodeSlot slot = context_.state.tree.find(path);
    if (slot == kNoNode) return tell(EventType::kNodeDeleted, path);
    const Zxid changed = context_.state.tree.fields(slot).mzxid;
    if (changed.value() > seen_ && !MUTANT(WatchesNotCaughtUp)) {
      return tell(EventType::kNodeDataChanged, path);
    }
    leave_or_tell(Watches::kData, EventType::kNodeDataChanged, path);
  }

  void exist(std::string_view path) {
    const NodeSlot slot = context_.state.tree.find(path);
    if (slot != kNoNode) return tell(EventType::kNodeCreated, path);
    leave_or_tell(Watches::kData, EventType::kNodeCreated, path);
  }

  void child(std::string_view path) {
    const NodeSlot slot = context_.state.tree.find(path);
    if (slot == kNoNode) return tell(EventType::kNodeDeleted, path);
    const Zxid changed = context_.state.tree.fields(slot).pzxid;
    if (changed.value() > seen_) return tell(EventType::kNodeChildrenChanged, path);
    leave_or_tell(Watches::kChild, EventType::kNodeChildrenChanged, path);
  }

  [[nodiscard]] bool leave(Watches::Kind kind, std::string_view path) {
    const Reader& reader = context_.reader;
    return context_.watches.add(reader.connection, path, kind, reader.watch_limit);
  }

 private:
  void leave_or_tell(Watches::Kind kind, EventType type, std::string_view path) {
    if (!leave(kind, path)) tell(type, path);
  }
  void tell(EventType type, std::string_view path) {
    append_notification(events_, kNoTransaction, type, path);
  }

  const ReadContext& context_;
  int64_t seen_;
  std::string& events_;
};

struct WatcherQuery {
  NullableBytes path;
  WatcherType type = WatcherType::kAny;
};

ErrorCode read_query(JuteReader& in, WatcherQuery& query) {
  PathModeRequest request;
  request.read(in);
  if (!in.ok()) return ErrorCode::kMarshallingError;
  query = {request.path, static_cast<WatcherType>(request.mode)};
  switch (query.type) {
    case WatcherType::kChildren:
    case WatcherType::kData:
    case WatcherType::kAny:
    case WatcherType::kPersistent:
    case WatcherType::kPersistentRecursive:
      return query.path ? ErrorCode::kOk : ErrorCode::kBadArguments;
  }
  return ErrorCode::kMarshallingError;
}

}  // namespace

ErrorCode add_watch(const ReadContext& context, JuteReader& in, std::string& out) {
  PathModeRequest request;
  request.read(in);
  if (!in.ok()) return ErrorCode::kMarshallingError;
  Watches::Kind kind = Watches::kPersistent;
  switch (static_cast<AddWatchMode>(request.mode)) {
    case AddWatchMode::kPersistent: break;
    case AddWatchMode::kPersistentRecursive: kind = Watches::kPersistentRecursive; break;
    default: return ErrorCode::kMarshallingError;
  }
  if (!request.path) return ErrorCode::kBadArguments;
  const Reader& reader = context.reader;
  if (!context.watches.add(reader.connection, *request.path, kind, reader.watch_limit)) {
    return ErrorCode::kThrottledOp;
  }
  // The body is an error code of its own.
  JuteWriter(out).write_int(static_cast<int32_t>(ErrorCode::kOk));
  return ErrorCode::kOk;
}

ErrorCode check_watches(const ReadContext& context, JuteReader& in) {
  WatcherQuery query;
  if (const ErrorCode error = read_query(in, query); error != ErrorCode::kOk) return error;
  return context.watches.contains(context.reader.connection, *query.path, query.type)
             ? ErrorCode::kOk
             : ErrorCode::kNoWatcher;
}

ErrorCode remove_watches(const ReadContext& context, JuteReader& in) {
  WatcherQuery query;
  if (const ErrorCode error = read_query(in, query); error != ErrorCode::kOk) return error;
  return context.watches.remove(context.reader.connection, *query.path, query.type)
             ? ErrorCode::kOk
             : ErrorCode::kNoWatcher;
}

ErrorCode set_watches(const ReadContext& context, JuteReader& in, bool has_persistent,
                      std::string& events) {
  SetWatchesRequest request;
  request.read(in, has_persistent);
  if (!in.ok()) return ErrorCode::kMarshallingError;
  CatchUp catch_up(context, request.relative_zxid, events);
  // These first, for the others can be told at once instead.
  bool has_room = true;
  for (const std::string_view path : request.persistent) {
    has_room &= catch_up.leave(Watches::kPersistent, path);
  }
  for (const std::string_view path : request.persistent_recursive) {
    has_room &= catch_up.leave(Watches::kPersistentRecursive, path);
  }
  for (const std::string_view path : request.data) catch_up.data(path);
  for (const std::string_view path : request.exist) catch_up.exist(path);
  for (const std::string_view path : request.child) catch_up.child(path);
  return has_room ? ErrorCode::kOk : ErrorCode::kThrottledOp;
}

}  // namespace topod::state
