// Every number of the ZooKeeper client protocol: opcodes, error codes, watch and event kinds,
// create modes, permissions, reserved xids. Constants only.
#pragma once

#include <cstdint>
#include <string_view>

namespace topod {

enum class OpCode : int32_t {
  kNotification = 0,
  kCreate = 1,
  kDelete = 2,
  kExists = 3,
  kGetData = 4,
  kSetData = 5,
  kGetAcl = 6,
  kSetAcl = 7,
  kGetChildren = 8,
  kSync = 9,
  kPing = 11,
  kGetChildren2 = 12,
  kCheck = 13,
  kMulti = 14,
  kCreate2 = 15,
  kReconfig = 16,
  kCheckWatches = 17,
  kRemoveWatches = 18,
  kCreateContainer = 19,
  kDeleteContainer = 20,
  kCreateTtl = 21,
  kMultiRead = 22,
  kAuth = 100,
  kSetWatches = 101,
  kSasl = 102,
  kGetEphemerals = 103,
  kGetAllChildrenNumber = 104,
  kSetWatches2 = 105,
  kAddWatch = 106,
  kWhoAmI = 107,
  kCreateSession = -10,
  kCloseSession = -11,
  kError = -1,
};

enum class ErrorCode : int32_t {
  kOk = 0,
  kSystemError = -1,
  kRuntimeInconsistency = -2,
  kMarshallingError = -5,
  kUnimplemented = -6,
  kOperationTimeout = -7,
  kBadArguments = -8,
  kNewConfigNoQuorum = -13,
  kReconfigInProgress = -14,
  kNoNode = -101,
  kNoAuth = -102,
  kBadVersion = -103,
  kNoChildrenForEphemerals = -108,
  kNodeExists = -110,
  kNotEmpty = -111,
  kSessionExpired = -112,
  kInvalidAcl = -114,
  kAuthFailed = -115,
  kSessionMoved = -118,
  kNotReadOnly = -119,
  kEphemeralOnLocalSession = -120,
  kNoWatcher = -121,
  kReconfigDisabled = -123,
  kSessionClosedRequireAuth = -124,
  kQuotaExceeded = -125,
  kThrottledOp = -127,
};

// Types of a watch event as the server sends them.
enum class EventType : int32_t {
  kNone = -1,
  kNodeCreated = 1,
  kNodeDeleted = 2,
  kNodeDataChanged = 3,
  kNodeChildrenChanged = 4,
};

// The only state a server puts into an event.
inline constexpr int32_t kStateSyncConnected = 3;

enum class AddWatchMode : int32_t { kPersistent = 0, kPersistentRecursive = 1 };

// What checkWatches and removeWatches look for.
enum class WatcherType : int32_t {
  kChildren = 1,
  kData = 2,
  kAny = 3,
  kPersistent = 4,
  kPersistentRecursive = 5,
};

// An enumeration, not a bit mask, although 1 and 2 look like bits.
enum class CreateMode : int32_t {
  kPersistent = 0,
  kEphemeral = 1,
  kPersistentSequential = 2,
  kEphemeralSequential = 3,
  kContainer = 4,
  kPersistentTtl = 5,
  kPersistentSequentialTtl = 6,
};

inline constexpr int32_t kPermRead = 1;
inline constexpr int32_t kPermWrite = 2;
inline constexpr int32_t kPermCreate = 4;
inline constexpr int32_t kPermDelete = 8;
inline constexpr int32_t kPermAdmin = 16;
inline constexpr int32_t kPermAll = 31;

inline constexpr int32_t kXidNotification = -1;
inline constexpr int32_t kXidPing = -2;
inline constexpr int32_t kXidAuth = -4;
inline constexpr int32_t kXidSetWatches = -8;

// In a request: "do not compare versions".
inline constexpr int32_t kAnyVersion = -1;

// Longest time to live of a TTL node: 40 bits of milliseconds.
inline constexpr int64_t kTtlMaxMs = 0xffffffffffLL;

inline constexpr int32_t kPasswordBytes = 16;

// Names as operators know them ("getData", "NoNode"); "unknown" for other numbers.
[[nodiscard]] std::string_view name_of(OpCode op);
[[nodiscard]] std::string_view name_of(ErrorCode error);

// Whether a client may send this opcode by itself (not only inside a multi).
[[nodiscard]] bool is_client_request(OpCode op);
// Whether it goes through the log.
[[nodiscard]] bool is_write(OpCode op);

}  // namespace topod
