// The paths that are watched, each spelled once, with their watchers: an open-addressing table
// over a slab, since a busy server holds a million of them. Pure; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "proto/ids.h"

namespace topod::state {

// One connection on one path.
struct Watcher {
  ConnectionId connection;
  uint32_t position = 0;  // of the path in the connection's own list
  uint8_t kinds = 0;      // Watches::Kind bits; 0: no watcher
};

// The watchers of one path in ascending order of connection. Nearly always there is one, and it
// then needs no memory of its own.
class WatcherList {
 public:
  [[nodiscard]] std::span<const Watcher> all() const;
  [[nodiscard]] std::span<Watcher> all();
  [[nodiscard]] Watcher* find(ConnectionId connection);
  [[nodiscard]] const Watcher* find(ConnectionId connection) const;
  // Adds a watcher of no kind yet. There must be none of this connection.
  Watcher& insert(ConnectionId connection);
  void erase(ConnectionId connection);
  // Drops every watcher whose `kinds` is 0.
  void erase_empty();
  [[nodiscard]] bool empty() const { return all().empty(); }

 private:
  [[nodiscard]] bool has_one() const { return one_.connection != ConnectionId{}; }

  Watcher one_;  // unless `many_` holds them
  std::unique_ptr<std::vector<Watcher>> many_;
};

struct WatchedPath {
  std::unique_ptr<char[]> bytes;
  uint32_t size = 0;
  uint32_t recursive_count = 0;  // watchers that also watch everything below
  WatcherList watchers;
  [[nodiscard]] std::string_view path() const { return {bytes.get(), size}; }
};

class WatchedPaths {
 public:
  using Slot = uint32_t;
  static constexpr Slot kNone = 0xffffffffU;

  [[nodiscard]] Slot find(std::string_view path) const;
  Slot find_or_add(std::string_view path);
  void remove(Slot slot);
  [[nodiscard]] WatchedPath& operator[](Slot slot) { return paths_[slot]; }
  [[nodiscard]] const WatchedPath& operator[](Slot slot) const { return paths_[slot]; }
  [[nodiscard]] size_t size() const { return count_; }
  // All slots, free ones (without bytes) included; in no order that means anything.
  [[nodiscard]] std::span<const WatchedPath> slab() const { return paths_; }

 private:
  struct Cell {
    Slot slot = kNone;
    uint32_t hash = 0;
  };
  // Where the path stands in the table, or the free cell in which it belongs.
  [[nodiscard]] size_t place_of(std::string_view path, uint32_t hash) const;
  void grow();

  std::vector<WatchedPath> paths_;
  std::vector<Slot> free_;
  std::vector<Cell> cells_;  // a power of two, at most three quarters full
  size_t count_ = 0;
};

}  // namespace topod::state
