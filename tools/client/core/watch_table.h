// Which watches this session has left at its server, so that the next server can be told of them.
// One-time watches go when they fire. Pure; used by Session.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"
#include "proto/ids.h"
#include "tools/client/core/request.h"

namespace topod::client {

class WatchTable {
 public:
  // A request that asked for `watch` was answered.
  void left(Watch watch, const std::string& path, ErrorCode error);
  void fired(EventType type, const std::string& path);
  // removeWatches was answered.
  void removed(const std::string& path, WatcherType type);
  void clear();
  [[nodiscard]] bool is_empty() const;

  // Bodies of the setWatches2 requests that set all of them again, none much longer than a frame
  // may be.
  [[nodiscard]] std::vector<std::string> to_set(Zxid relative) const;

 private:
  // In the order of setWatches2: data, exist, child, persistent, recursive.
  static constexpr size_t kKinds = 5;
  std::set<std::string> paths_[kKinds];
};

}  // namespace topod::client
