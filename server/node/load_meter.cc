#include "server/node/load_meter.h"

#include "proto/codes.h"
#include "proto/jute.h"
#include "server/node/path_prefix.h"

namespace topod::node {

namespace {

constexpr size_t kHeaderBytes = 8;       // xid, operation
constexpr size_t kMultiHeaderBytes = 9;  // of each part: operation, end mark, error

OpCode operation_of(std::string_view frame) {
  return static_cast<OpCode>(JuteReader(frame.substr(sizeof(int32_t))).read_int());
}

// Whether the path names a directory whose children are asked for.
bool is_of_children(OpCode op) {
  return op == OpCode::kGetChildren || op == OpCode::kGetChildren2 ||
         op == OpCode::kGetAllChildrenNumber || op == OpCode::kGetEphemerals;
}

}  // namespace

std::string_view path_in_request(std::string_view frame) {
  if (frame.size() < kHeaderBytes + sizeof(int32_t)) return {};
  size_t place = kHeaderBytes;
  switch (operation_of(frame)) {
    case OpCode::kPing:
    case OpCode::kAuth:
    case OpCode::kSasl:
    case OpCode::kSetWatches:
    case OpCode::kSetWatches2:
    case OpCode::kReconfig:
    case OpCode::kWhoAmI:
    case OpCode::kCloseSession: return {};
    case OpCode::kMulti:
    case OpCode::kMultiRead: place += kMultiHeaderBytes; break;
    default: break;
  }
  if (frame.size() < place + sizeof(int32_t)) return {};
  const int32_t length = JuteReader(frame.substr(place)).read_int();
  place += sizeof(int32_t);
  if (length <= 0 || static_cast<size_t>(length) > frame.size() - place) return {};
  const std::string_view path = frame.substr(place, static_cast<size_t>(length));
  return path.front() == '/' ? path : std::string_view{};
}

void LoadMeter::opened(ConnectionId id, std::string_view address, int64_t now_ms) {
  const size_t place = addresses_.place_of(address, now_ms);
  addresses_.hold(place);
  ++addresses_[place].connections_made;
  places_.emplace(id, place);
}

void LoadMeter::closed(ConnectionId id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  addresses_.release(found->second);
  places_.erase(found);
}

// From 1 to twice the mean less 1; Marsaglia's xorshift is random enough.
uint32_t LoadMeter::next_distance() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return 1 + random_ % (2 * sample_every_ - 1);
}

void LoadMeter::request(ConnectionId id, std::string_view frame, int64_t now_ms) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  const auto count = [&](Load& load) {
    load.requests += sample_every_;
    load.bytes += sample_every_ * frame.size();
  };
  count(addresses_[found->second]);
  if (path_depth_ == 0) return;
  const std::string_view path = path_in_request(frame);
  if (path.empty()) return;
  const std::string_view prefix = is_of_children(operation_of(frame))
                                      ? first_components(path, path_depth_)
                                      : prefix_of_parent(path, path_depth_);
  count(prefixes_[prefixes_.place_of(prefix, now_ms)]);
}

}  // namespace topod::node
