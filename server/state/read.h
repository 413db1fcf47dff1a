// Requests that are answered from the applied state of the server that the client is connected
// to, and those that only concern its connection's watches. They never change the state. Pure;
// one thread (the state's owner).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proto/codes.h"
#include "proto/ids.h"
#include "server/state/acl.h"
#include "server/state/state.h"
#include "server/state/watches.h"

namespace topod::state {

// The connection that asks.
struct Reader {
  ConnectionId connection;
  SessionId session;
  std::span<const AuthId> ids;
  bool skip_acl = false;     // skipACL=yes (a super identity is among the ids)
  uint32_t watch_limit = 0;  // 0: none
  // What /zookeeper/config holds: the answering server's configuration, no replicated state.
  std::string_view config_node_data = {};
};

[[nodiscard]] bool is_read(OpCode op);

// Answers one of: exists, getData, getACL, getChildren, getChildren2, getEphemerals,
// getAllChildrenNumber, whoAmI, multiRead, checkWatches, removeWatches, addWatch, setWatches,
// setWatches2. Appends the reply body to `out` if the result is Ok (nothing otherwise). `body`
// is the request behind its header.
//
// ThrottledOp: the connection has as many watches as it may have. The watch that was asked for
// does not exist then; of a setWatches, those before the limit do.
//
// `events`: setWatches' immediate notifications are appended there as whole frames (they go out
// before the reply).
[[nodiscard]] ErrorCode read(const State& state, Watches& watches, const Reader& reader, OpCode op,
                             std::string_view body, std::string& out, std::string& events);

// Appends a notification frame (length included).
void append_notification(std::string& out, Zxid zxid, EventType type, std::string_view path);

// The zxid in the header of events that no transaction fired.
inline constexpr Zxid kNoTransaction{-1};

}  // namespace topod::state
