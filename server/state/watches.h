// Watches of the connections of this server: volatile, never replicated. A watch belongs to
// (connection, path, kind); setting it again is a no-op. Pure; one thread.
//
// Kinds on one path and connection combine; an event reaches a connection once, whatever number
// of its watches match. Firing consumes the one-shot ones.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"
#include "proto/ids.h"

namespace topod::state {

class Watches {
 public:
  enum Kind : uint8_t {
    kData = 1,   // left by getData and exists
    kChild = 2,  // left by getChildren
    kPersistent = 4,
    kPersistentRecursive = 8,
  };

  Watches();
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // False: `limit` (0 = none) is reached and nothing was added.
  bool add(ConnectionId connection, std::string_view path, Kind kind, uint32_t limit = 0);
  // checkWatches / removeWatches; false if there is none of that type on exactly this path.
  [[nodiscard]] bool contains(ConnectionId connection, std::string_view path,
                              WatcherType type) const;
  bool remove(ConnectionId connection, std::string_view path, WatcherType type);
  void remove_connection(ConnectionId connection);

  // Puts the connections that must hear of this event into `connections`, in ascending order and
  // each once; their matching one-shot watches are consumed. NodeDeleted reaches the child
  // watchers of the path too.
  void fire(EventType type, std::string_view path, std::vector<ConnectionId>& connections);

  [[nodiscard]] bool empty() const;
  [[nodiscard]] uint64_t watch_count() const;  // (connection, path, kind) triples
  [[nodiscard]] uint64_t refusals() const;     // by `add`, so far
  [[nodiscard]] uint64_t path_count() const;
  [[nodiscard]] uint64_t connection_count() const;
  [[nodiscard]] uint64_t count_of(ConnectionId connection) const;
  // For the word wchs: connections with data, persistent or recursive watches, their paths, and
  // (connection, path) pairs. Takes time in proportion to the number of watches.
  struct Summary {
    uint64_t connections = 0;
    uint64_t paths = 0;
    uint64_t pairs = 0;
  };
  [[nodiscard]] Summary summary() const;
  // For the words wchc and wchp: paths with data, persistent or recursive watches, sorted.
  [[nodiscard]] std::map<std::string, std::set<ConnectionId>> by_path() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topod::state
