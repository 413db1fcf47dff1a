// Any protobuf message as JSON and back, by reflection, as tools/ctl/record.h describes it. Apart
// from protobuf's own mapping because that one drops unknown fields. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/message.h>
#include <tl/expected.hpp>

#include "tools/ctl/record.h"

namespace topod::ctl {

inline constexpr const char* kUnknownKey = "@unknown";

[[nodiscard]] Json json_of(const google::protobuf::Message& message);
// The message must be empty. The error names the field.
[[nodiscard]] tl::expected<void, std::string> fill_message(google::protobuf::Message& message,
                                                           const Json& value);
// The same bytes for the same message: maps in the order of their keys.
[[nodiscard]] std::string serialized(const google::protobuf::Message& message);

}  // namespace topod::ctl
