#include "tools/ctl/importer.h"

#include <algorithm>

#include "tools/ctl/compare.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

using Kind = ImportStep::Kind;

constexpr size_t kBatch = 1'000;

std::string on_server(const std::string& target, const std::string& relative) {
  if (relative.empty()) return target;
  return (target == "/" ? "" : target) + relative;
}

bool has_children(const Exported& exported, const std::string& relative) {
  const auto next = exported.nodes.upper_bound(relative + "/");
  return next != exported.nodes.end() && next->first.starts_with(relative + "/");
}

client::Request request_of(const ImportStep& step, const Exported& wanted) {
  if (step.kind == Kind::kRemove) return client::remove_request(step.path, step.version);
  const ExportedNode& node = wanted.nodes.at(step.relative);
  const NullableBytes data =
      node.data ? NullableBytes(std::string_view(*node.data)) : NullableBytes(std::nullopt);
  switch (step.kind) {
    case Kind::kUpdate: return client::set_request(step.path, data, step.version);
    case Kind::kSetAcl: return client::set_acls_request(step.path, node.acls, kAnyVersion);
    case Kind::kCreate:
    case Kind::kRemove: break;
  }
  CreateOptions options;
  // An ACL that would not let us create below it comes last.
  if (!has_children(wanted, step.relative)) options.acls = node.acls;
  return client::create_request(step.path, data, options);
}

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kCreate: return "create";
    case Kind::kUpdate: return "update";
    case Kind::kSetAcl: return "set-acl";
    case Kind::kRemove: return "remove";
  }
  return "unknown";
}

ImportPlan plan_import(const Exported& wanted, const Exported& there, const std::string& target,
                       const ImportOptions& options) {
  ImportPlan plan;
  std::vector<ImportStep> acls;
  for (const auto& [relative, node] : wanted.nodes) {
    if (node.is_ephemeral) {
      ++plan.ephemerals;
      continue;
    }
    const std::string path = on_server(target, relative);
    const auto found = there.nodes.find(relative);
    if (found == there.nodes.end()) {
      plan.steps.push_back({Kind::kCreate, path, relative, kAnyVersion});
      if (has_children(wanted, relative) && node.acls != client::open_acls()) {
        acls.push_back({Kind::kSetAcl, path, relative, kAnyVersion});
      }
      continue;
    }
    const bool same_data = found->second.data.value_or("") == node.data.value_or("");
    const bool same_acls = found->second.acls == node.acls;
    if (same_data && same_acls) {
      ++plan.unchanged;
    } else if (!options.overwrite) {
      plan.conflicts.push_back(path);
    } else {
      if (!same_data) {
        plan.steps.push_back({Kind::kUpdate, path, relative, found->second.stat.version});
      }
      if (!same_acls) acls.push_back({Kind::kSetAcl, path, relative, kAnyVersion});
    }
  }
  if (options.remove) {
    // Children before parents: the reverse order of their paths.
    for (auto it = there.nodes.rbegin(); it != there.nodes.rend(); ++it) {
      if (wanted.nodes.contains(it->first) || it->second.is_ephemeral || it->first.empty())
        continue;
      plan.steps.push_back(
          {Kind::kRemove, on_server(target, it->first), "", it->second.stat.version});
    }
  }
  plan.steps.insert(plan.steps.end(), acls.rbegin(), acls.rend());
  return plan;
}

Result<Exported> read_target(Znodes& znodes, const std::string& target) {
  const auto there = znodes.exists(target);
  if (!there) return tl::unexpected(there.error());
  if (!*there) return Exported{.root = target, .zxid = {}, .at_one_zxid = true, .nodes = {}};
  auto subtree = read_subtree(znodes, target, true);
  if (!subtree) return tl::unexpected(subtree.error());
  return exported(std::move(*subtree));
}

Result<void> carry_out(Znodes& znodes, const ImportPlan& plan, const Exported& wanted) {
  if (plan.steps.empty()) return {};
  const std::string parent = parent_of(plan.steps.front().path);
  if (parent != "/") {
    if (auto made = znodes.client().make_path(parent); !made) {
      return tl::unexpected(failure_of(made.error()));
    }
  }
  for (size_t begin = 0; begin < plan.steps.size(); begin += kBatch) {
    const size_t end = std::min(plan.steps.size(), begin + kBatch);
    std::vector<client::Request> requests;
    for (size_t i = begin; i < end; ++i) requests.push_back(request_of(plan.steps[i], wanted));
    const auto replies = znodes.call_all(std::move(requests));
    if (!replies) return tl::unexpected(replies.error());
    for (size_t i = begin; i < end; ++i) {
      const auto& reply = (*replies)[i - begin];
      if (reply) continue;
      Failure why = failure_of(reply.error());
      why.what = std::string(name_of(plan.steps[i].kind)) + " " + why.what +
                 "; what came before it is done, running the import again goes on";
      return tl::unexpected(std::move(why));
    }
  }
  return {};
}

}  // namespace topod::ctl
