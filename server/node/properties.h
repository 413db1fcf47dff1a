// Java's properties format, in which zoo.cfg is written: `key=value`, `key: value` or `key value`,
// comments after # or !, a backslash at a line's end continues it, \t \n \r \f \uXXXX and any
// other escaped character. Values are trimmed, as ZooKeeper trims them.
//
// Pure functions over text in memory; nothing is opened. A text that Java's reader would refuse
// is refused with the line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace topod::node {

struct Property {
  std::string key;
  std::string value;
  int line = 0;  // where the property begins, from 1
  bool operator==(const Property&) const = default;
};

struct PropertyError {
  int line = 0;
  std::string expected;
};

// Every property in the order of the text; a repeated key appears as often as it is written.
[[nodiscard]] tl::expected<std::vector<Property>, PropertyError> parse_properties(
    std::string_view text);

}  // namespace topod::node
