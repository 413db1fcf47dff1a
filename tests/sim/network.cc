#include "tests/sim/network.h"

#include <algorithm>

#include "proto/check.h"

namespace topod::sim {

StreamId Network::open(Place from, Place to) {
  const StreamId id = ++last_stream_;
  Stream& stream = streams_[id];
  stream.ends[0] = from;
  stream.ends[1] = to;
  transmit(id, stream, 0, false, {});  // an empty first message: the greeting
  return id;
}

void Network::send(StreamId id, Place from, std::string bytes) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || bytes.empty()) return;
  const int side = side_of(found->second, from);
  if (found->second.open[side]) transmit(id, found->second, side, false, std::move(bytes));
}

void Network::close(StreamId id, Place from) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  const int side = side_of(stream, from);
  if (!stream.open[side]) return;
  stream.open[side] = false;
  if (stream.open[1 - side]) {
    transmit(id, stream, side, true, {});
  } else {
    streams_.erase(found);
  }
}

void Network::transmit(StreamId id, Stream& stream, int side, bool is_end, std::string bytes) {
  Direction& direction = stream.directions[side];
  if (is_cut(stream.ends[side], stream.ends[1 - side]) || !direction.held.empty()) {
    direction.held_bytes += bytes.size();
    direction.held.emplace_back(is_end, std::move(bytes));
    return;
  }
  const int64_t travel_us = world_.random().skewed(speed_.delay_min_us, speed_.delay_max_us) +
                            static_cast<int64_t>(bytes.size()) * 1'000 / speed_.bytes_per_ms;
  direction.last_arrival_us = std::max(direction.last_arrival_us, world_.now_us() + travel_us);
  world_.at(direction.last_arrival_us, [this, id, side, is_end, moved = std::move(bytes)] {
    arrive(id, side, is_end, moved);
  });
}

void Network::arrive(StreamId id, int from_side, bool is_end, std::string bytes) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  const int side = 1 - from_side;
  if (!stream.open[side]) {
    // Nobody is there any more: the sender hears of it, if the way back is open.
    if (!is_cut(stream.ends[side], stream.ends[from_side])) {
      world_.after(speed_.delay_min_us, [this, id, from_side] { tell_closed(id, from_side); });
    }
    return;
  }
  StreamHandler* const handler = handlers_.at(stream.ends[side]);
  if (is_end) {
    tell_closed(id, side);
  } else if (!bytes.empty()) {
    handler->stream_received(id, std::move(bytes));
  } else if (!handler->stream_opened(id, stream.ends[from_side])) {
    close(id, stream.ends[side]);
  }
}

void Network::tell_closed(StreamId id, int side) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || !found->second.open[side]) return;
  found->second.open[side] = false;
  StreamHandler* const handler = handlers_.at(found->second.ends[side]);
  if (!found->second.open[1 - side]) streams_.erase(found);
  handler->stream_closed(id);
}

std::vector<StreamId> Network::streams() const {
  std::vector<StreamId> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

size_t Network::held_bytes(StreamId id, Place from) const {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return 0;
  return found->second.directions[side_of(found->second, from)].held_bytes;
}

void Network::drop_all(Place place, bool says_so) {
  for (const StreamId id : streams()) {
    Stream& stream = streams_.at(id);
    for (const int side : {0, 1}) {
      if (stream.ends[side] != place || !stream.open[side]) continue;
      if (says_so) {
        close(id, place);
      } else {
        // What it had not got rid of is lost with it.
        stream.open[side] = false;
        stream.directions[side].held.clear();
        stream.directions[side].held_bytes = 0;
        if (!stream.open[1 - side]) streams_.erase(id);
      }
      break;
    }
  }
}

void Network::reset(StreamId id) {
  for (const int side : {0, 1}) {
    world_.after(world_.random().skewed(speed_.delay_min_us, speed_.delay_max_us),
                 [this, id, side] { tell_closed(id, side); });
  }
}

void Network::reset_all(Place one, Place other) {
  for (const StreamId id : streams()) {
    const Stream& stream = streams_.at(id);
    const bool is_between = std::min(stream.ends[0], stream.ends[1]) == std::min(one, other) &&
                            std::max(stream.ends[0], stream.ends[1]) == std::max(one, other);
    if (is_between) reset(id);
  }
}

void Network::heal(Place from, Place to) {
  if (cuts_.erase({from, to}) == 0) return;
  for (const StreamId id : streams()) {
    Stream& stream = streams_.at(id);
    for (const int side : {0, 1}) {
      if (stream.ends[side] != from || stream.ends[1 - side] != to) continue;
      Direction& direction = stream.directions[side];
      std::deque<std::pair<bool, std::string>> held;
      held.swap(direction.held);
      direction.held_bytes = 0;
      for (auto& [is_end, bytes] : held) transmit(id, stream, side, is_end, std::move(bytes));
    }
  }
}

void Network::heal_all() {
  const std::set<std::pair<Place, Place>> cuts = cuts_;
  for (const auto& [from, to] : cuts) heal(from, to);
}

}  // namespace topod::sim
