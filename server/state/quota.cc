#include "server/state/quota.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "proto/check.h"
#include "server/state/path.h"

namespace topod::state {

namespace {

constexpr std::string_view kZookeeperName = "zookeeper";

bool is_quota_node_name(std::string_view name) {
  return name == kQuotaLimitsName || name == kQuotaStatsName;
}

// Slots from below `top` down to `slot`, which lies below it; empty if it does not.
std::vector<NodeSlot> slots_below(const Tree& tree, NodeSlot top, NodeSlot slot) {
  std::vector<NodeSlot> chain;
  for (; slot != top; slot = tree.parent(slot)) {
    if (slot == kNoNode) return {};
    chain.push_back(slot);
  }
  return {chain.rbegin(), chain.rend()};
}

// Whether a limits node in this directory makes a quota.
bool is_quota_directory(const Tree& tree, NodeSlot directory) {
  const auto chain = slots_below(tree, tree.find(kQuotaPath), directory);
  return !chain.empty() && tree.name(chain.front()) != kZookeeperName;
}

// Whether the slot is a limits or stats node of the quota of its directory.
bool is_quota_node(const Tree& tree, NodeSlot slot) {
  return is_quota_node_name(tree.name(slot)) && tree.parent(slot) != kNoNode &&
         is_quota_directory(tree, tree.parent(slot));
}

// The node whose path the directory names; kNoNode while there is none.
NodeSlot subject_of(const Tree& tree, NodeSlot directory) {
  NodeSlot subject = tree.root();
  for (const NodeSlot slot : slots_below(tree, tree.find(kQuotaPath), directory)) {
    subject = tree.child(subject, tree.name(slot));
    if (subject == kNoNode) break;
  }
  return subject;
}

// The number behind "key" and '=', -1 if there is none.
int64_t number_of(std::string_view text, std::string_view key) {
  constexpr std::string_view kSeparators = ",;=";
  for (size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    if (at > 0 && kSeparators.find(text[at - 1]) == std::string_view::npos) continue;
    std::string_view rest = text.substr(at + key.size());
    if (rest.empty() || rest[0] != '=') continue;
    rest.remove_prefix(1);
    int64_t number = -1;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    return error == std::errc{} ? number : -1;
  }
  return -1;
}

QuotaLimits limits_of(const Tree& tree, NodeSlot limits) {
  return parse_quota_limits(tree.data(limits).value_or(std::string_view{}));
}

QuotaVerdict judge_one(int64_t usage, int64_t more, int64_t soft, int64_t hard) {
  if (more <= 0) return QuotaVerdict::kWithin;
  if (hard >= 0) {
    return usage + more > hard ? QuotaVerdict::kOverHardLimit : QuotaVerdict::kWithin;
  }
  return soft >= 0 && usage + more > soft ? QuotaVerdict::kOverSoftLimit : QuotaVerdict::kWithin;
}

}  // namespace

QuotaLimits parse_quota_limits(std::string_view text) {
  return {.count = number_of(text, "count"),
          .bytes = number_of(text, "bytes"),
          .count_hard = number_of(text, "countHardLimit"),
          .bytes_hard = number_of(text, "byteHardLimit")};
}

std::string format_quota_usage(const QuotaUsage& usage) {
  return "count=" + std::to_string(usage.count) + ",bytes=" + std::to_string(usage.bytes);
}

QuotaVerdict judge(const Quota& quota, const QuotaUsage& more) {
  const QuotaLimits& limits = quota.limits;
  const auto count = judge_one(quota.usage.count, more.count, limits.count, limits.count_hard);
  const auto bytes = judge_one(quota.usage.bytes, more.bytes, limits.bytes, limits.bytes_hard);
  return std::max(count, bytes);
}

const Quota* Quotas::find(NodeId directory) const {
  const auto found = quotas_.find(directory);
  return found == quotas_.end() ? nullptr : &found->second;
}

// Goes down the directories beside the path that the child has.
Quotas::Row* Quotas::governing_row(const Tree& tree, NodeSlot parent, std::string_view name) {
  if (quotas_.empty() || parent == kNoNode) return nullptr;
  const auto chain = slots_below(tree, tree.root(), parent);
  const std::string_view first = chain.empty() ? name : tree.name(chain.front());
  if (first == kZookeeperName) return nullptr;
  NodeSlot directory = tree.find(kQuotaPath);
  Row* nearest = nullptr;
  for (size_t depth = 0; depth <= chain.size(); ++depth) {
    directory = tree.child(directory, depth < chain.size() ? tree.name(chain[depth]) : name);
    if (directory == kNoNode) break;
    const auto found = quotas_.find(tree.fields(directory).id);
    if (found != quotas_.end()) nearest = &*found;
  }
  return nearest;
}

const Quota* Quotas::governing(const Tree& tree, NodeSlot parent, std::string_view name) const {
  const Row* const row = const_cast<Quotas*>(this)->governing_row(tree, parent, name);
  return row == nullptr ? nullptr : &row->second;
}

std::string Quotas::subject_path(const Tree& tree, NodeSlot directory) {
  return tree.path(directory).substr(kQuotaPath.size());
}

void Quotas::created(const Tree& tree, NodeSlot slot, std::vector<NodeId>& stale) {
  if (is_quota_node(tree, slot)) {
    if (tree.name(slot) == kQuotaLimitsName) {
      add(tree, slot, stale);
    } else if (const NodeId directory = tree.fields(tree.parent(slot)).id; find(directory)) {
      stale.push_back(directory);
    }
  } else if (!quotas_.empty()) {
    charge(tree, slot, {1, tree.data_length(slot)}, stale);
  }
}

void Quotas::data_changed(const Tree& tree, NodeSlot slot, uint32_t old_length,
                          std::vector<NodeId>& stale) {
  if (is_quota_node(tree, slot)) {
    const NodeId directory = tree.fields(tree.parent(slot)).id;
    const auto found = quotas_.find(directory);
    if (found == quotas_.end()) return;
    if (tree.name(slot) == kQuotaLimitsName) {
      found->second.limits = limits_of(tree, slot);
    } else {
      stale.push_back(directory);
    }
  } else if (!quotas_.empty() && tree.data_length(slot) != old_length) {
    charge(tree, slot, {0, int64_t{tree.data_length(slot)} - int64_t{old_length}}, stale);
  }
}

void Quotas::removing(const Tree& tree, NodeSlot slot, std::vector<NodeId>& stale) {
  if (quotas_.empty()) return;
  if (!is_quota_node(tree, slot)) {
    charge(tree, slot, {-1, -int64_t{tree.data_length(slot)}}, stale);
  } else if (tree.name(slot) == kQuotaLimitsName) {
    const auto found = quotas_.find(tree.fields(tree.parent(slot)).id);
    CHECK(found != quotas_.end());
    const QuotaUsage usage = found->second.usage;
    const NodeSlot subject = subject_of(tree, tree.parent(slot));
    quotas_.erase(found);
    // What it governed counts for the next quota above again.
    if (subject != kNoNode) charge(tree, subject, usage, stale);
  }
}

void Quotas::rebuild(const Tree& tree) {
  quotas_.clear();
  const NodeSlot top = tree.find(kQuotaPath);
  if (top == kNoNode) return;
  tree.for_each_in_subtree(top, [&](NodeSlot slot) {
    if (tree.name(slot) == kQuotaLimitsName && is_quota_node(tree, slot)) {
      quotas_[tree.fields(tree.parent(slot)).id].limits = limits_of(tree, slot);
    }
    return true;
  });
  for (auto& [directory, quota] : quotas_) quota.usage = measure(tree, tree.by_id(directory));
}

void Quotas::charge(const Tree& tree, NodeSlot slot, const QuotaUsage& more,
                    std::vector<NodeId>& stale) {
  Row* const row = governing_row(tree, tree.parent(slot), tree.name(slot));
  if (row == nullptr) return;
  row->second.usage.count += more.count;
  row->second.usage.bytes += more.bytes;
  stale.push_back(row->first);
}

void Quotas::add(const Tree& tree, NodeSlot limits, std::vector<NodeId>& stale) {
  const NodeSlot directory = tree.parent(limits);
  const QuotaUsage usage = measure(tree, directory);
  const NodeSlot subject = subject_of(tree, directory);
  // What it governs counted for the next quota above so far.
  if (subject != kNoNode) charge(tree, subject, {-usage.count, -usage.bytes}, stale);
  const NodeId id = tree.fields(directory).id;
  const bool added = quotas_.emplace(id, Quota{limits_of(tree, limits), usage}).second;
  CHECK(added);
  stale.push_back(id);
}

QuotaUsage Quotas::measure(const Tree& tree, NodeSlot directory) const {
  QuotaUsage usage;
  const NodeSlot top = subject_of(tree, directory);
  if (top == kNoNode) return usage;
  std::set<NodeSlot> others;  // that count for quotas of their own
  for (const auto& [id, quota] : quotas_) {
    const NodeSlot subject = subject_of(tree, tree.by_id(id));
    if (subject != top && subject != kNoNode) others.insert(subject);
  }
  tree.for_each_in_subtree(top, [&](NodeSlot slot) {
    if (others.count(slot) > 0) return false;
    ++usage.count;
    usage.bytes += tree.data_length(slot);
    return true;
  });
  return usage;
}

}  // namespace topod::state
