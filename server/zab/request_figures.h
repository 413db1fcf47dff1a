// What the clients of this server have asked and how long it took, and why they were turned away.
// Since start; nothing resets it. Plain data of `Clients`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/codes.h"
#include "proto/histogram.h"
#include "server/zab/output.h"

namespace topod::zab {

struct RequestFigures {
  static constexpr size_t kOperations = 32;
  static constexpr size_t kCloseReasons = static_cast<size_t>(CloseReason::kSnapshotInstalled) + 1;

  // By `place_of` of the operation: from the turn that read a request to the reply, in
  // microseconds. What is answered in the turn that read it takes 0.
  std::array<Histogram, kOperations> latency_us{};
  std::array<uint64_t, kOperations> errors{};
  std::array<uint64_t, kCloseReasons> closed{};
  uint64_t sessions_begun = 0;       // on a connection to this server, new or attached again
  uint64_t sessions_expired = 0;     // by this server, while it led
  uint64_t writes_without_room = 0;  // refused, for the log had no space

  // Operations that clients ask lie in three ranges; what is none of them shares the first place.
  [[nodiscard]] static constexpr size_t place_of(OpCode op) {
    const auto number = static_cast<int32_t>(op);
    if (number > 0 && number <= kLastOfFirst) return static_cast<size_t>(number);
    if (number >= kFirstOfSecond && number <= kLastOfSecond) {
      return static_cast<size_t>(number - kFirstOfSecond + kLastOfFirst + 1);
    }
    return op == OpCode::kCloseSession ? kOperations - 1 : 0;
  }
  [[nodiscard]] static constexpr OpCode operation_at(size_t place) {
    const auto number = static_cast<int32_t>(place);
    if (place == kOperations - 1) return OpCode::kCloseSession;
    if (number <= kLastOfFirst) return static_cast<OpCode>(number);
    return static_cast<OpCode>(number - kLastOfFirst - 1 + kFirstOfSecond);
  }

  void add(OpCode op, int64_t duration_us, ErrorCode error) {
    const size_t place = place_of(op);
    latency_us[place].add(duration_us);
    if (error != ErrorCode::kOk) ++errors[place];
  }

 private:
  static constexpr int32_t kLastOfFirst = static_cast<int32_t>(OpCode::kMultiRead);
  static constexpr int32_t kFirstOfSecond = static_cast<int32_t>(OpCode::kAuth);
  static constexpr int32_t kLastOfSecond = static_cast<int32_t>(OpCode::kWhoAmI);
  static_assert(kLastOfFirst + 1 + kLastOfSecond - kFirstOfSecond + 1 < int32_t{kOperations});
};

}  // namespace topod::zab
