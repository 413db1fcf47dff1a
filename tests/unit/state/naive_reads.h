// What reads answer and which events writes fire, said plainly in terms of the naive tree and
// the naive watches, for property tests to compare the real ones with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/unit/state/naive_tree.h"
#include "tests/unit/state/naive_watches.h"
#include "tests/unit/state/read_fixture.h"

namespace topod::state {

struct NaiveReader {
  ConnectionId connection;
  int64_t session = 0;
  std::vector<AuthId> ids;
};

// The answer to a well-formed request. Events of setWatches come back in `Reply::events` as
// frames. getEphemerals lists paths in their own order here.
Reply naive_read(const NaiveTree& tree, NaiveWatches& watches, const NaiveReader& reader,
                 const Request& request);

struct NaiveEvent {
  EventType type = EventType::kNone;
  std::string path;
  Acl acl;  // READ on it lets a watcher hear
};

// What a write that came out as `result` tells watchers; `before` is the tree it met.
std::vector<NaiveEvent> naive_events(const NaiveTree& before, const Request& request,
                                     const NaiveResult& result, const std::vector<AuthId>& ids);
// What the end of a session tells, in no order that is promised.
std::vector<NaiveEvent> naive_session_events(const NaiveTree& before, int64_t session);

}  // namespace topod::state
