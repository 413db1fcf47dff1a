#include "tests/unit/state/naive_tree.h"

#include <cstdio>

#include "server/state/path.h"
#include "server/state/quota.h"

namespace topod::state {

namespace {

const std::string kQuota(kQuotaPath);
const std::string kLimits = "/" + std::string(kQuotaLimitsName);
const std::string kStats = "/" + std::string(kQuotaStatsName);

NaiveResult failed(ErrorCode error) { return {error, {}, {}, {}}; }

bool is_root(const std::string& path) { return path.empty() || path == "/"; }

// The spelling under which the map knows a parent.
std::string parent_of(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/'));
  return parent.empty() ? "/" : parent;
}

bool is_below(const std::string& path, const std::string& top) {
  if (is_root(top)) return path != "/";
  return path.size() > top.size() && path.compare(0, top.size() + 1, top + "/") == 0;
}

bool wrong_version(int32_t wanted, int32_t actual) { return wanted != -1 && wanted != actual; }

std::string text(NullableBytes bytes) { return std::string(bytes.value_or("")); }

}  // namespace

NaiveTree::NaiveTree() {
  for (const char* path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    nodes_[path] = {"", {}, 0, false, 0, world_acl(kPermAll)};
  }
  nodes_["/"].stat.cversion = -1;
  nodes_["/zookeeper"].stat.cversion = -2;
  nodes_["/zookeeper/config"].stat.version = -1;
  nodes_["/zookeeper/config"].stat.aversion = -1;
  nodes_["/zookeeper/config"].acl = world_acl(kPermRead);
}

NaiveResult NaiveTree::evaluate(const Request& request, const NaiveCaller& caller) {
  caller_ = caller;
  if (request.op == OpCode::kMulti) return multi(request.body);
  JuteReader in(request.body);
  return operation(request.op, in, false);
}

NaiveResult NaiveTree::operation(OpCode op, JuteReader& in, bool in_multi) {
  NaiveResult result;
  if (op == OpCode::kDelete || op == OpCode::kCheck) {
    PathVersionRequest request;
    request.read(in);
    if (!in.ok()) return failed(ErrorCode::kMarshallingError);
    result = op == OpCode::kDelete ? remove(request) : check(request);
  } else if (op == OpCode::kSetData) {
    SetDataRequest request;
    request.read(in);
    if (!in.ok()) return failed(ErrorCode::kMarshallingError);
    result = set_data(request);
  } else if (op == OpCode::kSetAcl) {
    SetAclRequest request;
    request.read(in);
    if (!in.ok()) return failed(ErrorCode::kMarshallingError);
    result = set_acl(request);
  } else {
    CreateRequest request;
    request.read(in, op == OpCode::kCreateTtl);
    if (!in.ok()) return failed(ErrorCode::kMarshallingError);
    result = create(op, request, in_multi);
  }
  rewrite_stats();
  return result;
}

NaiveResult NaiveTree::create(OpCode op, const CreateRequest& request, bool in_multi) {
  const int32_t flags = request.flags;
  const bool sequential = flags == 2 || flags == 3 || flags == 6;
  const bool with_ttl = flags == 5 || flags == 6;
  if (flags < 0 || flags > 6) return failed(ErrorCode::kBadArguments);
  if (with_ttl && !caller_.ttl_enabled) return failed(ErrorCode::kUnimplemented);
  if (op == OpCode::kCreateTtl) {
    if (!with_ttl || request.ttl_ms < 1 || request.ttl_ms > 1099511627775) {
      return failed(ErrorCode::kBadArguments);
    }
  } else if (with_ttl) {
    return failed(ErrorCode::kBadArguments);
  }
  if (op == OpCode::kCreateContainer && flags != 0 && flags != 4) {
    return failed(ErrorCode::kBadArguments);
  }
  std::string path = text(request.path);
  if (path.find('/') == std::string::npos || path.find('\0') != std::string::npos) {
    return failed(ErrorCode::kBadArguments);
  }
  const auto acl = normalise_acl(request.acl, caller_.ids);
  if (!acl) return failed(acl.error());
  const std::string parent = parent_of(path);
  if (nodes_.count(parent) == 0) return failed(ErrorCode::kNoNode);
  if (!allowed(parent, kPermCreate)) return failed(ErrorCode::kNoAuth);
  NaiveNode& above = nodes_[parent];
  if (sequential) {
    char number[24];
    std::snprintf(number, sizeof number, "%010lld", static_cast<long long>(above.children_created));
    path += number;
  }
  if (!is_valid_path(path)) return failed(ErrorCode::kBadArguments);
  if (nodes_.count(path) > 0) return failed(ErrorCode::kNodeExists);
  if (above.stat.ephemeral_owner != 0) return failed(ErrorCode::kNoChildrenForEphemerals);
  if (!fits_quota(path, 1, static_cast<int64_t>(text(request.data).size()))) {
    return failed(ErrorCode::kQuotaExceeded);
  }

  NaiveNode node;
  if (request.data) node.data = text(request.data);
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = caller_.zxid;
  node.stat.ctime_ms = node.stat.mtime_ms = caller_.time_ms;
  if (flags == 1 || flags == 3) node.stat.ephemeral_owner = caller_.session;
  node.is_reapable =
      op == OpCode::kCreateContainer || (flags == 4 && in_multi) || op == OpCode::kCreateTtl;
  if (with_ttl) node.ttl_ms = request.ttl_ms;
  node.acl = *acl;
  nodes_[path] = node;
  ++above.children_created;
  ++above.stat.cversion;
  above.stat.pzxid = caller_.zxid;
  rewrite_stats();
  return {ErrorCode::kOk, path, stat(path), {}};
}

NaiveResult NaiveTree::remove(const PathVersionRequest& request) {
  const std::string path = text(request.path);
  if (path.find('/') == std::string::npos || path.find('\0') != std::string::npos ||
      is_permanent_path(path)) {
    return failed(ErrorCode::kBadArguments);
  }
  const std::string parent = parent_of(path);
  if (nodes_.count(parent) == 0) return failed(ErrorCode::kNoNode);
  if (!allowed(parent, kPermDelete)) return failed(ErrorCode::kNoAuth);
  if (nodes_.count(path) == 0) return failed(ErrorCode::kNoNode);
  if (wrong_version(request.version, nodes_[path].stat.version)) {
    return failed(ErrorCode::kBadVersion);
  }
  if (!children(path).empty()) return failed(ErrorCode::kNotEmpty);
  erase(path, caller_.zxid);
  return {};
}

NaiveResult NaiveTree::set_data(const SetDataRequest& request) {
  const std::string path = text(request.path);
  if (!is_valid_path(path)) return failed(ErrorCode::kBadArguments);
  if (nodes_.count(path) == 0) return failed(ErrorCode::kNoNode);
  if (path == kConfigPath || !allowed(path, kPermWrite)) return failed(ErrorCode::kNoAuth);
  NaiveNode& node = nodes_[path];
  const auto before = static_cast<int64_t>(node.data.value_or("").size());
  const auto after = static_cast<int64_t>(text(request.data).size());
  if (!fits_quota(path, 0, after - before)) return failed(ErrorCode::kQuotaExceeded);
  if (wrong_version(request.version, node.stat.version)) return failed(ErrorCode::kBadVersion);
  node.data = request.data ? std::optional<std::string>(text(request.data)) : std::nullopt;
  ++node.stat.version;
  node.stat.mzxid = caller_.zxid;
  node.stat.mtime_ms = caller_.time_ms;
  rewrite_stats();
  return {ErrorCode::kOk, {}, stat(path), {}};
}

NaiveResult NaiveTree::set_acl(const SetAclRequest& request) {
  const std::string path = text(request.path);
  if (!is_valid_path(path)) return failed(ErrorCode::kBadArguments);
  const auto acl = normalise_acl(request.acl, caller_.ids);
  if (!acl) return failed(acl.error());
  if (nodes_.count(path) == 0) return failed(ErrorCode::kNoNode);
  if (!allowed(path, kPermAdmin)) return failed(ErrorCode::kNoAuth);
  NaiveNode& node = nodes_[path];
  if (wrong_version(request.version, node.stat.aversion)) return failed(ErrorCode::kBadVersion);
  node.acl = *acl;
  ++node.stat.aversion;
  return {ErrorCode::kOk, {}, stat(path), {}};
}

NaiveResult NaiveTree::check(const PathVersionRequest& request) {
  const std::string path = text(request.path);
  if (!is_valid_path(path)) return failed(ErrorCode::kBadArguments);
  if (nodes_.count(path) == 0) return failed(ErrorCode::kNoNode);
  if (!allowed(path, kPermRead)) return failed(ErrorCode::kNoAuth);
  if (wrong_version(request.version, nodes_[path].stat.version)) {
    return failed(ErrorCode::kBadVersion);
  }
  return {};
}

// The body is one of `multi` of state_driver.h, whole.
NaiveResult NaiveTree::multi(const std::string& body) {
  const auto before = nodes_;
  NaiveResult result;
  JuteReader in(body);
  bool has_failed = false;
  while (true) {
    MultiHeader header;
    header.read(in);
    if (header.done) break;
    const auto op = static_cast<OpCode>(header.type);
    if (has_failed) {
      // Decoded only, to find the next one.
      const auto state_so_far = nodes_;
      operation(op, in, true);
      nodes_ = state_so_far;
      result.operations.push_back(failed(ErrorCode::kRuntimeInconsistency));
      continue;
    }
    result.operations.push_back(operation(op, in, true));
    has_failed = result.operations.back().error != ErrorCode::kOk;
  }
  if (has_failed) {
    nodes_ = before;
  }
  return result;
}

void NaiveTree::end_session(int64_t session, int64_t zxid) {
  std::vector<std::string> ephemerals;
  for (const auto& [path, node] : nodes_) {
    if (node.stat.ephemeral_owner == session) ephemerals.push_back(path);
  }
  for (const std::string& path : ephemerals) erase(path, zxid);
  rewrite_stats();
}

void NaiveTree::reap(const std::string& path, int64_t zxid, int64_t time_ms) {
  const NaiveNode& node = nodes_.at(path);
  if (!node.is_reapable || !children(path).empty()) return;
  if (node.ttl_ms > 0 && time_ms - node.stat.mtime_ms <= node.ttl_ms) return;
  erase(path, zxid);
  rewrite_stats();
}

void NaiveTree::erase(const std::string& path, int64_t zxid) {
  nodes_.erase(path);
  NaiveNode& above = nodes_.at(parent_of(path));
  ++above.stat.cversion;
  above.stat.pzxid = zxid;
}

Stat NaiveTree::stat(const std::string& path) const {
  const NaiveNode& node = nodes_.at(path);
  Stat stat = node.stat;
  stat.data_length = static_cast<int32_t>(node.data.value_or("").size());
  stat.num_children = static_cast<int32_t>(children(path).size());
  return stat;
}

std::vector<std::string> NaiveTree::children(const std::string& path) const {
  std::vector<std::string> names;
  for (const auto& [other, node] : nodes_) {
    if (other != "/" && parent_of(other) == path)
      names.push_back(other.substr(other.rfind('/') + 1));
  }
  return names;
}

bool NaiveTree::allowed(const std::string& path, int32_t wanted) const {
  return caller_.skip_acl || permits(nodes_.at(path).acl, wanted, caller_.ids);
}

// ---- quotas ---------------------------------------------------------------------------------

std::string NaiveTree::quota_of(const std::string& path) const {
  if (path == "/zookeeper" || is_below(path, "/zookeeper")) return "";
  for (std::string at = path; at != "/"; at = parent_of(at)) {
    if (nodes_.count(kQuota + at + kLimits) > 0) return at;
  }
  return "";
}

std::pair<int64_t, int64_t> NaiveTree::usage_of(const std::string& quota) const {
  std::pair<int64_t, int64_t> usage;
  for (const auto& [path, node] : nodes_) {
    if (quota_of(path) != quota) continue;
    ++usage.first;
    usage.second += static_cast<int64_t>(node.data.value_or("").size());
  }
  return usage;
}

bool NaiveTree::fits_quota(const std::string& path, int64_t count, int64_t bytes) const {
  const std::string quota = quota_of(path);
  if (quota.empty() || !caller_.enforce_quota) return true;
  const QuotaLimits limits =
      parse_quota_limits(nodes_.at(kQuota + quota + kLimits).data.value_or(""));
  const auto [used_count, used_bytes] = usage_of(quota);
  return (count <= 0 || limits.count_hard < 0 || used_count + count <= limits.count_hard) &&
         (bytes <= 0 || limits.bytes_hard < 0 || used_bytes + bytes <= limits.bytes_hard);
}

void NaiveTree::rewrite_stats() {
  for (auto& [path, node] : nodes_) {
    if (!is_below(path, kQuota)) continue;
    const std::string directory = parent_of(path);
    if (directory + kStats != path || !is_below(directory, kQuota)) continue;
    const std::string quota = directory.substr(kQuota.size());
    if (nodes_.count(directory + kLimits) == 0) continue;
    if (quota == "/zookeeper" || is_below(quota, "/zookeeper")) continue;
    const auto [count, bytes] = usage_of(quota);
    node.data = "count=" + std::to_string(count) + ",bytes=" + std::to_string(bytes);
  }
}

}  // namespace topod::state
