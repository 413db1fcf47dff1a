// What the broadcast asks the log to keep, in one order: transactions and promises. A promise
// counts only once its record is durable. Plain values; no threading rule.
#pragma once

#include <cstdint>
#include <string>

#include "proto/ids.h"

namespace topod {

enum class LogRecordKind : uint8_t {
  kTransaction = 1,    // zxid, payload = serialized Entry; `number` = zxid of its predecessor
  kAcceptedEpoch = 2,  // number = epoch
  kCurrentEpoch = 3,   // number = epoch
  kTruncate = 4,       // zxid: transactions above it are cut; epochs and membership are not
  kSnapshot = 5,       // zxid, number = generation of the tree, payload = digest
  kFounding = 6,       // payload = serialized Founding
  kCommitted = 7,      // zxid: watermark up to which transactions are known to be committed
  kDiverged = 10,      // zxid: applied when the state was found to differ from the ensemble's;
                       // holds until a snapshot takes effect
  // Only where a segment begins, written by the log itself.
  kEpochEnds = 8,         // payload = zxids of the last transactions of epochs, 8 bytes each
  kPendingSnapshot = 9,   // a kSnapshot that has not taken effect yet
  kEpochEndsBefore = 11,  // like kEpochEnds, without that snapshot and what follows it
};

struct LogRecord {
  LogRecordKind kind = LogRecordKind::kTransaction;
  Zxid zxid;
  uint64_t number = 0;
  std::string payload;
  bool operator==(const LogRecord&) const = default;
};

}  // namespace topod
