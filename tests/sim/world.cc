#include "tests/sim/world.h"

#include <algorithm>

namespace topod::sim {

void World::at(int64_t time_us, Action action) {
  events_.push_back({std::max(time_us, now_us_), next_number_++, std::move(action)});
  std::push_heap(events_.begin(), events_.end(), Later{});
}

bool World::run_until(int64_t time_us) {
  while (!violation_ && !events_.empty() && events_.front().time_us <= time_us) {
    std::pop_heap(events_.begin(), events_.end(), Later{});
    const Event event = std::move(events_.back());
    events_.pop_back();
    now_us_ = event.time_us;
    event.action();
  }
  if (violation_) return false;
  now_us_ = std::max(now_us_, time_us);
  return true;
}

void World::violated(std::string oracle, std::string what) {
  note("VIOLATION", std::string_view(oracle), std::string_view(what));
  if (!violation_) violation_ = Violation{std::move(oracle), std::move(what), now_us_};
}

}  // namespace topod::sim
