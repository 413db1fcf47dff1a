#include "tools/ctl/config_file.h"

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

tl::unexpected<Failure> wrong(const std::string& name, size_t line, const std::string& what) {
  return failure(ExitCode::kUsage, name + ":" + std::to_string(line) + ": " + what);
}

}  // namespace

Result<ConfigFile> parse_config_file(std::string_view text, const std::string& name) {
  ConfigFile config;
  Sphere* section = nullptr;
  size_t number = 0;
  for (const std::string& raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trimmed(raw);
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[')) {
      if (!line.ends_with(']')) return wrong(name, number, "a section looks like [name]");
      const std::string sphere(trimmed(line.substr(1, line.size() - 2)));
      if (sphere.empty()) return wrong(name, number, "a section looks like [name]");
      if (config.spheres.contains(sphere)) return wrong(name, number, sphere + " is there twice");
      section = &config.spheres[sphere];
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return wrong(name, number, "key = value is expected");
    const std::string_view key = trimmed(line.substr(0, equals));
    const std::string value(trimmed(line.substr(equals + 1)));
    if (section == nullptr && key == "default") {
      config.default_sphere = value;
    } else if (section == nullptr) {
      return wrong(name, number, "only \"default\" may stand before the first [name]");
    } else if (key == "servers") {
      section->servers = value;
    } else if (key == "root") {
      section->root = value;
    } else if (key == "auth-file") {
      section->auth_file = value;
    } else {
      return wrong(name, number,
                   "unknown key " + std::string(key) + "; there are servers, root and auth-file");
    }
  }
  if (!config.default_sphere.empty() && !config.spheres.contains(config.default_sphere)) {
    return failure(ExitCode::kUsage,
                   name + ": the default " + config.default_sphere + " is not defined");
  }
  return config;
}

Result<std::vector<Credentials>> parse_auth_file(std::string_view text, const std::string& name) {
  std::vector<Credentials> all;
  size_t number = 0;
  for (const std::string& raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trimmed(raw);
    if (line.empty() || line.starts_with('#')) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      return wrong(name, number, "a line looks like digest:user:password");
    }
    all.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
  }
  return all;
}

}  // namespace topod::ctl
