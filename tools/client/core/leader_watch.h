// Who leads, and who leads next: follows the head of a queue, for those who do not stand in it.
// Pure; driven as Contender is. It watches the first in the queue only, or the queue while that is
// empty or missing, so that a change wakes each follower once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/client/core/contender.h"

namespace topod::client {

struct Leader {
  std::string path;
  std::string id;  // what the leader calls itself: its znode's value
  Zxid token;
  bool operator==(const Leader&) const = default;
};

class LeaderWatch {
 public:
  using Ask = Contender::Ask;
  struct Start {};
  using Event = std::variant<Start, Contender::Answer, WatchNews, SessionState>;
  struct Output {
    std::vector<Ask> asks;
    // The new one; nobody: an empty one. Given first when it is known, then at every change.
    std::optional<std::optional<Leader>> leader;
    std::optional<Error> error;  // the last word: it follows no longer
  };

  explicit LeaderWatch(std::string queue) : queue_(std::move(queue)) {}
  [[nodiscard]] Output step(Event event);

 private:
  enum class Phase : uint8_t { kIdle, kListing, kReading, kFollowing, kMissing, kOver };

  void on(const Start&) { list(false); }
  void on(const Contender::Answer& answer);
  void on(const WatchNews& news);
  void on(const SessionState& state);
  void list(bool watch);
  void listed(const Result<Reply>& result);
  void read(const Result<Reply>& result);
  void await(Request request);
  void tell(std::optional<Leader> leader);
  void give_up(Error error);

  const std::string queue_;
  Phase phase_ = Phase::kIdle;
  uint64_t last_ticket_ = 0;
  bool is_watching_queue_ = false;
  std::string first_;
  std::optional<std::optional<Leader>> told_;
  Output out_;
};

}  // namespace topod::client
