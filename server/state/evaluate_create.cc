// create, create2, createContainer, createTTL.
#include <charconv>

#include "server/state/evaluation.h"
#include "server/state/path.h"

namespace topod::state {

namespace {

bool is_sequential(CreateMode mode) {
  return mode == CreateMode::kPersistentSequential || mode == CreateMode::kEphemeralSequential ||
         mode == CreateMode::kPersistentSequentialTtl;
}

bool has_ttl(CreateMode mode) {
  return mode == CreateMode::kPersistentTtl || mode == CreateMode::kPersistentSequentialTtl;
}

NodeKind kind_of(CreateMode mode) {
  switch (mode) {
    case CreateMode::kPersistent:
    case CreateMode::kPersistentSequential: return NodeKind::kPersistent;
    case CreateMode::kEphemeral:
    case CreateMode::kEphemeralSequential: return NodeKind::kEphemeral;
    case CreateMode::kContainer: return NodeKind::kContainer;
    case CreateMode::kPersistentTtl:
    case CreateMode::kPersistentSequentialTtl: return NodeKind::kTtl;
  }
  __builtin_unreachable();
}

// At least ten digits, so that names sort as numbers do. The counter has 64 bits: it goes on past
// 2147483647, where ZooKeeper's sticks and creations collide.
void append_sequence(std::string& path, int64_t number) {
  char digits[20];
  const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  const auto count = static_cast<size_t>(end - digits);
  if (count < 10) path.append(10 - count, '0');
  path.append(digits, count);
}

}  // namespace

ErrorCode Evaluation::choose_mode(OpCode op, const CreateRequest& request, CreateMode& mode) const {
  constexpr ErrorCode kBad = ErrorCode::kBadArguments;
  if (request.flags < 0 ||
      request.flags > static_cast<int32_t>(CreateMode::kPersistentSequentialTtl)) {
    return kBad;
  }
  mode = static_cast<CreateMode>(request.flags);
  if (has_ttl(mode) && !write_->ttl_enabled()) return ErrorCode::kUnimplemented;
  // A time to live and an operation that carries one go together.
  if (has_ttl(mode) != (op == OpCode::kCreateTtl)) return kBad;
  if (has_ttl(mode) && (request.ttl_ms <= 0 || request.ttl_ms > kTtlMaxMs)) return kBad;
  if (op == OpCode::kCreateContainer) {
    if (mode != CreateMode::kPersistent && mode != CreateMode::kContainer) return kBad;
    mode = CreateMode::kContainer;
  } else if (mode == CreateMode::kContainer && !in_multi_) {
    // ZooKeeper's way: clients ask for containers with an operation of their own, and only
    // inside a multi by the flags alone.
    mode = CreateMode::kPersistent;
  }
  return ErrorCode::kOk;
}

ErrorCode Evaluation::create(OpCode op, const CreateRequest& request, std::string& out) {
  CreateMode mode;
  if (const ErrorCode error = choose_mode(op, request, mode); error != ErrorCode::kOk) {
    return error;
  }
  const std::string_view asked = request.path.value_or(std::string_view{});
  if (!has_path_shape(asked)) return ErrorCode::kBadArguments;
  const auto acl = stored_acl(request.acl);
  if (!acl) return acl.error();
  const NodeSlot parent = state_.tree.find(parent_path(asked));
  if (parent == kNoNode) return ErrorCode::kNoNode;
  if (!allowed(parent, kPermCreate)) return ErrorCode::kNoAuth;

  // The final path is spelled where the events need it.
  std::string& paths = effects_.event_paths;
  const size_t offset = paths.size();
  paths.append(asked);
  if (is_sequential(mode)) append_sequence(paths, state_.tree.fields(parent).children_created);
  const std::string_view path = std::string_view(paths).substr(offset);
  if (const ErrorCode error = check_creation(parent, path, request.data); error != ErrorCode::kOk) {
    paths.resize(offset);
    return error;
  }

  const NodeSlot slot = add_node(parent, last_component(path), request, mode, *acl);
  tell(EventType::kNodeCreated, offset, path.size(), state_.tree.fields(slot).acl);
  tell(EventType::kNodeChildrenChanged, offset, parent_path(path).size(),
       state_.tree.fields(parent).acl);
  JuteWriter writer(out);
  writer.write_string(path);
  if (op != OpCode::kCreate) state_.tree.stat(slot).write(writer);
  return ErrorCode::kOk;
}

// What can only be judged by the final path.
ErrorCode Evaluation::check_creation(NodeSlot parent, std::string_view path, NullableBytes data) {
  if (path == "/") return ErrorCode::kNodeExists;
  if (!is_valid_path(path)) return ErrorCode::kBadArguments;
  const std::string_view name = last_component(path);
  if (state_.tree.child(parent, name) != kNoNode) return ErrorCode::kNodeExists;
  if (state_.tree.fields(parent).kind == NodeKind::kEphemeral) {
    return ErrorCode::kNoChildrenForEphemerals;
  }
  const auto bytes = static_cast<int64_t>(data.value_or(std::string_view{}).size());
  return check_quota(parent, name, {1, bytes});
}

NodeSlot Evaluation::add_node(NodeSlot parent, std::string_view name, const CreateRequest& request,
                              CreateMode mode, const Acl& acl) {
  Tree& tree = state_.tree;
  NodeFields fields;
  fields.id = NodeId(tree.next_node_id());
  tree.set_next_node_id(fields.id.value() + 1);
  fields.czxid = fields.mzxid = fields.pzxid = zxid_;
  fields.ctime_ms = fields.mtime_ms = time_ms_;
  fields.kind = kind_of(mode);
  if (fields.kind == NodeKind::kEphemeral) fields.owner_or_ttl_ms = write_->session();
  if (fields.kind == NodeKind::kTtl) fields.owner_or_ttl_ms = request.ttl_ms;
  fields.acl = writer_.intern(acl);

  NodeFields above = tree.fields(parent);
  above.pzxid = zxid_;
  ++above.children_created;
  writer_.set_fields(parent, above);
  return writer_.create(parent, name, request.data, fields);
}

}  // namespace topod::state
