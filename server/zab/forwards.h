// The numbered requests of this server's clients that have not been evaluated yet, kept so that
// they can be given to the next leader when this one is lost. The numbers make a repetition
// harmless (entry.proto, Origin). Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "proto/ids.h"

namespace topod::zab {

class Forwards {
 public:
  struct Forward {
    uint64_t number = 0;
    ConnectionId connection;
    std::string bytes;  // serialized entry, without the leader's time
  };

  // Numbers ascend.
  Forward& add(uint64_t number, ConnectionId connection) {
    return waiting_.emplace_back(Forward{number, connection, {}});
  }
  // The state has passed this number.
  void evaluated(uint64_t number) {
    while (!waiting_.empty() && waiting_.front().number <= number) waiting_.pop_front();
  }
  void clear() { waiting_.clear(); }
  [[nodiscard]] const std::deque<Forward>& waiting() const { return waiting_; }

 private:
  std::deque<Forward> waiting_;
};

}  // namespace topod::zab
