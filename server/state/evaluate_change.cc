// delete, setData, setACL and the check of a multi.
#include <limits>

#include "proto/mutants.h"
#include "server/state/evaluation.h"
#include "server/state/path.h"

namespace topod::state {

namespace {

bool is_valid(NullableBytes path) { return path && is_valid_path(*path); }

bool version_differs(int32_t wanted, int32_t actual) {
  return wanted != kAnyVersion && wanted != actual;
}

// -1 is left out on the way round: a client that names it means "any".
int32_t next_version(int32_t version) {
  if (version == std::numeric_limits<int32_t>::max()) return std::numeric_limits<int32_t>::min();
  return version == -2 ? 0 : version + 1;
}

int32_t wrapping_increment(int32_t number) {
  return static_cast<int32_t>(static_cast<uint32_t>(number) + 1);
}

}  // namespace

ErrorCode Evaluation::remove(const PathVersionRequest& request) {
  const std::string_view path = request.path.value_or(std::string_view{});
  if (!has_path_shape(path) || is_permanent_path(path)) return ErrorCode::kBadArguments;
  const std::string_view above = parent_path(path);
  const NodeSlot parent = state_.tree.find(above);
  if (parent == kNoNode) return ErrorCode::kNoNode;
  if (!allowed(parent, kPermDelete)) return ErrorCode::kNoAuth;
  // "//a" is not another name of "/a", although "/" is one of the root.
  const NodeSlot slot = above == "/" ? kNoNode : state_.tree.child(parent, last_component(path));
  if (slot == kNoNode) return ErrorCode::kNoNode;
  if (version_differs(request.version, state_.tree.fields(slot).version)) {
    return ErrorCode::kBadVersion;
  }
  if (state_.tree.child_count(slot) > 0) return ErrorCode::kNotEmpty;
  remove(slot, path);
  return ErrorCode::kOk;
}

void Evaluation::remove(NodeSlot slot, std::string_view path) {
  const NodeSlot parent = state_.tree.parent(slot);
  const size_t offset = effects_.event_paths.size();
  effects_.event_paths.append(path);
  tell(EventType::kNodeDeleted, offset, path.size(), state_.tree.fields(slot).acl);
  tell(EventType::kNodeChildrenChanged, offset, parent_path(path).size(),
       state_.tree.fields(parent).acl);
  writer_.remove(slot);
  NodeFields above = state_.tree.fields(parent);
  above.pzxid = zxid_;
  writer_.set_fields(parent, above);
}

void Evaluation::remove_ephemerals(const Session& session) {
  const std::vector<NodeId> ids(session.ephemerals.begin(), session.ephemerals.end());
  for (const NodeId id : ids) {
    if (MUTANT(EphemeralsStay) && ids.size() > 1 && id == ids.back()) break;
    const NodeSlot slot = state_.tree.by_id(id);
    remove(slot, state_.tree.path(slot));
  }
}

ErrorCode Evaluation::set_data(const SetDataRequest& request, std::string& out) {
  if (!is_valid(request.path)) return ErrorCode::kBadArguments;
  Tree& tree = state_.tree;
  const std::string_view path = *request.path;
  const NodeSlot slot = tree.find(path);
  if (slot == kNoNode) return ErrorCode::kNoNode;
  // The servers write it: a client's text there would send other clients to wrong addresses.
  if (path == kConfigPath || !allowed(slot, kPermWrite)) return ErrorCode::kNoAuth;
  const auto length = static_cast<int64_t>(request.data.value_or(std::string_view{}).size());
  if (const ErrorCode error = check_quota(tree.parent(slot), tree.name(slot),
                                          {0, length - int64_t{tree.data_length(slot)}});
      error != ErrorCode::kOk) {
    return error;
  }
  NodeFields fields = tree.fields(slot);
  if (version_differs(request.version, fields.version)) return ErrorCode::kBadVersion;

  fields.version = next_version(fields.version);
  fields.mzxid = zxid_;
  fields.mtime_ms = time_ms_;
  writer_.set_fields(slot, fields);
  writer_.set_data(slot, request.data);
  const size_t offset = effects_.event_paths.size();
  effects_.event_paths.append(path);
  tell(EventType::kNodeDataChanged, offset, path.size(), fields.acl);
  JuteWriter writer(out);
  tree.stat(slot).write(writer);
  return ErrorCode::kOk;
}

ErrorCode Evaluation::set_acl(const SetAclRequest& request, std::string& out) {
  if (!is_valid(request.path)) return ErrorCode::kBadArguments;
  const auto acl = stored_acl(request.acl);
  if (!acl) return acl.error();
  const NodeSlot slot = state_.tree.find(*request.path);
  if (slot == kNoNode) return ErrorCode::kNoNode;
  if (!allowed(slot, kPermAdmin)) return ErrorCode::kNoAuth;
  NodeFields fields = state_.tree.fields(slot);
  if (version_differs(request.version, fields.aversion)) return ErrorCode::kBadVersion;

  fields.aversion = wrapping_increment(fields.aversion);
  const AclId before = fields.acl;
  fields.acl = writer_.intern(*acl);
  writer_.set_fields(slot, fields);
  // An equal list: the node has had its reference.
  if (fields.acl == before) state_.acls.release(before);
  JuteWriter writer(out);
  state_.tree.stat(slot).write(writer);
  return ErrorCode::kOk;
}

ErrorCode Evaluation::check(const PathVersionRequest& request) {
  if (!is_valid(request.path)) return ErrorCode::kBadArguments;
  const NodeSlot slot = state_.tree.find(*request.path);
  if (slot == kNoNode) return ErrorCode::kNoNode;
  if (!allowed(slot, kPermRead)) return ErrorCode::kNoAuth;
  return version_differs(request.version, state_.tree.fields(slot).version) ? ErrorCode::kBadVersion
                                                                            : ErrorCode::kOk;
}

}  // namespace topod::state
