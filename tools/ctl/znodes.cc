#include "tools/ctl/znodes.h"

#include <algorithm>
#include <utility>

namespace topod::ctl {

namespace {

// Requests of a walk that are prepared at once; the client limits what is under way.
constexpr size_t kBatch = 4'096;

NullableBytes bytes_of(const client::Data& data) {
  return data ? NullableBytes(std::string_view(*data)) : NullableBytes(std::nullopt);
}

ExitCode exit_code_of(const client::Error& error) {
  switch (error.failure) {
    case client::Failure::kRefused: break;
    case client::Failure::kBadArgument: return ExitCode::kUsage;
    case client::Failure::kNotObtained: return ExitCode::kConflict;
    case client::Failure::kAuthenticationFailed: return ExitCode::kForbidden;
    default: return ExitCode::kUnreachable;
  }
  switch (error.code) {
    case ErrorCode::kNoNode: return ExitCode::kNotFound;
    case ErrorCode::kNoAuth:
    case ErrorCode::kAuthFailed:
    case ErrorCode::kSessionClosedRequireAuth: return ExitCode::kForbidden;
    case ErrorCode::kBadVersion:
    case ErrorCode::kNodeExists:
    case ErrorCode::kNotEmpty: return ExitCode::kConflict;
    case ErrorCode::kBadArguments:
    case ErrorCode::kInvalidAcl: return ExitCode::kUsage;
    default: return ExitCode::kFailed;
  }
}

std::string sentence_of(const client::Error& error) {
  const std::string path = error.path.empty() ? "" : error.path + ": ";
  if (error.failure == client::Failure::kNotSent) {
    return "no server of " + (error.detail.empty() ? "the ensemble" : error.detail) +
           " serves: is it running, does it have a quorum?";
  }
  if (error.failure == client::Failure::kConnectionLost) {
    return path +
           "the connection was lost before the answer came; what was asked may have "
           "happened or not";
  }
  if (error.failure == client::Failure::kTimedOut) {
    return path + "no answer in time; what was asked may have happened, or may happen yet";
  }
  if (error.failure == client::Failure::kNotObtained) return path + error.detail;
  if (error.failure == client::Failure::kAuthenticationFailed) {
    return "the servers do not accept these credentials";
  }
  switch (error.code) {
    case ErrorCode::kNoNode: return path + "there is no such znode";
    case ErrorCode::kNoAuth: return path + "the access control list does not permit it";
    case ErrorCode::kBadVersion: return path + "it has been changed meanwhile (other version)";
    case ErrorCode::kNodeExists: return path + "it exists already";
    case ErrorCode::kNotEmpty: return path + "it has children";
    case ErrorCode::kNoChildrenForEphemerals:
      return path + "an ephemeral znode cannot have children";
    case ErrorCode::kBadArguments: return path + "this is no valid path";
    case ErrorCode::kNotReadOnly: return path + "the server has no quorum and serves reads only";
    default: return error.text();
  }
}

}  // namespace

Failure failure_of(const client::Error& error) { return {exit_code_of(error), sentence_of(error)}; }

CreateOptions file_options() {
  CreateOptions options;
  options.acls = {{.perms = kPermRead | kPermWrite | kPermAdmin}};
  return options;
}

bool has_same_shape(const Stat& a, const Stat& b) {
  return a.czxid == b.czxid && a.pzxid == b.pzxid && a.cversion == b.cversion &&
         a.aversion == b.aversion;
}

template <class T>
Result<T> Znodes::checked(client::Result<T> result) {
  if (!result) return tl::unexpected(failure_of(result.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

Result<Node> Znodes::get(const std::string& path) { return checked(client_->get(path)); }

Result<std::optional<Node>> Znodes::get_if_there(const std::string& path) {
  auto node = client_->get(path);
  if (node) return std::move(*node);
  if (node.error().is(ErrorCode::kNoNode)) return std::optional<Node>();
  return tl::unexpected(failure_of(node.error()));
}

Result<std::optional<Stat>> Znodes::exists(const std::string& path) {
  return checked(client_->exists(path));
}

Result<Children> Znodes::children(const std::string& path) {
  return checked(client_->children(path));
}

Result<std::vector<std::string>> Znodes::children_if_there(const std::string& path) {
  auto children = client_->children(path);
  if (children) return std::move(children->names);
  if (children.error().is(ErrorCode::kNoNode)) return std::vector<std::string>();
  return tl::unexpected(failure_of(children.error()));
}

Result<client::AclsOf> Znodes::acls(const std::string& path) {
  return checked(client_->acls(path));
}

Result<client::Created> Znodes::create(const std::string& path, const client::Data& data,
                                       const CreateOptions& options) {
  return checked(client_->create(path, bytes_of(data), options));
}

Result<client::Created> Znodes::create_with_parents(const std::string& path,
                                                    const client::Data& data,
                                                    const CreateOptions& options) {
  auto created = client_->create(path, bytes_of(data), options);
  if (!created && created.error().is(ErrorCode::kNoNode)) {
    const std::string parent = path.substr(0, path.rfind('/'));
    if (auto made = client_->make_path(parent); !made) {
      return tl::unexpected(failure_of(made.error()));
    }
    created = client_->create(path, bytes_of(data), options);
  }
  return checked(std::move(created));
}

Result<Stat> Znodes::set(const std::string& path, const client::Data& data, int32_t version) {
  return checked(client_->set(path, bytes_of(data), version));
}

Result<void> Znodes::remove(const std::string& path, int32_t version) {
  return checked(client_->remove(path, version));
}

Result<void> Znodes::sync() { return checked(client_->sync()); }

Result<std::vector<client::Result<client::Reply>>> Znodes::call_all(
    std::vector<client::Request> requests) {
  auto replies = client_->call_all(requests);
  for (const auto& reply : replies) {
    if (!reply && reply.error().failure != client::Failure::kRefused) {
      return tl::unexpected(failure_of(reply.error()));
    }
  }
  return replies;
}

Result<std::vector<client::MultiResult>> Znodes::multi(
    const std::vector<client::Request>& operations) {
  return checked(client_->multi(operations));
}

bool Znodes::leaves_out(const std::string& path, const client::Error& error) {
  if (!leaves_out_ || !error.is(ErrorCode::kNoAuth)) return false;
  left_out_.insert(path);
  return true;
}

Result<std::vector<Znode>> Znodes::get_all(const std::vector<std::string>& paths) {
  std::vector<Znode> all;
  for (size_t begin = 0; begin < paths.size(); begin += kBatch) {
    const size_t end = std::min(paths.size(), begin + kBatch);
    std::vector<client::Request> requests;
    for (size_t i = begin; i < end; ++i) requests.push_back(client::get_request(paths[i]));
    auto replies = call_all(std::move(requests));
    if (!replies) return tl::unexpected(replies.error());
    for (size_t i = begin; i < end; ++i) {
      auto& reply = (*replies)[i - begin];
      auto node = reply ? client::node(*reply) : tl::unexpected(reply.error());
      if (!node && node.error().is(ErrorCode::kNoNode)) continue;
      if (!node && leaves_out(paths[i], node.error())) continue;
      if (!node) return tl::unexpected(failure_of(node.error()));
      all.push_back({.path = paths[i],
                     .data = std::move(node->data),
                     .stat = node->stat,
                     .acls = {},
                     .children = {}});
    }
  }
  return all;
}

namespace {

// What one level of a walk asks of each znode: children, and data and ACL if wanted. The stat is
// the children's, or the data's.
class Level {
 public:
  Level(Znodes& znodes, const Znodes::WalkOptions& options, bool is_root)
      : znodes_(znodes), options_(options), is_root_(is_root) {}

  Result<std::vector<Znode>> read(const std::vector<std::string>& paths) {
    std::vector<Znode> found;
    for (size_t begin = 0; begin < paths.size(); begin += kBatch) {
      const size_t end = std::min(paths.size(), begin + kBatch);
      std::vector<client::Request> requests;
      for (size_t i = begin; i < end; ++i) add_requests(paths[i], requests);
      auto replies = znodes_.call_all(std::move(requests));
      if (!replies) return tl::unexpected(replies.error());
      size_t next = 0;
      for (size_t i = begin; i < end; ++i) {
        auto znode = take(paths[i], *replies, next);
        if (!znode) return tl::unexpected(znode.error());
        if (*znode) found.push_back(std::move(**znode));
      }
    }
    return found;
  }

 private:
  [[nodiscard]] size_t requests_each() const {
    return 1U + (options_.with_data ? 1U : 0U) + (options_.with_acls ? 1U : 0U);
  }

  void add_requests(const std::string& path, std::vector<client::Request>& requests) const {
    requests.push_back(client::children_request(path));
    if (options_.with_data) requests.push_back(client::get_request(path));
    if (options_.with_acls) requests.push_back(client::acls_request(path));
  }

  static void compare(Znode& znode, const Stat& stat) {
    znode.steady = znode.steady && stat == znode.stat;
    znode.steady_shape = znode.steady_shape && has_same_shape(stat, znode.stat);
  }

  Result<std::optional<Znode>> take(const std::string& path,
                                    std::vector<client::Result<client::Reply>>& replies,
                                    size_t& next) const {
    const size_t begin = std::exchange(next, next + requests_each());
    for (size_t i = begin; i < next; ++i) {
      if (replies[i]) continue;
      if (replies[i].error().is(ErrorCode::kNoNode)) return std::optional<Znode>();
      if (!is_root_ && znodes_.leaves_out(path, replies[i].error())) return std::optional<Znode>();
      return tl::unexpected(failure_of(replies[i].error()));
    }
    Znode znode;
    znode.path = path;
    size_t at = begin;
    auto children = client::children(*replies[at++]);
    if (!children) return tl::unexpected(failure_of(children.error()));
    std::sort(children->names.begin(), children->names.end());
    znode.children = std::move(children->names);
    znode.stat = children->stat;
    if (options_.with_data) {
      auto node = client::node(*replies[at++]);
      if (!node) return tl::unexpected(failure_of(node.error()));
      znode.data = std::move(node->data);
      compare(znode, node->stat);
      znode.stat = node->stat;
    }
    if (options_.with_acls) {
      auto acls = client::acls(*replies[at++]);
      if (!acls) return tl::unexpected(failure_of(acls.error()));
      znode.acls = std::move(acls->acls);
      compare(znode, acls->stat);
    }
    return znode;
  }

  Znodes& znodes_;
  const Znodes::WalkOptions& options_;
  bool is_root_;
};

}  // namespace

Result<std::vector<Znode>> Znodes::walk(const std::string& root, const WalkOptions& options) {
  std::vector<Znode> all;
  std::vector<std::string> level = {root};
  for (int depth = 0; !level.empty() && depth <= options.depth; ++depth) {
    auto found = Level(*this, options, depth == 0).read(level);
    if (!found) return tl::unexpected(found.error());
    level.clear();
    for (Znode& znode : *found) {
      for (const std::string& name : znode.children) {
        level.push_back((znode.path == "/" ? "" : znode.path) + "/" + name);
      }
      all.push_back(std::move(znode));
    }
  }
  if (all.empty()) return failure(ExitCode::kNotFound, root + ": there is no such znode");
  return all;
}

}  // namespace topod::ctl
