#include "proto/check.h"

#include <cstdio>
#include <cstdlib>

namespace topod {

void check_failed(const char* condition, const char* file, int line, const char* explanation) {
  // stdio only: the logger may be what is broken.
  std::fprintf(stderr, "topod: broken invariant: %s at %s:%d %s\n", condition, file, line,
               explanation);
  std::fflush(stderr);
  std::abort();
}

}  // namespace topod
