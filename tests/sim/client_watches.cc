#include "tests/sim/client_watches.h"

#include <algorithm>

#include "tests/sim/history.h"

namespace topod::sim {

void ClientWatches::left(WatchKind kind, const std::string& path, Zxid zxid, bool existed) {
  const bool is_there = std::any_of(watches_.begin(), watches_.end(), [&](const Watch& watch) {
    return watch.kind == kind && watch.path == path;
  });
  if (!is_there) watches_.push_back({kind, path, zxid, existed});
}

std::string ClientWatches::fired(Zxid zxid, EventType type, const std::string& path) {
  if (zxid.value() <= 0) return caught_up(type, path);
  bool is_awaited = false;
  for (auto watch = watches_.begin(); watch != watches_.end();) {
    if (watch->path != path || !concerns(watch->kind, type)) {
      ++watch;
      continue;
    }
    const auto first = witness_.first_event(watch->kind, path, watch->since);
    if (!first || first->zxid != zxid || first->type != type) {
      return "a watch on " + path + " left at " + text_of(watch->since) + " fires for " +
             text_of(zxid) + ", which is not the first event after it";
    }
    is_awaited = true;
    watch = watches_.erase(watch);
  }
  return is_awaited ? std::string()
                    : "an event at " + text_of(zxid) + " of " + path +
                          " for which there is no watch, or no more";
}

// Told by setWatches: once for each watch, data first.
std::string ClientWatches::caught_up(EventType type, const std::string& path) {
  auto found = watches_.end();
  for (auto watch = watches_.begin(); watch != watches_.end(); ++watch) {
    if (watch->path != path || !concerns(watch->kind, type)) continue;
    if (found == watches_.end() || watch->kind < found->kind) found = watch;
  }
  if (found == watches_.end()) return "an event of " + path + " that nobody waits for";
  if (!witness_.first_event(found->kind, path, found->since)) {
    return "an event of " + path + " that has not happened since " + text_of(found->since);
  }
  watches_.erase(found);
  return {};
}

std::string ClientWatches::answered(Zxid zxid) const {
  for (const Watch& watch : watches_) {
    const auto first = witness_.first_event(watch.kind, watch.path, watch.since);
    if (first && first->zxid <= zxid) {
      return "a watch on " + watch.path + " left at " + text_of(watch.since) +
             " has not fired for " + text_of(first->zxid) + ", and a reply shows " + text_of(zxid);
    }
  }
  return {};
}

SetWatchesRequest ClientWatches::to_set() const {
  SetWatchesRequest request;
  for (const Watch& watch : watches_) {
    if (watch.kind == WatchKind::kChild) {
      request.child.push_back(watch.path);
    } else if (watch.existed) {
      request.data.push_back(watch.path);
    } else {
      request.exist.push_back(watch.path);
    }
  }
  return request;
}

std::string ClientWatches::set_again(Zxid zxid) {
  for (Watch& watch : watches_) {
    const auto first = witness_.first_event(watch.kind, watch.path, watch.since);
    // A znode that did not exist may have come and gone unseen: nothing can tell of that.
    if (watch.existed && first && first->zxid <= zxid) {
      return "a watch on " + watch.path + " was set again at " + text_of(zxid) +
             " without telling of " + text_of(first->zxid);
    }
    watch.since = zxid;
  }
  return {};
}

}  // namespace topod::sim
