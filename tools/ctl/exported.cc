#include "tools/ctl/exported.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "tools/ctl/backup.h"
#include "tools/ctl/context.h"
#include "tools/ctl/text.h"
#include "tools/ctl/value.h"

namespace topod::ctl {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "topoctl export 1";
constexpr const char* kManifest = "export.json";
constexpr const char* kDataFolder = "data";
constexpr const char* kDataFile = "@data";

std::string absolute(const std::string& root, const std::string& relative) {
  if (relative.empty()) return root;
  return (root == "/" ? "" : root) + relative;
}

Json header_json(const Exported& exported, std::string_view time) {
  Json json;
  json["format"] = kFormat;
  json["root"] = exported.root;
  json["zxid"] = hex_number(exported.zxid.value());
  json["atOneZxid"] = exported.at_one_zxid;
  json["time"] = time;
  return json;
}

Json node_json(const std::string& relative, const ExportedNode& node) {
  Json json;
  json["path"] = relative;
  if (node.is_ephemeral) json["ephemeral"] = true;
  json["acl"] = acls_json(node.acls);
  json["stat"] = stat_json(node.stat);
  return json;
}

// Of a znode's name every part stays a part of the file's.
fs::path folder_of(const std::string& directory, const std::string& relative) {
  fs::path folder = fs::path(directory) / kDataFolder;
  for (const std::string& name : split(relative, '/')) {
    if (!name.empty()) folder /= file_name_of(name);
  }
  return folder;
}

Result<ExportedNode> node_in(const Json& json, const std::string& directory,
                             const std::string& relative) {
  ExportedNode node;
  if (json.contains("file")) {
    // Where the data lie follows from the path: a manifest cannot name a file elsewhere.
    auto bytes = read_file((folder_of(directory, relative) / kDataFile).string());
    if (!bytes) return tl::unexpected(bytes.error());
    node.data = std::move(*bytes);
  } else {
    auto data = value_in(json);
    if (!data) return tl::unexpected(data.error());
    node.data = std::move(*data);
  }
  auto acls = acls_in(json.contains("acl") ? json["acl"] : Json::array({"world:anyone:cdrwa"}));
  if (!acls) return tl::unexpected(acls.error());
  node.acls = std::move(*acls);
  node.is_ephemeral = json.contains("ephemeral") && json["ephemeral"] == true;
  return node;
}

bool is_relative_path(const std::string& path) {
  return path.empty() ||
         (path.starts_with('/') && !path.ends_with('/') && path.find("//") == std::string::npos);
}

Result<Exported> parse(const Json& json, const std::string& name, const std::string& directory) {
  const auto wrong = [&](const std::string& what) {
    return failure(ExitCode::kUsage, name + ": " + what);
  };
  if (!json.is_object() || !json.contains("format") || json["format"] != kFormat) {
    return wrong("it is no export of topoctl's");
  }
  if (!json.contains("znodes") || !json["znodes"].is_array()) return wrong("\"znodes\" is missing");
  Exported exported;
  exported.root = json.contains("root") && json["root"].is_string() ? json["root"] : Json("/");
  if (json.contains("zxid") && json["zxid"].is_string()) {
    exported.zxid = Zxid(parse_number(json["zxid"].get<std::string>()).value_or(0));
  }
  exported.at_one_zxid = !json.contains("atOneZxid") || json["atOneZxid"] == true;
  for (const Json& entry : json["znodes"]) {
    if (!entry.is_object() || !entry.contains("path") || !entry["path"].is_string() ||
        !is_relative_path(entry["path"].get<std::string>())) {
      return wrong("a znode has no proper \"path\"");
    }
    const std::string relative = entry["path"];
    auto node = node_in(entry, directory, relative);
    if (!node) return wrong("znode \"" + relative + "\": " + node.error().what);
    if (!exported.nodes.emplace(relative, std::move(*node)).second) {
      return wrong("znode \"" + relative + "\" is there twice");
    }
  }
  return exported;
}

Result<void> write_directory(const Exported& exported, const std::string& path,
                             std::string_view time) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_empty(path, error)) {
    return failure(ExitCode::kConflict, path + (error ? ": " + error.message() : " is not empty"));
  }
  Json json = header_json(exported, time);
  Json list = Json::array();
  for (const auto& [relative, node] : exported.nodes) {
    Json entry = node_json(relative, node);
    const fs::path folder = folder_of(path, relative);
    fs::create_directories(folder, error);
    if (error) return failure(ExitCode::kFailed, folder.string() + ": " + error.message());
    if (node.data) {
      if (auto done = write_file((folder / kDataFile).string(), *node.data); !done) return done;
      entry["file"] = true;
    } else {
      add_value(entry, "", node.data, false);
    }
    list.push_back(std::move(entry));
  }
  json["znodes"] = std::move(list);
  return write_file((fs::path(path) / kManifest).string(), json_text(json) + "\n");
}

}  // namespace

Exported exported(Subtree subtree) {
  Exported result;
  result.root = subtree.root;
  result.zxid = subtree.zxid;
  result.at_one_zxid = subtree.at_one_zxid;
  for (Znode& znode : subtree.znodes) {
    // What a server keeps for itself: no other one would take it.
    if (znode.path == "/zookeeper" || is_below(znode.path, "/zookeeper")) continue;
    std::string relative = znode.path == subtree.root ? ""
                           : subtree.root == "/"      ? znode.path
                                                      : znode.path.substr(subtree.root.size());
    result.nodes.emplace(std::move(relative),
                         ExportedNode{.data = std::move(znode.data),
                                      .acls = std::move(znode.acls),
                                      .is_ephemeral = znode.stat.ephemeral_owner != 0,
                                      .stat = znode.stat});
  }
  return result;
}

Json to_json(const Exported& exported, bool decode, std::string_view time) {
  Json json = header_json(exported, time);
  Json list = Json::array();
  for (const auto& [relative, node] : exported.nodes) {
    Json entry = node_json(relative, node);
    add_value(entry, absolute(exported.root, relative), node.data, decode);
    list.push_back(std::move(entry));
  }
  json["znodes"] = std::move(list);
  return json;
}

Result<Exported> from_json(const Json& json, const std::string& name) {
  return parse(json, name, "");
}

Result<void> write_export(const Exported& exported, const std::string& path, bool as_directory,
                          bool decode, std::string_view time) {
  if (as_directory) return write_directory(exported, path, time);
  return write_file(path, json_text(to_json(exported, decode, time)) + "\n");
}

Result<Exported> read_export(const std::string& path) {
  if (is_backup(path)) return read_backup(path);
  const bool is_directory = path != "-" && fs::is_directory(path);
  const std::string file = is_directory ? (fs::path(path) / kManifest).string() : path;
  const auto text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  const Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) return failure(ExitCode::kUsage, file + ": it is no JSON");
  return parse(json, file, is_directory ? path : "");
}

std::string file_name_of(std::string_view znode_name) {
  std::string name;
  for (const char c : znode_name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    name += plain ? std::string(1, c) : "%" + to_hex(std::string_view(&c, 1));
  }
  if (name == "." || name == "..") name.insert(0, "%");
  return name;
}

}  // namespace topod::ctl
