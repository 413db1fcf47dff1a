// Watches against a model that keeps a plain set of triples and looks through all of them.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "server/state/watches.h"

namespace topod::state {
namespace {

class NaiveWatches {
 public:
  bool add(ConnectionId connection, const std::string& path, Watches::Kind kind, uint32_t limit) {
    if (all_.contains({connection, path, kind})) return true;
    if (limit != 0 && count_of(connection) >= limit) return false;
    all_.insert({connection, path, kind});
    return true;
  }
  bool remove(ConnectionId connection, const std::string& path, WatcherType type) {
    return std::erase_if(all_, [&](const Watch& watch) {
             return watch.connection == connection && watch.path == path && is(watch.kind, type);
           }) > 0;
  }
  void remove_connection(ConnectionId connection) {
    std::erase_if(all_, [&](const Watch& watch) { return watch.connection == connection; });
  }
  std::vector<ConnectionId> fire(EventType type, const std::string& path) {
    std::set<ConnectionId> told;
    std::erase_if(all_, [&](const Watch& watch) {
      const bool matches = hears(watch, type, path);
      if (matches) told.insert(watch.connection);
      return matches && (watch.kind == Watches::kData || watch.kind == Watches::kChild);
    });
    return {told.begin(), told.end()};
  }
  [[nodiscard]] uint64_t count_of(ConnectionId connection) const {
    return static_cast<uint64_t>(std::count_if(all_.begin(), all_.end(), [&](const Watch& watch) {
      return watch.connection == connection;
    }));
  }
  [[nodiscard]] uint64_t size() const { return all_.size(); }
  [[nodiscard]] std::map<std::string, std::set<ConnectionId>> by_path() const {
    std::map<std::string, std::set<ConnectionId>> result;
    for (const Watch& watch : all_) result[watch.path].insert(watch.connection);
    return result;
  }

 private:
  struct Watch {
    ConnectionId connection;
    std::string path;
    Watches::Kind kind;
    auto operator<=>(const Watch&) const = default;
  };

  static bool is(Watches::Kind kind, WatcherType type) {
    switch (type) {
      case WatcherType::kAny: return true;
      case WatcherType::kChildren: return kind == Watches::kChild;
      case WatcherType::kData: return kind == Watches::kData;
      case WatcherType::kPersistent: return kind == Watches::kPersistent;
      case WatcherType::kPersistentRecursive: return kind == Watches::kPersistentRecursive;
    }
    return false;
  }

  static bool is_at_or_below(const std::string& path, const std::string& root) {
    return path == root || root == "/" || path.starts_with(root + "/");
  }

  static bool hears(const Watch& watch, EventType type, const std::string& path) {
    const bool of_children = type == EventType::kNodeChildrenChanged;
    switch (watch.kind) {
      case Watches::kData: return watch.path == path && !of_children;
      case Watches::kChild:
        return watch.path == path && (of_children || type == EventType::kNodeDeleted);
      case Watches::kPersistent: return watch.path == path;
      case Watches::kPersistentRecursive: return !of_children && is_at_or_below(path, watch.path);
    }
    return false;
  }

  std::set<Watch> all_;
};

struct World {
  explicit World(uint32_t seed) : random(seed) {}

  int pick(int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); }
  ConnectionId connection() { return ConnectionId(1 + static_cast<uint64_t>(pick(6))); }
  // Few names and little depth, so that paths meet often.
  std::string path() {
    std::string result;
    for (int depth = pick(4); depth > 0; --depth) result += pick(2) == 0 ? "/a" : "/ab";
    return result.empty() ? "/" : result;
  }
  EventType event() { return static_cast<EventType>(1 + pick(4)); }
  Watches::Kind kind() { return static_cast<Watches::Kind>(1 << pick(4)); }
  WatcherType type() { return static_cast<WatcherType>(1 + pick(5)); }

  void step();

  std::mt19937 random;
  Watches watches;
  NaiveWatches model;
};

void World::step() {
  const ConnectionId who = connection();
  const std::string where = path();
  switch (pick(12)) {
    case 0: {
      const WatcherType which = type();
      ASSERT_EQ(watches.contains(who, where, which), NaiveWatches(model).remove(who, where, which));
      ASSERT_EQ(watches.remove(who, where, which), model.remove(who, where, which));
      break;
    }
    case 1:
      if (pick(5) != 0) break;
      watches.remove_connection(who);
      model.remove_connection(who);
      break;
    case 2:
    case 3:
    case 4: {
      const EventType type = event();
      std::vector<ConnectionId> told;
      watches.fire(type, where, told);
      ASSERT_EQ(told, model.fire(type, where)) << static_cast<int>(type) << " on " << where;
      break;
    }
    default: {
      const Watches::Kind what = kind();
      const uint32_t limit = pick(3) == 0 ? 8 : 0;
      ASSERT_EQ(watches.add(who, where, what, limit), model.add(who, where, what, limit));
    }
  }
  ASSERT_EQ(watches.watch_count(), model.size());
  ASSERT_EQ(watches.empty(), model.size() == 0);
  ASSERT_EQ(watches.count_of(who), model.count_of(who));
}

TEST(WatchesModel, EveryEventReachesTheSameConnections) {
  const auto first_seed = std::random_device{}();
  for (uint32_t seed = first_seed; seed < first_seed + 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    for (int step = 0; step < 2000; ++step) {
      world.step();
      ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "step " << step;
    }
    ASSERT_EQ(world.watches.by_path(), world.model.by_path());
    ASSERT_EQ(world.watches.path_count(), world.model.by_path().size());
  }
}

}  // namespace
}  // namespace topod::state
