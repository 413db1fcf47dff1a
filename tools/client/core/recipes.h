// The recipes as settings of a Contender: topology lock, lock of a queue, election. Pure.
#pragma once

#include <string>
#include <string_view>

#include "tools/client/core/contender.h"

namespace topod::client {

// Vitess's lock of the directory `path`: the queue is `path`/locks, made when it is wanted and
// removed when it is empty. With `root`, so are the empty directories between it and the lock, as
// zk2topo does.
[[nodiscard]] ContenderSettings topology_lock(std::string_view path, const LockContents& contents,
                                              std::string_view root = {});

// A lock of which `queue` itself is the queue, as kazoo and Curator take it: kMutex, kReader or
// kWriter. `guid` is the contender's own.
[[nodiscard]] ContenderSettings queue_lock(std::string_view queue, NameStyle style, PlaceKind kind,
                                           std::string_view guid, const LockContents& contents);

// A candidate for the post whose queue is `queue` (Vitess: ROOT/elections/NAME), under the name
// `id`, which others read to find the leader.
[[nodiscard]] ContenderSettings candidacy(std::string_view queue, NameStyle style,
                                          std::string_view guid, std::string_view id);

}  // namespace topod::client
