// Under which prefix a path's load is told. Pure.
#pragma once

#include <string_view>

namespace topod::node {

// The first `depth` components: "/vitess/zone1/tablets" of "/vitess/zone1/tablets/zone1-1/Tablet".
// Of a shorter path all of it; of the root "/".
[[nodiscard]] constexpr std::string_view first_components(std::string_view path, int depth) {
  size_t end = 0;
  for (int i = 0; i < depth && end < path.size(); ++i) {
    const size_t slash = path.find('/', end + 1);
    end = slash == std::string_view::npos ? path.size() : slash;
  }
  return end <= 1 ? std::string_view("/") : path.substr(0, end);
}

// The same of the znode's parent: names of single znodes, which may be any number, do not come in.
[[nodiscard]] constexpr std::string_view prefix_of_parent(std::string_view path, int depth) {
  const size_t slash = path.rfind('/');
  const size_t end = slash == std::string_view::npos ? 0 : slash;
  return first_components(path.substr(0, end), depth);
}

}  // namespace topod::node
