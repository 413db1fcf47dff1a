#include "tools/client/core/error.h"

namespace topod::client {

const char* name_of(Failure failure) {
  switch (failure) {
    case Failure::kRefused: return "refused";
    case Failure::kConnectionLost: return "connection lost, outcome unknown";
    case Failure::kTimedOut: return "no answer in time, outcome unknown";
    case Failure::kNotSent: return "no server could be reached in time";
    case Failure::kSessionExpired: return "session expired";
    case Failure::kAuthenticationFailed: return "authentication failed";
    case Failure::kClosed: return "session closed";
    case Failure::kNotObtained: return "not obtained";
    case Failure::kBadArgument: return "bad argument";
    case Failure::kProtocol: return "the server's answer makes no sense";
  }
  return "unknown";
}

std::string Error::text() const {
  std::string text;
  if (op != OpCode::kError) text += name_of(op);
  if (!path.empty()) text += (text.empty() ? "" : " ") + path;
  if (!text.empty()) text += ": ";
  if (failure == Failure::kRefused && code != ErrorCode::kOk) {
    const std::string_view name = name_of(code);
    text += name == "unknown" ? "error " + std::to_string(static_cast<int>(code)) : name;
  } else {
    text += name_of(failure);
  }
  if (!detail.empty()) text += " (" + detail + ")";
  return text;
}

}  // namespace topod::client
