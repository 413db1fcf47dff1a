// Random additions, removals and events: the same connections hear of them as in the naive model.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/state/watches.h"
#include "tests/unit/state/naive_watches.h"

namespace topod::state {
namespace {

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
      ASSERT_EQ(watches.contains(who, where, which), model.contains(who, where, which));
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
    ASSERT_EQ(world.watches.path_count(), world.model.path_count());
  }
}

}  // namespace
}  // namespace topod::state
