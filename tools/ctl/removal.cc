#include "tools/ctl/removal.h"

#include <algorithm>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

constexpr int kAttempts = 5;

bool is_permanent(const std::string& path) {
  return path == "/" || path == "/zookeeper" || is_below(path, "/zookeeper");
}

}  // namespace

Result<std::vector<std::string>> subtree_bottom_up(Znodes& znodes, const std::string& root) {
  if (is_permanent(root)) {
    return failure(ExitCode::kUsage, root + " belongs to the server and cannot be removed");
  }
  const auto all = znodes.walk(root, {});
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string> paths;
  for (auto znode = all->rbegin(); znode != all->rend(); ++znode) paths.push_back(znode->path);
  return paths;
}

Result<size_t> remove_subtree(Znodes& znodes, const std::string& root) {
  size_t removed = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto paths = subtree_bottom_up(znodes, root);
    if (!paths) {
      if (paths.error().code == ExitCode::kNotFound && attempt > 0) return removed;
      return tl::unexpected(paths.error());
    }
    std::vector<client::Request> requests;
    for (const std::string& path : *paths) {
      requests.push_back(client::remove_request(path, kAnyVersion));
    }
    const auto replies = znodes.call_all(std::move(requests));
    if (!replies) return tl::unexpected(replies.error());
    bool again = false;
    for (const auto& reply : *replies) {
      if (reply) ++removed;
      if (reply || reply.error().is(ErrorCode::kNoNode)) continue;
      if (!reply.error().is(ErrorCode::kNotEmpty)) {
        return tl::unexpected(failure_of(reply.error()));
      }
      again = true;
    }
    if (!again) return removed;
  }
  return failure(ExitCode::kConflict,
                 root + ": somebody creates znodes below as fast as they are removed");
}

}  // namespace topod::ctl
