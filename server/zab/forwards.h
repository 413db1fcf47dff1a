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
    while (!waiting_.empty() && waiting_.front().number <= number) {
      if (given_ > 0) {
        --given_;
        given_bytes_ -= waiting_.front().bytes.size();
      }
      waiting_.pop_front();
    }
  }
  void clear() {
    waiting_.clear();
    restart();
  }

  // ---- what this leader has been given -------------------------------------------------------
  // There is another leader: nothing.
  void restart() { given_ = given_bytes_ = 0; }
  // The first that has not been given; nullptr: none.
  [[nodiscard]] const Forward* next() const {
    return given_ < waiting_.size() ? &waiting_[given_] : nullptr;
  }
  void gave_next() { given_bytes_ += waiting_[given_++].bytes.size(); }
  // Given and not evaluated.
  [[nodiscard]] size_t given_bytes() const { return given_bytes_; }
  [[nodiscard]] size_t size() const { return waiting_.size(); }

 private:
  std::deque<Forward> waiting_;
  size_t given_ = 0;  // of `waiting_`, from the front
  size_t given_bytes_ = 0;
};

}  // namespace topod::zab
