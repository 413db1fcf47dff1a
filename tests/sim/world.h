// Simulated time and everything that waits for it. An event is a function and the moment at which
// it runs; events of one moment run in the order in which they were added. Times in microseconds
// since the world began. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/random.h"
#include "tests/sim/trace.h"

namespace topod::sim {

inline constexpr int64_t kMillisecond = 1'000;
inline constexpr int64_t kSecond = 1'000'000;

// What must never be, and was.
struct Violation {
  std::string oracle;
  std::string what;
  int64_t at_us = 0;
};

class World {
 public:
  using Action = std::function<void()>;

  World(uint64_t seed, std::ostream* trace) : random_(seed), trace_(trace) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] int64_t now_us() const { return now_us_; }
  [[nodiscard]] Random& random() { return random_; }

  void after(int64_t delay_us, Action action) { at(now_us_ + delay_us, std::move(action)); }
  void at(int64_t time_us, Action action);

  // Runs what is due up to this moment, which then is now. False: an oracle has spoken.
  bool run_until(int64_t time_us);

  template <class... Details>
  void note(std::string_view what, const Details&... details) {
    trace_.note(now_us_, what, details...);
  }
  [[nodiscard]] const Trace& trace() const { return trace_; }

  // The first one counts; the world stops after the event that shows it.
  void violated(std::string oracle, std::string what);
  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  [[nodiscard]] uint64_t events() const { return next_number_; }

 private:
  struct Event {
    int64_t time_us = 0;
    uint64_t number = 0;
    Action action;
  };
  // For the heap: the earliest on top.
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return std::pair(a.time_us, a.number) > std::pair(b.time_us, b.number);
    }
  };

  Random random_;
  Trace trace_;
  int64_t now_us_ = 0;
  uint64_t next_number_ = 0;
  std::vector<Event> events_;
  std::optional<Violation> violation_;
};

}  // namespace topod::sim
