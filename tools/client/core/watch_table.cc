#include "tools/client/core/watch_table.h"

#include <algorithm>

namespace topod::client {

namespace {
enum Kind : size_t { kData, kExist, kChild, kPersistent, kRecursive };
// Well below the longest frame that any server takes.
constexpr size_t kBatchBytes = size_t{128} * 1024;
}  // namespace

void WatchTable::left(Watch watch, const std::string& path, ErrorCode error) {
  if (error != ErrorCode::kOk && !(watch == Watch::kExists && error == ErrorCode::kNoNode)) return;
  switch (watch) {
    case Watch::kNone: break;
    case Watch::kData: paths_[kData].insert(path); break;
    case Watch::kExists: paths_[error == ErrorCode::kOk ? kData : kExist].insert(path); break;
    case Watch::kChildren: paths_[kChild].insert(path); break;
    case Watch::kPersistent: paths_[kPersistent].insert(path); break;
    case Watch::kRecursive: paths_[kRecursive].insert(path); break;
  }
}

void WatchTable::fired(EventType type, const std::string& path) {
  if (type == EventType::kNodeChildrenChanged || type == EventType::kNodeDeleted) {
    paths_[kChild].erase(path);
  }
  if (type != EventType::kNodeChildrenChanged) {
    paths_[kData].erase(path);
    paths_[kExist].erase(path);
  }
}

void WatchTable::removed(const std::string& path, WatcherType type) {
  const bool any = type == WatcherType::kAny;
  if (any || type == WatcherType::kData) {
    paths_[kData].erase(path);
    paths_[kExist].erase(path);
  }
  if (any || type == WatcherType::kChildren) paths_[kChild].erase(path);
  if (any || type == WatcherType::kPersistent) paths_[kPersistent].erase(path);
  if (any || type == WatcherType::kPersistentRecursive) paths_[kRecursive].erase(path);
}

void WatchTable::clear() {
  for (auto& paths : paths_) paths.clear();
}

bool WatchTable::is_empty() const {
  return std::all_of(std::begin(paths_), std::end(paths_),
                     [](const auto& paths) { return paths.empty(); });
}

std::vector<std::string> WatchTable::to_set(Zxid relative) const {
  std::vector<std::string> bodies;
  SetWatchesRequest request;
  request.relative_zxid = relative.value();
  size_t bytes = 0;
  const auto flush = [&] {
    if (bytes == 0) return;
    JuteWriter out(bodies.emplace_back());
    request.write(out, true);
    request = {};
    request.relative_zxid = relative.value();
    bytes = 0;
  };
  std::vector<std::string_view>* const lists[kKinds] = {&request.data, &request.exist,
                                                        &request.child, &request.persistent,
                                                        &request.persistent_recursive};
  for (size_t kind = 0; kind < kKinds; ++kind) {
    for (const std::string& path : paths_[kind]) {
      lists[kind]->push_back(path);
      bytes += sizeof(int32_t) + path.size();
      if (bytes >= kBatchBytes) flush();
    }
  }
  flush();
  return bodies;
}

}  // namespace topod::client
