// Strong types for the numbers that travel: a zxid can never be passed for a session id.
//
// Plain values: no threading rule, no ownership. All of them print with fmt through `value()`.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>

namespace topod {

template <class Tag, class Rep>
class StrongId {
 public:
  using rep = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Rep value_ = 0;
};

// Place of a change in the one order of all changes: epoch in the high 24 bits (sign bit clear),
// counter in the low 40. Clients treat it as opaque and ordered.
using Zxid = StrongId<struct ZxidTag, int64_t>;

inline constexpr int kZxidCounterBits = 40;
inline constexpr int64_t kZxidCounterMax = (int64_t{1} << kZxidCounterBits) - 1;

// Number of a leader's reign; at most 2^23 - 1 so that a zxid stays positive.
using Epoch = StrongId<struct EpochTag, uint32_t>;
inline constexpr uint32_t kEpochMax = (uint32_t{1} << 23) - 1;

[[nodiscard]] constexpr Zxid make_zxid(Epoch epoch, int64_t counter) {
  return Zxid((static_cast<int64_t>(epoch.value()) << kZxidCounterBits) | counter);
}
[[nodiscard]] constexpr Epoch epoch_of(Zxid zxid) {
  return Epoch(static_cast<uint32_t>(zxid.value() >> kZxidCounterBits));
}
[[nodiscard]] constexpr int64_t counter_of(Zxid zxid) { return zxid.value() & kZxidCounterMax; }

// A client session, made from the zxid of its createSession; positive; 0 means "none".
using SessionId = StrongId<struct SessionTag, int64_t>;
// A znode, numbered by creation; 0 means "none"; a parent's id is smaller than its children's.
using NodeId = StrongId<struct NodeTag, uint64_t>;
// An interned access control list.
using AclId = StrongId<struct AclTag, uint32_t>;
// `myid` of a server.
using ServerId = StrongId<struct ServerTag, uint32_t>;
// One run of a server's process; drawn at random at start.
using Incarnation = StrongId<struct IncarnationTag, uint64_t>;
// A client connection, numbered from 1 within one incarnation of one server.
using ConnectionId = StrongId<struct ConnectionTag, uint64_t>;
// One authenticated connection to another member, numbered within one run of this server.
using LinkId = StrongId<struct LinkTag, uint64_t>;
// Tells a data directory from one that replaced it; drawn at random when it is made.
using InstanceId = std::array<uint8_t, 16>;
// Identity of an ensemble, drawn at random when it is founded.
using EnsembleId = StrongId<struct EnsembleTag, uint64_t>;

}  // namespace topod

template <class Tag, class Rep>
struct std::hash<topod::StrongId<Tag, Rep>> {
  size_t operator()(const topod::StrongId<Tag, Rep>& id) const noexcept {
    // Fibonacci mixing: ids are mostly consecutive, and identity hashing of them would cluster.
    return static_cast<size_t>(static_cast<uint64_t>(id.value()) * 0x9E3779B97F4A7C15ULL);
  }
};
