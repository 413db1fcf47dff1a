// What differs between two subtrees, and between two texts line by line. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/ctl/exported.h"

namespace topod::ctl {

struct Difference {
  enum class Kind { kOnlyLeft, kOnlyRight, kData, kAcl };
  Kind kind = Kind::kData;
  std::string path;  // relative to both roots
};
[[nodiscard]] const char* name_of(Difference::Kind kind);

struct CompareOptions {
  bool acls = true;
  bool ephemerals = false;  // they belong to sessions, not to the topology
};

// In the order of the paths. Versions, times and zxids are not compared: they are of a server.
[[nodiscard]] std::vector<Difference> compare(const Exported& left, const Exported& right,
                                              const CompareOptions& options);

// One line each, beginning with "-" (left), "+" (right) or " " (both), at most `context` lines of
// both around each change.
[[nodiscard]] std::vector<std::string> line_diff(std::string_view left, std::string_view right,
                                                 size_t context);

}  // namespace topod::ctl
