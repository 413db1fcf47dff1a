// The only code that changes the state. It reads the state and the entry and nothing else, so
// every replica that evaluates the same entries reaches the same state, results and errors
// included. One thread (the state's owner).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"
#include "proto/ids.h"
#include "server/state/state.h"

namespace topod::entry {
class Entry;
}

namespace topod::state {

// Something that watchers may have to hear of. Paths lie in `Effects::event_paths`; the parent's
// is a prefix of the child's, so one spelling serves both events of a create or delete.
struct TreeEvent {
  EventType type = EventType::kNone;
  uint32_t path_offset = 0;
  uint32_t path_size = 0;
  AclId acl;  // READ on it is what a watcher needs to be told
};

// What came of one entry. Reused from entry to entry to keep its buffers.
struct Effects {
  // Ok and the reply body (for Ok, and for multi in any case), or the error of the request.
  ErrorCode error = ErrorCode::kOk;
  std::string body;  // jute, without reply header
  // A forward that had been evaluated before, or of a dead incarnation: nothing happened, and
  // nobody waits for an answer.
  bool ignored = false;
  // CreateSession and Attach: the session and its negotiated timeout; Attach with
  // SessionExpired: refused.
  SessionId session;
  int32_t timeout_ms = 0;
  Secret secret{};
  // Attach: where the session was attached before (that connection is to be closed).
  Attachment previous;
  // CloseSession, ExpireSession: this session is gone (0: none).
  SessionId closed_session;
  Attachment closed_attachment;

  std::vector<TreeEvent> events;  // in the order in which watchers must hear of them
  std::string event_paths;

  [[nodiscard]] std::string_view path_of(const TreeEvent& event) const {
    const std::string_view path(event_paths.data() + event.path_offset, event.path_size);
    return path.empty() ? std::string_view("/") : path;
  }
  void clear();
};

// Evaluates `entry` at `zxid` (above `state.applied`). Afterwards `state.applied == zxid`,
// whatever came of it. Keys of changed items are appended to `state.changes`.
void evaluate(State& state, Zxid zxid, const entry::Entry& entry, Effects& effects);

}  // namespace topod::state
