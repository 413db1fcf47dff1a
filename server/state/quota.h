// Quotas: how much may lie below a path, and how much does. A quota on /a/b is made by a client
// as the node /zookeeper/quota/a/b/zookeeper_limits; the node zookeeper_stats beside it shows the
// usage. A znode counts for the nearest quota at or above it and for no other. There is none on
// "/", on /zookeeper and on what lies below it.
//
// All of this follows from the tree. Every write pays O(depth), and nothing at all while there is
// no quota. Pure; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "server/state/tree.h"

namespace topod::state {

inline constexpr std::string_view kQuotaLimitsName = "zookeeper_limits";
inline constexpr std::string_view kQuotaStatsName = "zookeeper_stats";

// -1: no limit. A hard limit takes the place of the soft one, which is only warned about.
struct QuotaLimits {
  int64_t count = -1;
  int64_t bytes = -1;
  int64_t count_hard = -1;
  int64_t bytes_hard = -1;
  bool operator==(const QuotaLimits&) const = default;
};

// Znodes, that of the path itself included, and bytes of their data.
struct QuotaUsage {
  int64_t count = 0;
  int64_t bytes = 0;
  bool operator==(const QuotaUsage&) const = default;
};

struct Quota {
  QuotaLimits limits;
  QuotaUsage usage;
  bool operator==(const Quota&) const = default;
};

enum class QuotaVerdict { kWithin, kOverSoftLimit, kOverHardLimit };

// "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=10"; what does not parse is no limit.
[[nodiscard]] QuotaLimits parse_quota_limits(std::string_view text);
// "count=2,bytes=7"
[[nodiscard]] std::string format_quota_usage(const QuotaUsage& usage);
// Whether `quota` has room for this much more; shrinking is always within.
[[nodiscard]] QuotaVerdict judge(const Quota& quota, const QuotaUsage& more);

// All quotas, by the id of their directory below /zookeeper/quota.
class Quotas {
 public:
  [[nodiscard]] bool empty() const { return quotas_.empty(); }
  [[nodiscard]] const Quota* find(NodeId directory) const;
  [[nodiscard]] auto begin() const { return quotas_.begin(); }
  [[nodiscard]] auto end() const { return quotas_.end(); }

  // The quota that a child of this name counts for, or nullptr.
  [[nodiscard]] const Quota* governing(const Tree& tree, NodeSlot parent,
                                       std::string_view name) const;
  // The path that the quota of this directory is for.
  [[nodiscard]] static std::string subject_path(const Tree& tree, NodeSlot directory);

  // What the tree is about to lose, or has just got. Directories whose stats node must be
  // rewritten are appended to `stale`.
  void created(const Tree& tree, NodeSlot slot, std::vector<NodeId>& stale);
  void data_changed(const Tree& tree, NodeSlot slot, uint32_t old_length,
                    std::vector<NodeId>& stale);
  void removing(const Tree& tree, NodeSlot slot, std::vector<NodeId>& stale);

  // Finds all quotas of a tree that has been loaded.
  void rebuild(const Tree& tree);

  bool operator==(const Quotas&) const = default;

 private:
  using Row = std::map<NodeId, Quota>::value_type;

  [[nodiscard]] Row* governing_row(const Tree& tree, NodeSlot parent, std::string_view name);
  void charge(const Tree& tree, NodeSlot slot, const QuotaUsage& more, std::vector<NodeId>& stale);
  void add(const Tree& tree, NodeSlot limits, std::vector<NodeId>& stale);
  [[nodiscard]] QuotaUsage measure(const Tree& tree, NodeSlot directory) const;

  std::map<NodeId, Quota> quotas_;
};

}  // namespace topod::state
