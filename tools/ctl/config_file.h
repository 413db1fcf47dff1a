// The configuration file of topoctl: named topospheres, each with the servers of its global
// topology. Cells are not named here: their addresses stand in the global topology. Plain values;
// errors name the line.
//
//   default = production
//
//   [production]
//   servers = topo1:2181,topo2:2181,topo3:2181
//   root = /vitess/global
//   auth-file = ~/.config/topoctl/production.auth
//
// An auth file holds lines of SCHEME:CREDENTIALS ("digest:user:password"); it is a file of its own
// so that this one can be shown around.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/ctl/result.h"

namespace topod::ctl {

struct Sphere {
  std::string servers;
  std::string root;  // of the global topology
  std::string auth_file;
};

struct ConfigFile {
  std::string default_sphere;
  std::map<std::string, Sphere> spheres;
};

// `name` stands before the line number in errors.
[[nodiscard]] Result<ConfigFile> parse_config_file(std::string_view text, const std::string& name);

struct Credentials {
  std::string scheme;
  std::string secret;
};
[[nodiscard]] Result<std::vector<Credentials>> parse_auth_file(std::string_view text,
                                                               const std::string& name);

}  // namespace topod::ctl
