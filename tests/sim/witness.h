// Every znode's past, by zxid: what it was, who its children were, what happened to it. Since each
// reply carries the zxid at which it is true, a history is checked in linear time: the reply to a
// read must be what the past says for that zxid, and a watch must fire at the first event after
// it was left. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/codes.h"
#include "proto/records.h"
#include "server/state/evaluate.h"

namespace topod::sim {

// What a watch was left for.
enum class WatchKind : uint8_t { kData, kChild };
[[nodiscard]] bool concerns(WatchKind kind, EventType type);

// A lock, and what only its holder writes: the zxid that created its znode in the queue, behind an
// 'r' if it only reads.
struct Fence {
  const char* fenced;
  const char* queue;
};
inline constexpr Fence kFences[] = {{"/fenced-queue", "/lock"},
                                    {"/fenced-keyspace", "/keyspace/locks"}};

class Witness {
 public:
  struct Answer {
    ErrorCode error = ErrorCode::kOk;
    std::string body;
  };
  struct Event {
    Zxid zxid;
    EventType type = EventType::kNone;
  };

  // What holds before the first entry.
  void start(const state::State& state);
  // `state` has just evaluated this entry; its changes are those of the entry alone. Returns what
  // is wrong with them, or nothing.
  [[nodiscard]] std::string evaluated(const state::State& state, Zxid zxid,
                                      const state::Effects& effects);

  // The right reply to a read at this zxid: exists, getData, getChildren, getChildren2.
  [[nodiscard]] Answer expected(OpCode op, const std::string& path, Zxid zxid) const;
  [[nodiscard]] bool existed(const std::string& path, Zxid zxid) const;
  // The first event for such a watch after the zxid at which it was left.
  [[nodiscard]] std::optional<Event> first_event(WatchKind kind, const std::string& path,
                                                 Zxid after) const;
  // How often somebody was seen to use a lock.
  [[nodiscard]] uint64_t locks_used() const { return locks_used_; }
  // Somebody who stands in the queue of a lock, or nothing.
  [[nodiscard]] std::string somebody_waiting() const;

 private:
  struct Version {
    Zxid zxid;
    bool exists = false;
    Stat stat;
    std::string data;
  };
  struct Life {
    Zxid born;
    Zxid died;  // 0: lives
  };
  struct Past {
    std::vector<Version> versions;
    std::vector<Event> events;
    std::map<std::string, std::vector<Life>> children;
  };

  // What is wrong with who has just used the lock, or nothing.
  [[nodiscard]] std::string lock_used(const Fence& fence, Zxid zxid);
  void appeared(const state::State& state, state::NodeSlot slot, Zxid zxid);
  void vanished(NodeId id, Zxid zxid);
  [[nodiscard]] const Version* version_at(const std::string& path, Zxid zxid) const;

  std::unordered_map<std::string, Past> pasts_;  // looked up, never iterated
  std::unordered_map<NodeId, std::string> paths_;
  std::map<SessionId, std::set<NodeId>> owned_;
  // Who stands in each queue: by the zxid that created it, so the first comes first.
  std::map<std::string, std::map<Zxid, std::string>, std::less<>> queues_;
  std::map<std::string, int64_t> last_holders_;
  uint64_t locks_used_ = 0;
};

}  // namespace topod::sim
