// Which keys a configuration may have, under their names without the prefix "zookeeper.", and
// what becomes of each. Tables and pure functions; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/node/config.h"

namespace topod::node {

// A key whose value a node goes by. `apply` puts the value into the configuration or says what
// was expected instead.
struct AppliedKey {
  std::string_view name;
  std::optional<std::string> (*apply)(std::string_view value, Config& config);
};

// A key of ZooKeeper's that changes nothing here.
struct IgnoredKey {
  std::string_view name;  // a final * stands for anything
  // The value that asks for nothing we lack, in small letters; * = every value.
  std::string_view harmless;
  std::string_view reason;  // told to the operator
  // Another value would leave open what the operator wants closed: it is refused.
  bool is_protection = false;
};

[[nodiscard]] const AppliedKey* find_applied_key(std::string_view name);
[[nodiscard]] const IgnoredKey* find_ignored_key(std::string_view name);
// Keys that are handled apart: dynamicConfigFile and the membership lines are among them.
inline constexpr std::string_view kDynamicConfigFileKey = "dynamicConfigFile";

// A known key that somebody may have meant, or nothing.
[[nodiscard]] std::optional<std::string_view> similar_key(std::string_view name);

// Whether values of this key must not be shown.
[[nodiscard]] bool is_secret_key(std::string_view name);

// Does the value ask for nothing that we lack?
[[nodiscard]] bool is_harmless(const IgnoredKey& key, std::string_view value);

}  // namespace topod::node
