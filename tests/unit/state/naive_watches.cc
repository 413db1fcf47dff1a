#include "tests/unit/state/naive_watches.h"

#include <algorithm>

namespace topod::state {

bool NaiveWatches::add(ConnectionId connection, const std::string& path, Watches::Kind kind,
                       uint32_t limit) {
  if (all_.contains({connection, path, kind})) return true;
  if (limit != 0 && count_of(connection) >= limit) return false;
  all_.insert({connection, path, kind});
  return true;
}

bool NaiveWatches::contains(ConnectionId connection, const std::string& path,
                            WatcherType type) const {
  return NaiveWatches(*this).remove(connection, path, type);
}

bool NaiveWatches::remove(ConnectionId connection, const std::string& path, WatcherType type) {
  return std::erase_if(all_, [&](const Watch& watch) {
           return watch.connection == connection && watch.path == path && is(watch.kind, type);
         }) > 0;
}

void NaiveWatches::remove_connection(ConnectionId connection) {
  std::erase_if(all_, [&](const Watch& watch) { return watch.connection == connection; });
}

std::vector<ConnectionId> NaiveWatches::fire(EventType type, const std::string& path) {
  std::set<ConnectionId> told;
  std::erase_if(all_, [&](const Watch& watch) {
    const bool matches = hears(watch, type, path);
    if (matches) told.insert(watch.connection);
    return matches && (watch.kind == Watches::kData || watch.kind == Watches::kChild);
  });
  return {told.begin(), told.end()};
}

uint64_t NaiveWatches::count_of(ConnectionId connection) const {
  return static_cast<uint64_t>(std::count_if(all_.begin(), all_.end(), [&](const Watch& watch) {
    return watch.connection == connection;
  }));
}

uint64_t NaiveWatches::path_count() const {
  std::set<std::string> paths;
  for (const Watch& watch : all_) paths.insert(watch.path);
  return paths.size();
}

std::map<std::string, std::set<ConnectionId>> NaiveWatches::by_path() const {
  std::map<std::string, std::set<ConnectionId>> result;
  for (const Watch& watch : all_) {
    if (watch.kind != Watches::kChild) result[watch.path].insert(watch.connection);
  }
  return result;
}

bool NaiveWatches::is(Watches::Kind kind, WatcherType type) {
  switch (type) {
    case WatcherType::kAny: return true;
    case WatcherType::kChildren: return kind == Watches::kChild;
    case WatcherType::kData: return kind == Watches::kData;
    case WatcherType::kPersistent: return kind == Watches::kPersistent;
    case WatcherType::kPersistentRecursive: return kind == Watches::kPersistentRecursive;
  }
  return false;
}

bool NaiveWatches::hears(const Watch& watch, EventType type, const std::string& path) {
  const bool of_children = type == EventType::kNodeChildrenChanged;
  const bool here = watch.path == path;
  switch (watch.kind) {
    case Watches::kData: return here && !of_children;
    case Watches::kChild: return here && (of_children || type == EventType::kNodeDeleted);
    case Watches::kPersistent: return here;
    case Watches::kPersistentRecursive:
      return !of_children && (here || watch.path == "/" || path.starts_with(watch.path + "/"));
  }
  return false;
}

}  // namespace topod::state
