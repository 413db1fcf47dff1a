#include "server/state/watched_paths.h"

#include <algorithm>
#include <utility>

#include <xxhash.h>

#include "proto/check.h"

namespace topod::state {

namespace {

constexpr size_t kFirstCells = 64;
// A table that has become empty and is larger gives its memory back.
constexpr size_t kKeepCells = 4096;

uint32_t hash_of(std::string_view path) {
  return static_cast<uint32_t>(XXH3_64bits(path.data(), path.size()));
}

bool is_before(const Watcher& watcher, ConnectionId connection) {
  return watcher.connection < connection;
}

}  // namespace

// ---- WatcherList -----------------------------------------------------------------------------

std::span<const Watcher> WatcherList::all() const {
  if (many_) return *many_;
  return {&one_, has_one() ? size_t{1} : size_t{0}};
}

std::span<Watcher> WatcherList::all() {
  if (many_) return *many_;
  return {&one_, has_one() ? size_t{1} : size_t{0}};
}

const Watcher* WatcherList::find(ConnectionId connection) const {
  const std::span<const Watcher> watchers = all();
  const auto place = std::lower_bound(watchers.begin(), watchers.end(), connection, is_before);
  return place != watchers.end() && place->connection == connection ? &*place : nullptr;
}

Watcher* WatcherList::find(ConnectionId connection) {
  return const_cast<Watcher*>(std::as_const(*this).find(connection));
}

Watcher& WatcherList::insert(ConnectionId connection) {
  CHECK(connection != ConnectionId{});
  if (!many_ && !has_one()) {
    one_ = Watcher{.connection = connection};
    return one_;
  }
  if (!many_) {
    many_ = std::make_unique<std::vector<Watcher>>();
    many_->push_back(std::exchange(one_, Watcher{}));
  }
  const auto place = std::lower_bound(many_->begin(), many_->end(), connection, is_before);
  return *many_->insert(place, Watcher{.connection = connection});
}

void WatcherList::erase(ConnectionId connection) {
  if (!many_) {
    CHECK(one_.connection == connection);
    one_ = Watcher{};
    return;
  }
  const auto place = std::lower_bound(many_->begin(), many_->end(), connection, is_before);
  CHECK(place != many_->end() && place->connection == connection);
  many_->erase(place);
  if (many_->empty()) many_.reset();
}

void WatcherList::erase_empty() {
  if (!many_) {
    if (one_.kinds == 0) one_ = Watcher{};
    return;
  }
  std::erase_if(*many_, [](const Watcher& watcher) { return watcher.kinds == 0; });
  if (many_->empty()) many_.reset();
}

// ---- WatchedPaths ----------------------------------------------------------------------------

size_t WatchedPaths::place_of(std::string_view path, uint32_t hash) const {
  const size_t mask = cells_.size() - 1;
  for (size_t place = hash & mask;; place = (place + 1) & mask) {
    const Cell& cell = cells_[place];
    if (cell.slot == kNone) return place;
    if (cell.hash == hash && paths_[cell.slot].path() == path) return place;
  }
}

WatchedPaths::Slot WatchedPaths::find(std::string_view path) const {
  if (count_ == 0) return kNone;
  return cells_[place_of(path, hash_of(path))].slot;
}

WatchedPaths::Slot WatchedPaths::find_or_add(std::string_view path) {
  if ((count_ + 1) * 4 > cells_.size() * 3) grow();
  const uint32_t hash = hash_of(path);
  Cell& cell = cells_[place_of(path, hash)];
  if (cell.slot != kNone) return cell.slot;

  Slot slot = static_cast<Slot>(paths_.size());
  if (free_.empty()) {
    paths_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  WatchedPath& watched = paths_[slot];
  watched.bytes = std::make_unique_for_overwrite<char[]>(path.size());
  std::copy(path.begin(), path.end(), watched.bytes.get());
  watched.size = static_cast<uint32_t>(path.size());
  cell = Cell{slot, hash};
  ++count_;
  return slot;
}

void WatchedPaths::remove(Slot slot) {
  const std::string_view path = paths_[slot].path();
  const size_t mask = cells_.size() - 1;
  size_t gap = place_of(path, hash_of(path));
  CHECK(cells_[gap].slot == slot);
  // Moves back what a search would no longer reach across the gap, so that nothing marks graves.
  for (size_t place = (gap + 1) & mask; cells_[place].slot != kNone; place = (place + 1) & mask) {
    const size_t distance_from_home = (place - cells_[place].hash) & mask;
    const size_t distance_from_gap = (place - gap) & mask;
    if (distance_from_home < distance_from_gap) continue;
    cells_[gap] = cells_[place];
    gap = place;
  }
  cells_[gap] = Cell{};
  paths_[slot] = WatchedPath{};
  free_.push_back(slot);
  if (--count_ == 0 && cells_.size() > kKeepCells) *this = WatchedPaths{};
}

void WatchedPaths::grow() {
  const std::vector<Cell> old =
      std::exchange(cells_, std::vector<Cell>(std::max(kFirstCells, cells_.size() * 2)));
  const size_t mask = cells_.size() - 1;
  for (const Cell& cell : old) {
    if (cell.slot == kNone) continue;
    size_t place = cell.hash & mask;
    while (cells_[place].slot != kNone) place = (place + 1) & mask;
    cells_[place] = cell;
  }
}

}  // namespace topod::state
