// What one thread measured: latencies, answers, errors by name, its own processor time.
//
// An operation's latency counts from the time it was *intended* to start: in an open loop an
// operation that had to wait because the server was slow has been slow, too. It is recorded when
// that time lies in the measured interval; throughput counts the answers that arrived in it.
//
// Written by one thread; only `answered_so_far` may be read by another meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "proto/codes.h"
#include "tools/bench/clock.h"
#include "tools/bench/histogram.h"

namespace topod::bench {

class Recorder {
 public:
  void measure(Nanoseconds from, Nanoseconds until) {
    from_ = from;
    until_ = until;
  }

  void answered(Nanoseconds intended, Nanoseconds now, uint64_t operations = 1) {
    if (now >= from_ && now < until_) answers_ += operations;
    if (intended >= from_ && intended < until_) latencies_.record(now - intended);
    answered_so_far_.store(answered_so_far_.load(std::memory_order_relaxed) + operations,
                           std::memory_order_relaxed);
  }
  void failed(ErrorCode error) { failed(name_of(error), 1); }
  void failed(std::string_view what, uint64_t count) {
    if (count > 0) errors_[std::string(what)] += count;
  }

  [[nodiscard]] uint64_t answered_so_far() const {
    return answered_so_far_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] uint64_t answers() const { return answers_; }
  [[nodiscard]] const Histogram& latencies() const { return latencies_; }
  [[nodiscard]] const std::map<std::string, uint64_t>& errors() const { return errors_; }

 private:
  Nanoseconds from_ = 0;
  Nanoseconds until_ = 0;
  uint64_t answers_ = 0;
  std::atomic<uint64_t> answered_so_far_{0};
  Histogram latencies_;
  std::map<std::string, uint64_t> errors_;
};

}  // namespace topod::bench
