// How a command ends: the exit codes that scripts may trust, and the sentence that explains a
// failure.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace topod::ctl {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,       // what none of the others says
  kUsage = 2,        // command line, configuration file or input are wrong; nothing was done
  kUnreachable = 3,  // no server answered in time, or the connection was lost meanwhile
  kNotFound = 4,     // no such znode, cell, keyspace, shard, file
  kForbidden = 5,    // the access control list says no
  kConflict = 6,     // exists already, has another version, has children, is held
  kFindings = 7,     // diff found differences; validate, doctor or status found something wrong
  kLockLost = 8,     // the session ended while the command ran under its lock
};

struct Failure {
  ExitCode code = ExitCode::kFailed;
  std::string what;  // without a full stop
};

template <class T>
using Result = tl::expected<T, Failure>;

[[nodiscard]] inline tl::unexpected<Failure> failure(ExitCode code, std::string what) {
  return tl::unexpected(Failure{code, std::move(what)});
}

// For `topoctl help` and --help.
inline constexpr const char* kExitCodesText =
    "Exit codes:\n"
    "  0  done                         5  not permitted\n"
    "  1  failed                       6  conflict: exists, other version, has children, held\n"
    "  2  wrong usage or input         7  differences or problems were found\n"
    "  3  no server could be reached   8  the lock was lost while the command ran\n"
    "  4  not found\n";

}  // namespace topod::ctl
