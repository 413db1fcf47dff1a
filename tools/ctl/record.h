// The values of a Vitess topology: which path holds which message, and the message as JSON and
// back. Nothing is lost on the way: a field that proto/topodata.proto does not know stands under
// "@unknown" by its number, and is written again from there.
//
// In JSON a field has its name of proto/topodata.proto; older names (master_alias) are read as
// well. Fields that are not set are left out; bounds of key ranges are hex, as in a shard's name;
// points in time are RFC 3339; other bytes are base64.
//
// Pure functions; any thread. Errors are sentences for people.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace topod::ctl {

using Json = nlohmann::ordered_json;

// Names of messages of proto/topodata.proto: "Tablet". Views of constants.
using RecordType = std::string_view;

// What Vitess keeps at such a path; nullopt if it is none of its files.
[[nodiscard]] std::optional<RecordType> record_type_of(std::string_view path);
// "tablet" -> "Tablet", in any case; nullopt if there is no such message.
[[nodiscard]] std::optional<RecordType> record_type_named(std::string_view name);

// The message as JSON, or why these bytes are none.
[[nodiscard]] tl::expected<Json, std::string> decode_record(RecordType type,
                                                            std::string_view bytes);
// The bytes of a message, or what in the JSON does not fit.
[[nodiscard]] tl::expected<std::string, std::string> encode_record(RecordType type,
                                                                   const Json& value);
// Whether the message holds a field that proto/topodata.proto does not name.
[[nodiscard]] bool has_unknown_fields(const Json& value);

}  // namespace topod::ctl
