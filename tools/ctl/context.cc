#include "tools/ctl/context.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string with_home(const std::string& path) {
  return path.starts_with("~/") ? environment("HOME") + path.substr(1) : path;
}

std::string usual_config_file() {
  const std::string base = environment("XDG_CONFIG_HOME");
  return (base.empty() ? environment("HOME") + "/.config" : base) + "/topoctl/config";
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  if (path == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    return failure(ExitCode::kNotFound, path + " cannot be read: " +
                                            (file ? "it is a directory" : std::strerror(errno)));
  }
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

bool is_standard_output(const std::string& path) { return path == "-" || path == "/dev/stdout"; }

Result<void> write_file(const std::string& path, std::string_view bytes) {
  if (is_standard_output(path)) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    return {};
  }
  std::error_code error;
  const auto kind = std::filesystem::symlink_status(path, error).type();
  error.clear();
  const bool is_plain =
      kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::regular;
  const std::string target = is_plain ? path + ".new" : path;
  std::ofstream file(target, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file && is_plain) std::filesystem::rename(target, path, error);
  if (!file || error) {
    const std::string why = error ? error.message() : std::strerror(errno);
    if (is_plain) std::filesystem::remove(target, error);
    return failure(ExitCode::kFailed, path + " cannot be written: " + why);
  }
  return {};
}

// ---- which servers -----------------------------------------------------------------------------

Result<const ConfigFile*> Context::config() {
  if (config_) return &*config_;
  std::string path = options_.config_file;
  if (path.empty()) path = environment("TOPOCTL_CONFIG");
  const bool was_named = !path.empty();
  if (!was_named) path = usual_config_file();
  if (!was_named && !std::filesystem::exists(path)) {
    config_.emplace();
    return &*config_;
  }
  const auto text = read_file(path);
  if (!text) return tl::unexpected(text.error());
  auto parsed = parse_config_file(*text, path);
  if (!parsed) return tl::unexpected(parsed.error());
  config_ = std::move(*parsed);
  return &*config_;
}

Result<Sphere> Context::sphere() {
  const auto file = config();
  if (!file) return tl::unexpected(file.error());
  const std::string servers =
      options_.servers.empty() ? environment("TOPOCTL_SERVERS") : options_.servers;
  std::string name = options_.sphere.empty() ? environment("TOPOCTL_SPHERE") : options_.sphere;
  // Servers that are named outright belong to no toposphere of the file, unless one is named too.
  if (name.empty() && servers.empty()) name = (*file)->default_sphere;
  Sphere sphere;
  if (!name.empty()) {
    const auto found = (*file)->spheres.find(name);
    if (found == (*file)->spheres.end()) {
      return failure(ExitCode::kUsage, "the configuration file has no toposphere " + name);
    }
    sphere = found->second;
  }
  if (!options_.servers.empty() || sphere.servers.empty()) sphere.servers = servers;
  if (sphere.servers.empty()) sphere.servers = kDefaultServers;
  if (!options_.root.empty()) sphere.root = options_.root;
  if (sphere.root.empty()) sphere.root = kDefaultRoot;
  return sphere;
}

Result<std::vector<Credentials>> Context::credentials(const std::string& usual_auth_file) {
  std::string file = options_.auth_file;
  if (file.empty()) file = environment("TOPOCTL_AUTH_FILE");
  if (file.empty()) file = usual_auth_file;
  if (file.empty()) return std::vector<Credentials>();
  file = with_home(file);
  const auto text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  return parse_auth_file(*text, file);
}

Result<Znodes*> Context::connect(const std::string& addresses) {
  const auto chosen = sphere();
  if (!chosen) return tl::unexpected(chosen.error());
  return connect(addresses, chosen->auth_file);
}

Result<Znodes*> Context::connect(const std::string& addresses, const std::string& usual_auth_file) {
  std::unique_ptr<Znodes>& connection = connections_[addresses];
  if (connection) return connection.get();
  const auto known = credentials(usual_auth_file);
  if (!known) return tl::unexpected(known.error());
  client::Options options;
  options.servers = addresses;
  options.call_timeout_ms = static_cast<int32_t>(timeout_ms());
  for (const Credentials& one : *known) options.identities.push_back({one.scheme, one.secret});
  auto client = client::Client::connect(std::move(options));
  if (!client) return tl::unexpected(failure_of(client.error()));
  connection = std::make_unique<Znodes>(addresses, std::move(*client));
  if (leaves_out_) connection->leave_out_unreadable();
  return connection.get();
}

Result<std::string> Context::root() {
  const auto chosen = sphere();
  if (!chosen) return tl::unexpected(chosen.error());
  return chosen->root;
}

Result<std::string> Context::chosen_root() {
  if (options_.cell.empty()) return root();
  const auto address = cell_address(options_.cell);
  if (!address) return tl::unexpected(address.error());
  return without_slash(address->root);
}

Result<std::string> Context::global_addresses() {
  const auto chosen = sphere();
  if (!chosen) return tl::unexpected(chosen.error());
  return chosen->servers;
}

Result<std::string> Context::addresses() {
  if (options_.cell.empty()) return global_addresses();
  const auto address = cell_address(options_.cell);
  if (!address) return tl::unexpected(address.error());
  return address->servers;
}

Result<Znodes*> Context::global() {
  const auto chosen = global_addresses();
  if (!chosen) return tl::unexpected(chosen.error());
  return connect(*chosen);
}

Result<Context::CellAddress> Context::cell_address(const std::string& name) {
  const auto at = root();
  if (!at) return tl::unexpected(at.error());
  const auto znodes = global();
  if (!znodes) return tl::unexpected(znodes.error());
  const std::string path = join_path(join_path(join_path(*at, "cells"), name), "CellInfo");
  const auto node = (*znodes)->get_if_there(path);
  if (!node) return tl::unexpected(node.error());
  if (!*node) {
    return failure(ExitCode::kNotFound, "there is no cell " + name + ": " + path +
                                            " does not exist (`topoctl cells` lists them)");
  }
  const auto record = decode_record("CellInfo", (*node)->bytes());
  if (!record) return failure(ExitCode::kFailed, path + ": " + record.error());
  return CellAddress{record->value("server_address", ""), record->value("root", "/")};
}

Result<Znodes*> Context::cell(const std::string& name) {
  const auto address = cell_address(name);
  if (!address) return tl::unexpected(address.error());
  return connect(address->servers);
}

Result<Znodes*> Context::znodes() { return options_.cell.empty() ? global() : cell(options_.cell); }

Result<Znodes*> Context::servers(const std::string& addresses_or_sphere) {
  const auto file = config();
  if (!file) return tl::unexpected(file.error());
  const auto sphere = (*file)->spheres.find(addresses_or_sphere);
  if (sphere == (*file)->spheres.end()) return connect(addresses_or_sphere);
  return connect(sphere->second.servers, sphere->second.auth_file);
}

int Context::code_with_left_out(int code) const {
  constexpr size_t kNamed = 10;
  size_t count = 0;
  for (const auto& [addresses, znodes] : connections_) {
    if (!znodes) continue;  // it could not be made
    for (const std::string& path : znodes->left_out()) {
      if (++count > kNamed) continue;
      warn(path + " is missing here: the access control list does not permit to read it");
    }
  }
  if (count > kNamed) warn("and " + std::to_string(count - kNamed) + " more");
  return code == 0 && count > 0 ? static_cast<int>(ExitCode::kForbidden) : code;
}

void Context::warn(const std::string& what) const {
  std::fprintf(stderr, "topoctl: %s\n", escaped(what).c_str());
}

}  // namespace topod::ctl
