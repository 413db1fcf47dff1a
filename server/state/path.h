// Paths of znodes: UTF-8, absolute, as the ZooKeeper protocol defines them. Pure functions.
#pragma once

#include <string_view>

namespace topod::state {

// Whether a znode of this path may exist: starts with '/', no empty, "." or ".." component, no
// trailing '/', none of the characters ZooKeeper refuses (controls, surrogates, the private use
// area, U+FFF0..U+FFFF), no malformed UTF-8 and no character outside of the BMP.
[[nodiscard]] bool is_valid_path(std::string_view path);

// What every write demands of its path before anything else: a '/' somewhere and no NUL.
[[nodiscard]] bool has_path_shape(std::string_view path);

// "/a/b" -> "/a"; "/a" -> "" (the root, also spelled "/"). The path must contain a '/'.
[[nodiscard]] std::string_view parent_path(std::string_view path);
// "/a/b" -> "b".
[[nodiscard]] std::string_view last_component(std::string_view path);

// "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config": made with the tree, never deleted.
[[nodiscard]] bool is_permanent_path(std::string_view path);

inline constexpr std::string_view kZookeeperPath = "/zookeeper";
inline constexpr std::string_view kQuotaPath = "/zookeeper/quota";
inline constexpr std::string_view kConfigPath = "/zookeeper/config";

}  // namespace topod::state
