// A znode's data as it is shown: decoded if Vitess keeps a record at that path, else as text if it
// is some, else as bytes. And access control lists and stats as text and JSON. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/client/core/request.h"
#include "tools/ctl/record.h"
#include "tools/ctl/result.h"

namespace topod::ctl {

// How a value stands in JSON: {"encoding": E, "value": V}, for records with "type" as well.
//   "null"    no data at all
//   "text"    the data are UTF-8: V is a string
//   "base64"  anything else: V is a string
//   "record"  a message of Vitess's: V is an object; only where `decode` is wished
// `decode` false keeps the very bytes, for exports.
void add_value(Json& object, std::string_view path, const client::Data& data, bool decode);
// The data that `add_value` has written.
[[nodiscard]] Result<client::Data> value_in(const Json& object);

// For people: ends with a line end unless it is empty.
[[nodiscard]] std::string value_text(std::string_view path, const client::Data& data);
// The same in one line of at most so many characters.
[[nodiscard]] std::string value_line(std::string_view path, const client::Data& data,
                                     size_t width_max);
// "Tablet", "JSON", "text", "binary", "empty", "null".
[[nodiscard]] std::string value_kind(std::string_view path, const client::Data& data);

// "cdrwa" and "world:anyone:cdrwa", as ZooKeeper's own shell has them.
[[nodiscard]] std::string permissions_text(int32_t perms);
[[nodiscard]] std::string acl_text(const client::Acl& acl);
[[nodiscard]] Result<client::Acl> parse_acl(std::string_view text);
[[nodiscard]] Json acls_json(const client::Acls& acls);
[[nodiscard]] Result<client::Acls> acls_in(const Json& list);

[[nodiscard]] Json stat_json(const Stat& stat);

}  // namespace topod::ctl
