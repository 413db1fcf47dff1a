// Why a call has no result. A plain value, not shared between threads.
#pragma once

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "proto/codes.h"

namespace topod::client {

enum class Failure : uint8_t {
  kRefused,               // by the server, as `code` says; nothing has happened
  kConnectionLost,        // it broke before the answer came: a write may have happened or not
  kTimedOut,              // no answer by the deadline: a write may have happened, or may yet
  kNotSent,               // no server was reached by the deadline; nothing has happened
  kSessionExpired,        // the servers have given the session up, with its ephemeral znodes
  kAuthenticationFailed,  // a server did not accept an identity
  kClosed,                // the session was closed by its owner
  kNotObtained,           // a lock, why says `detail`; nothing is left of the attempt
  kBadArgument,           // refused here, before anything was sent
  kProtocol,              // the answer made no sense
};

struct Error {
  Failure failure = Failure::kRefused;
  ErrorCode code = ErrorCode::kOk;  // of kRefused
  OpCode op = OpCode::kError;       // what was asked
  std::string path = {};
  std::string detail = {};  // more, for people; may be empty

  [[nodiscard]] bool is(ErrorCode wanted) const {
    return failure == Failure::kRefused && code == wanted;
  }
  // Whether a write may have taken place nevertheless.
  [[nodiscard]] bool outcome_is_unknown() const {
    return failure == Failure::kConnectionLost || failure == Failure::kTimedOut;
  }
  // One line for people: "getData /a: NoNode".
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] const char* name_of(Failure failure);

template <class T>
using Result = tl::expected<T, Error>;

}  // namespace topod::client
