// How contenders for a lock or a post stand in a queue: as ephemeral sequential children of one
// znode, in the order of their sequence numbers. The names and values are those of Vitess's
// zk2topo, Curator's recipes and kazoo's, so that all of them exclude each other where their own
// rules allow it:
//
//   Vitess    PATH/locks/0000000007, elections/NAME/0000000007
//   Curator   QUEUE/_c_GUID-lock-0000000007, ...-__READ__..., ...-__WRIT__..., ...-latch-...
//   kazoo     QUEUE/GUID__lock__0000000007, GUID__rlock__...
//
// Whoever named it, a child that ends in ten digits is a contender. Curator itself takes only
// "lock-" for the start of a number, kazoo only what its `extra_lock_patterns` name: two products
// share a queue only if each knows the other's names. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/client/core/request.h"

namespace topod::client {

enum class NameStyle : uint8_t { kVitess, kCurator, kKazoo };
enum class PlaceKind : uint8_t {
  kMutex,
  kReader,  // readers stand beside each other
  kWriter,
  kLeader,
};

// What stands before the number in the name of a place; `guid` makes it unique where the style
// has room for it. Vitess has one kind of name only: an empty prefix.
[[nodiscard]] std::string name_prefix(NameStyle style, PlaceKind kind, std::string_view guid);

struct QueueEntry {
  std::string name;
  int64_t sequence = 0;
  bool is_reader = false;
};

// The contenders among a queue's children, first comes first.
[[nodiscard]] std::vector<QueueEntry> contenders(std::vector<std::string> children);
// Whom this one has to wait for: the nearest before it that excludes it. Null: nobody.
// `mine` is one of `queue`.
[[nodiscard]] const QueueEntry* predecessor(const std::vector<QueueEntry>& queue,
                                            std::string_view mine, bool is_reader);

// A lock's value as Vitess writes and shows it: who, why, since when.
struct LockContents {
  std::string action;  // the reason
  std::string host;
  std::string user;
  std::string time;  // RFC 3339
  std::string status = "Running";
};
[[nodiscard]] std::string to_json(const LockContents& contents);
// Nothing if it is something else.
[[nodiscard]] std::optional<LockContents> parse_lock_contents(std::string_view data);
// For people: "user@host (reason)", or the data as they are.
[[nodiscard]] std::string describe_contents(std::string_view data);
// "2026-01-31T09:05:00Z".
[[nodiscard]] std::string rfc3339(int64_t wall_ms);

[[nodiscard]] std::string_view parent_of(std::string_view path);
[[nodiscard]] std::string_view name_of_path(std::string_view path);

}  // namespace topod::client
