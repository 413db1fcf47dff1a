// How a start ends that cannot go on. Plain values.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "storage/storage_error.h"

namespace topod::node {

// Exit statuses of a start that failed: a restart changes nothing about the second.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitDamaged = 3;

struct StartupError {
  int exit_code = kExitFailed;
  std::string what;
};
template <class T>
using Started = tl::expected<T, StartupError>;

[[nodiscard]] inline tl::unexpected<StartupError> startup_failure(int exit_code, std::string what) {
  return tl::unexpected(StartupError{exit_code, std::move(what)});
}

[[nodiscard]] inline tl::unexpected<StartupError> startup_failure(
    const storage::StorageError& error) {
  const bool damaged = error.kind == storage::StorageError::Kind::kDamaged;
  return startup_failure(damaged ? kExitDamaged : kExitFailed, error.what);
}

}  // namespace topod::node
