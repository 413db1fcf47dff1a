#include "tools/ctl/value.h"

#include <array>
#include <utility>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

// The record at a path, if there is one and these bytes are it.
std::optional<Json> record_at(std::string_view path, std::string_view bytes) {
  const auto type = record_type_of(path);
  if (!type) return std::nullopt;
  auto record = decode_record(*type, bytes);
  if (!record) return std::nullopt;
  return std::move(*record);
}

bool is_json(std::string_view bytes) {
  const std::string_view text = trimmed(bytes);
  return (text.starts_with('{') || text.starts_with('[')) && Json::accept(text);
}

constexpr std::array<std::pair<char, int32_t>, 5> kPermissions = {{{'c', kPermCreate},
                                                                   {'d', kPermDelete},
                                                                   {'r', kPermRead},
                                                                   {'w', kPermWrite},
                                                                   {'a', kPermAdmin}}};

}  // namespace

void add_value(Json& object, std::string_view path, const client::Data& data, bool decode) {
  if (!data) {
    object["encoding"] = "null";
    object["value"] = nullptr;
    return;
  }
  if (decode) {
    if (auto record = record_at(path, *data)) {
      object["encoding"] = "record";
      object["type"] = *record_type_of(path);
      object["value"] = std::move(*record);
      return;
    }
  }
  const bool text = is_readable_text(*data);
  object["encoding"] = text ? "text" : "base64";
  object["value"] = text ? *data : to_base64(*data);
}

Result<client::Data> value_in(const Json& object) {
  const auto wrong = [](const std::string& what) { return failure(ExitCode::kUsage, what); };
  if (!object.contains("encoding") || !object["encoding"].is_string()) {
    return wrong("\"encoding\" is missing");
  }
  const std::string encoding = object["encoding"];
  if (encoding == "null") return client::Data();
  if (!object.contains("value")) return wrong("\"value\" is missing");
  const Json& value = object["value"];
  if (encoding == "record") {
    const std::string name = object.value("type", "");
    const auto type = record_type_named(name);
    if (!type) return wrong("there is no record type \"" + name + "\"");
    auto bytes = encode_record(*type, value);
    if (!bytes) return wrong(bytes.error());
    return client::Data(std::move(*bytes));
  }
  if (!value.is_string()) return wrong("\"value\" must be a string");
  if (encoding == "text") return client::Data(value.get<std::string>());
  if (encoding != "base64") return wrong("unknown encoding \"" + encoding + "\"");
  auto bytes = from_base64(value.get<std::string>());
  if (!bytes) return wrong("\"value\" is no base64");
  return client::Data(std::move(*bytes));
}

std::string value_text(std::string_view path, const client::Data& data) {
  if (!data || (data->empty() && !record_type_of(path))) return {};
  if (auto record = record_at(path, *data)) return record->dump(2) + "\n";
  if (!is_readable_text(*data)) return hex_dump(*data);
  return data->ends_with('\n') ? *data : *data + "\n";
}

std::string value_line(std::string_view path, const client::Data& data, size_t width_max) {
  std::string line;
  if (!data) return line;
  if (const auto record = record_at(path, *data)) {
    line = record->dump();
  } else if (is_readable_text(*data)) {
    line = is_json(*data) ? Json::parse(*data).dump() : escaped(*data);
  } else {
    line = "0x" + to_hex(data->substr(0, width_max / 2));
  }
  if (display_width(line) <= width_max) return line;
  size_t end = 0;
  for (size_t width = 0; end < line.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(line[end]) & 0xc0U) != 0x80;
    if (begins && ++width == width_max) break;
  }
  return line.substr(0, end) + "…";
}

std::string value_kind(std::string_view path, const client::Data& data) {
  if (!data) return "null";
  if (record_at(path, *data)) return std::string(*record_type_of(path));
  if (data->empty()) return "empty";
  if (!is_readable_text(*data)) return "binary";
  return is_json(*data) ? "JSON" : "text";
}

// ---- access control lists ----------------------------------------------------------------------

std::string permissions_text(int32_t perms) {
  std::string text;
  for (const auto& [letter, bit] : kPermissions) {
    if ((perms & bit) != 0) text += letter;
  }
  return text;
}

std::string acl_text(const client::Acl& acl) {
  return acl.scheme + ":" + acl.id + ":" + permissions_text(acl.perms);
}

Result<client::Acl> parse_acl(std::string_view text) {
  // An id may hold colons, as digest's does.
  const size_t first = text.find(':');
  const size_t last = text.rfind(':');
  const auto wrong = [&] {
    return failure(ExitCode::kUsage, "\"" + std::string(text) +
                                         "\" is no entry of an access control list, such as "
                                         "world:anyone:cdrwa or digest:user:HASH:r");
  };
  if (first == std::string_view::npos || last == first) return wrong();
  client::Acl acl{.perms = 0,
                  .scheme = std::string(text.substr(0, first)),
                  .id = std::string(text.substr(first + 1, last - first - 1))};
  for (const char c : text.substr(last + 1)) {
    bool known = false;
    for (const auto& [letter, bit] : kPermissions) {
      if (c != letter) continue;
      acl.perms |= bit;
      known = true;
    }
    if (!known) return wrong();
  }
  if (acl.perms == 0) return wrong();
  return acl;
}

Json acls_json(const client::Acls& acls) {
  Json list = Json::array();
  for (const client::Acl& acl : acls) list.push_back(acl_text(acl));
  return list;
}

Result<client::Acls> acls_in(const Json& list) {
  client::Acls acls;
  if (!list.is_array()) return failure(ExitCode::kUsage, "\"acl\" must be a list");
  for (const Json& entry : list) {
    if (!entry.is_string()) return failure(ExitCode::kUsage, "\"acl\" must be a list of strings");
    auto acl = parse_acl(entry.get<std::string>());
    if (!acl) return tl::unexpected(acl.error());
    acls.push_back(std::move(*acl));
  }
  return acls;
}

Json stat_json(const Stat& stat) {
  Json json;
  json["czxid"] = hex_number(stat.czxid);
  json["mzxid"] = hex_number(stat.mzxid);
  json["pzxid"] = hex_number(stat.pzxid);
  json["ctime"] = time_text_ms(stat.ctime_ms);
  json["mtime"] = time_text_ms(stat.mtime_ms);
  json["version"] = stat.version;
  json["cversion"] = stat.cversion;
  json["aversion"] = stat.aversion;
  json["ephemeralOwner"] = hex_number(stat.ephemeral_owner);
  json["dataLength"] = stat.data_length;
  json["numChildren"] = stat.num_children;
  return json;
}

}  // namespace topod::ctl
