// What watches mean, written as plainly as possible: a set of triples, all of which every event
// looks at. For property tests to compare the real ones with.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/state/watches.h"

namespace topod::state {

class NaiveWatches {
 public:
  bool add(ConnectionId connection, const std::string& path, Watches::Kind kind,
           uint32_t limit = 0);
  [[nodiscard]] bool contains(ConnectionId connection, const std::string& path,
                              WatcherType type) const;
  bool remove(ConnectionId connection, const std::string& path, WatcherType type);
  void remove_connection(ConnectionId connection);
  // Who hears of it, in ascending order.
  std::vector<ConnectionId> fire(EventType type, const std::string& path);

  [[nodiscard]] uint64_t count_of(ConnectionId connection) const;
  [[nodiscard]] uint64_t size() const { return all_.size(); }
  [[nodiscard]] uint64_t path_count() const;
  // But for child watches, which the four-letter words do not show.
  [[nodiscard]] std::map<std::string, std::set<ConnectionId>> by_path() const;

 private:
  struct Watch {
    ConnectionId connection;
    std::string path;
    Watches::Kind kind;
    auto operator<=>(const Watch&) const = default;
  };
  static bool is(Watches::Kind kind, WatcherType type);
  static bool hears(const Watch& watch, EventType type, const std::string& path);

  std::set<Watch> all_;
};

}  // namespace topod::state
