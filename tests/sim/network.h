// Who can reach whom, and the connections over it. A place is a member (1, 2, ...) or a client
// (kFirstClient, ...). Connections behave as TCP: in order, complete until they break; a cut
// direction holds bytes back and gives them out when it heals; a machine that loses its power says
// nothing. Links among pairs of places are independent, so messages overtake each other between
// them. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/sim/world.h"

namespace topod::sim {

using Place = int;
inline constexpr Place kFirstClient = 100;

// One end of a connection.
using StreamId = uint64_t;  // both ends have the same

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Somebody wants to talk; false: nobody listens.
  virtual bool stream_opened(StreamId, Place) { return false; }
  virtual void stream_received(StreamId stream, std::string bytes) = 0;
  // The other end has closed or is no more. Not called for an end that closed itself.
  virtual void stream_closed(StreamId stream) = 0;
};

struct NetworkSpeed {
  int64_t delay_min_us = 50;
  int64_t delay_max_us = 400;
  int64_t bytes_per_ms = 100'000;
};

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  void attach(Place place, StreamHandler* handler) { handlers_[place] = handler; }

  // ---- connections ---------------------------------------------------------------------------
  // Opens towards a place; what is sent at once arrives if it is accepted.
  StreamId open(Place from, Place to);
  void send(StreamId stream, Place from, std::string bytes);
  void close(StreamId stream, Place from);
  // Closes all of a place's ends. A machine without power does not say so to the others.
  void drop_all(Place place, bool says_so);
  // Breaks a connection for both.
  void reset(StreamId stream);
  void reset_all(Place one, Place other);
  [[nodiscard]] std::vector<StreamId> streams() const;
  [[nodiscard]] size_t held_bytes(StreamId stream, Place from) const;

  // ---- faults --------------------------------------------------------------------------------
  void cut(Place from, Place to) { cuts_.insert({from, to}); }
  void heal(Place from, Place to);
  void heal_all();
  [[nodiscard]] bool is_cut(Place from, Place to) const { return cuts_.contains({from, to}); }
  [[nodiscard]] bool any_cut() const { return !cuts_.empty(); }
  void set_speed(const NetworkSpeed& speed) { speed_ = speed; }

 private:
  struct Direction {
    int64_t last_arrival_us = 0;
    std::deque<std::pair<bool, std::string>> held;  // while cut: (is the end, bytes)
    size_t held_bytes = 0;
  };
  struct Stream {
    Place ends[2] = {};
    bool open[2] = {true, true};
    Direction directions[2];  // 0: from ends[0] to ends[1]
  };

  void transmit(StreamId id, Stream& stream, int side, bool is_end, std::string bytes);
  void arrive(StreamId id, int from_side, bool is_end, std::string bytes);
  void tell_closed(StreamId id, int side);
  [[nodiscard]] static int side_of(const Stream& stream, Place place) {
    return stream.ends[0] == place ? 0 : 1;
  }

  World& world_;
  NetworkSpeed speed_;
  std::unordered_map<Place, StreamHandler*> handlers_;
  std::unordered_map<StreamId, Stream> streams_;  // looked up, never iterated but sorted
  StreamId last_stream_ = 0;
  std::set<std::pair<Place, Place>> cuts_;
};

}  // namespace topod::sim
