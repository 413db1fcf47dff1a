// Assertions that stay on in production. A broken invariant ends the process at once, before a
// wrong state can be acknowledged, logged or sent to a peer. Expected failures are values, not
// CHECKs. Safe from any thread.
#pragma once

namespace topod {

[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const char* explanation);

}  // namespace topod

#define CHECK(condition)                                         \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::topod::check_failed(#condition, __FILE__, __LINE__, ""); \
  } while (false)

#define CHECK_MSG(condition, explanation)                                   \
  do {                                                                      \
    if (!(condition)) [[unlikely]]                                          \
      ::topod::check_failed(#condition, __FILE__, __LINE__, (explanation)); \
  } while (false)
