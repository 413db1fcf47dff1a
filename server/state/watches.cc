#include "server/state/watches.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "proto/check.h"
#include "proto/mutants.h"
#include "server/state/watched_paths.h"

namespace topod::state {

namespace {

constexpr uint8_t kOneShot = Watches::kData | Watches::kChild;
constexpr uint8_t kAll = kOneShot | Watches::kPersistent | Watches::kPersistentRecursive;
// The four-letter words tell of ZooKeeper's data watches, to which these belong.
constexpr uint8_t kTold = Watches::kData | Watches::kPersistent | Watches::kPersistentRecursive;

uint64_t count_kinds(uint8_t kinds) { return static_cast<uint64_t>(std::popcount(kinds)); }

// The root is spelled "/" here, whatever the client called it.
std::string_view canonical(std::string_view path) { return path.empty() ? "/" : path; }

// "/a/b" -> "/a" -> "/" -> "" (there is no more).
std::string_view ancestor_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || path.size() == 1) return {};
  return path.substr(0, std::max<size_t>(slash, 1));
}

uint8_t kinds_of(WatcherType type) {
  switch (type) {
    case WatcherType::kChildren: return Watches::kChild;
    case WatcherType::kData: return Watches::kData;
    case WatcherType::kAny: return kAll;
    case WatcherType::kPersistent: return Watches::kPersistent;
    case WatcherType::kPersistentRecursive: return Watches::kPersistentRecursive;
  }
  return 0;
}

// Kinds on the path itself that an event of this type speaks to.
uint8_t kinds_told_of(EventType type) {
  switch (type) {
    case EventType::kNodeCreated:
    case EventType::kNodeDataChanged:
      return Watches::kData | Watches::kPersistent | Watches::kPersistentRecursive;
    case EventType::kNodeDeleted: return kAll;
    case EventType::kNodeChildrenChanged: return Watches::kChild | Watches::kPersistent;
    case EventType::kNone: break;
  }
  return 0;
}

}  // namespace

struct Watches::Impl {
  struct ConnectionWatches {
    std::vector<WatchedPaths::Slot> paths;
    uint64_t count = 0;
  };
  // Looked up, never iterated.
  using Connections = std::unordered_map<ConnectionId, ConnectionWatches>;

  WatchedPaths paths;
  Connections connections;
  uint64_t count = 0;
  uint64_t refusals = 0;
  uint64_t recursive_count = 0;

  void subtract(ConnectionWatches& owner, WatchedPath& watched, Watcher& watcher, uint8_t kinds);
  void unlink(Connections::iterator owner, uint32_t position);
  void consume(WatchedPaths::Slot slot, uint8_t told);
};

// Takes kinds from a watcher; one without any is the caller's to drop.
void Watches::Impl::subtract(ConnectionWatches& owner, WatchedPath& watched, Watcher& watcher,
                             uint8_t kinds) {
  const auto gone = static_cast<uint8_t>(watcher.kinds & kinds);
  watcher.kinds = static_cast<uint8_t>(watcher.kinds & ~kinds);
  owner.count -= count_kinds(gone);
  count -= count_kinds(gone);
  if ((gone & kPersistentRecursive) != 0) {
    --watched.recursive_count;
    --recursive_count;
  }
}

// Takes a path from its connection's list; the last one moves into its place.
void Watches::Impl::unlink(Connections::iterator owner, uint32_t position) {
  std::vector<WatchedPaths::Slot>& list = owner->second.paths;
  const WatchedPaths::Slot moved = list.back();
  if (position + 1 != list.size()) {
    list[position] = moved;
    Watcher* watcher = paths[moved].watchers.find(owner->first);
    CHECK(watcher != nullptr);
    watcher->position = position;
  }
  list.pop_back();
  if (list.empty()) connections.erase(owner);
}

// One-shot watches of these kinds have done their duty.
void Watches::Impl::consume(WatchedPaths::Slot slot, uint8_t told) {
  const auto spent = static_cast<uint8_t>(told & kOneShot);
  WatchedPath& watched = paths[slot];
  bool any_empty = false;
  for (Watcher& watcher : watched.watchers.all()) {
    if ((watcher.kinds & spent) == 0) continue;
    const auto owner = connections.find(watcher.connection);
    CHECK(owner != connections.end());
    subtract(owner->second, watched, watcher, spent);
    if (watcher.kinds != 0) continue;
    any_empty = true;
    unlink(owner, watcher.position);
  }
  if (!any_empty) return;
  watched.watchers.erase_empty();
  if (watched.watchers.empty()) paths.remove(slot);
}

Watches::Watches() : impl_(std::make_unique<Impl>()) {}
Watches::~Watches() = default;

bool Watches::add(ConnectionId connection, std::string_view path, Kind kind, uint32_t limit) {
  Impl::ConnectionWatches& owner = impl_->connections[connection];
  const bool is_full = limit != 0 && owner.count >= limit;
  path = canonical(path);
  const WatchedPaths::Slot slot =
      is_full ? impl_->paths.find(path) : impl_->paths.find_or_add(path);
  Watcher* watcher =
      slot == WatchedPaths::kNone ? nullptr : impl_->paths[slot].watchers.find(connection);
  if (watcher != nullptr && (watcher->kinds & kind) != 0) return true;
  if (is_full) {
    ++impl_->refusals;
    return false;
  }

  WatchedPath& watched = impl_->paths[slot];
  if (watcher == nullptr) {
    watcher = &watched.watchers.insert(connection);
    watcher->position = static_cast<uint32_t>(owner.paths.size());
    owner.paths.push_back(slot);
  }
  watcher->kinds = static_cast<uint8_t>(watcher->kinds | kind);
  ++owner.count;
  ++impl_->count;
  if (kind == kPersistentRecursive) {
    ++watched.recursive_count;
    ++impl_->recursive_count;
  }
  return true;
}

bool Watches::contains(ConnectionId connection, std::string_view path, WatcherType type) const {
  const WatchedPaths::Slot slot = impl_->paths.find(canonical(path));
  if (slot == WatchedPaths::kNone) return false;
  const Watcher* watcher = impl_->paths[slot].watchers.find(connection);
  return watcher != nullptr && (watcher->kinds & kinds_of(type)) != 0;
}

bool Watches::remove(ConnectionId connection, std::string_view path, WatcherType type) {
  const WatchedPaths::Slot slot = impl_->paths.find(canonical(path));
  if (slot == WatchedPaths::kNone) return false;
  WatchedPath& watched = impl_->paths[slot];
  Watcher* watcher = watched.watchers.find(connection);
  if (watcher == nullptr || (watcher->kinds & kinds_of(type)) == 0) return false;
  const auto owner = impl_->connections.find(connection);
  CHECK(owner != impl_->connections.end());
  impl_->subtract(owner->second, watched, *watcher, kinds_of(type));
  if (watcher->kinds != 0) return true;
  impl_->unlink(owner, watcher->position);
  watched.watchers.erase(connection);
  if (watched.watchers.empty()) impl_->paths.remove(slot);
  return true;
}

void Watches::remove_connection(ConnectionId connection) {
  const auto owner = impl_->connections.find(connection);
  if (owner == impl_->connections.end()) return;
  for (const WatchedPaths::Slot slot : owner->second.paths) {
    WatchedPath& watched = impl_->paths[slot];
    impl_->subtract(owner->second, watched, *watched.watchers.find(connection), kAll);
    watched.watchers.erase(connection);
    if (watched.watchers.empty()) impl_->paths.remove(slot);
  }
  impl_->connections.erase(owner);
}

void Watches::fire(EventType type, std::string_view path, std::vector<ConnectionId>& connections) {
  connections.clear();
  path = canonical(path);
  const uint8_t told = kinds_told_of(type);
  const WatchedPaths::Slot slot = impl_->paths.find(path);
  if (slot != WatchedPaths::kNone) {
    for (const Watcher& watcher : impl_->paths[slot].watchers.all()) {
      if ((watcher.kinds & told) != 0) connections.push_back(watcher.connection);
    }
    if ((told & kOneShot) != 0 && !MUTANT(WatchFiresTwice)) impl_->consume(slot, told);
  }
  if (impl_->recursive_count == 0 || type == EventType::kNodeChildrenChanged) return;

  const size_t on_path = connections.size();
  for (std::string_view above = ancestor_of(path); !above.empty(); above = ancestor_of(above)) {
    const WatchedPaths::Slot root = impl_->paths.find(above);
    if (root == WatchedPaths::kNone || impl_->paths[root].recursive_count == 0) continue;
    for (const Watcher& watcher : impl_->paths[root].watchers.all()) {
      if ((watcher.kinds & kPersistentRecursive) == 0) continue;
      connections.push_back(watcher.connection);
    }
  }
  if (connections.size() == on_path) return;
  std::sort(connections.begin(), connections.end());
  connections.erase(std::unique(connections.begin(), connections.end()), connections.end());
}

bool Watches::empty() const { return impl_->count == 0; }

uint64_t Watches::watch_count() const { return impl_->count; }

uint64_t Watches::refusals() const { return impl_->refusals; }

uint64_t Watches::path_count() const { return impl_->paths.size(); }

uint64_t Watches::connection_count() const { return impl_->connections.size(); }

uint64_t Watches::count_of(ConnectionId connection) const {
  const auto owner = impl_->connections.find(connection);
  return owner == impl_->connections.end() ? 0 : owner->second.count;
}

Watches::Summary Watches::summary() const {
  Summary summary;
  std::vector<ConnectionId> connections;
  for (const WatchedPath& watched : impl_->paths.slab()) {
    const uint64_t before = summary.pairs;
    for (const Watcher& watcher : watched.watchers.all()) {
      if ((watcher.kinds & kTold) == 0) continue;
      ++summary.pairs;
      connections.push_back(watcher.connection);
    }
    if (summary.pairs > before) ++summary.paths;
  }
  std::sort(connections.begin(), connections.end());
  const auto last = std::unique(connections.begin(), connections.end());
  summary.connections = static_cast<uint64_t>(last - connections.begin());
  return summary;
}

std::map<std::string, std::set<ConnectionId>> Watches::by_path() const {
  std::map<std::string, std::set<ConnectionId>> result;
  for (const WatchedPath& watched : impl_->paths.slab()) {
    for (const Watcher& watcher : watched.watchers.all()) {
      if ((watcher.kinds & kTold) == 0) continue;
      result[std::string(watched.path())].insert(watcher.connection);
    }
  }
  return result;
}

}  // namespace topod::state
