#include "server/zab/output.h"

namespace topod::zab {

std::string_view name_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::kNone: return "none";
    case CloseReason::kClosedByClient: return "closed by client";
    case CloseReason::kMalformedConnect: return "malformed connect request";
    case CloseReason::kMalformedRequest: return "malformed request";
    case CloseReason::kZxidAhead: return "client has seen a newer zxid than this server";
    case CloseReason::kSessionRefused: return "session unknown, expired or wrong password";
    case CloseReason::kSessionMoved: return "session moved to another connection";
    case CloseReason::kSessionExpired: return "session expired";
    case CloseReason::kUnknownOperation: return "unknown operation";
    case CloseReason::kAuthenticationFailed: return "authentication failed";
    case CloseReason::kAuthenticationRequired: return "authentication required";
    case CloseReason::kNoLogSpace: return "no space for the log";
    case CloseReason::kNoQuorum: return "no leader, or no contact with it, for too long";
    case CloseReason::kDiverged: return "this server's state differs from that of the majority";
    case CloseReason::kReadOnlyEnds: return "read-only service ends, there is a leader";
    case CloseReason::kSnapshotInstalled: return "this server has taken over a snapshot";
    case CloseReason::kTooMuchUnsent: return "replies are larger than maxUnsentBytes";
  }
  return "unknown";
}

}  // namespace topod::zab
