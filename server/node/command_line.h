// The command line of topod. Parsing only: what was asked for is returned as a value, and nothing
// is printed. Secrets have no place on a command line, for every user of the machine can read it.
#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "server/node/config.h"

namespace topod::node {

// A wrong command line or configuration, as ZooKeeper's own scripts know it.
inline constexpr int kExitBadConfig = 2;

struct CommandLine {
  enum class Task {
    kServe,
    kCheck,   // validate the configuration and exit
    kVerify,  // examine a stopped data directory and exit
  };
  Task task = Task::kServe;
  std::optional<std::string> config_file;
  Overrides overrides;
  ConfigOptions options;
  std::optional<std::string> port_file;  // where the bound client port is written once serving
  bool discard_damaged = false;
};

// The program is to end at once: after --help and --version with 0 and text for standard output,
// after a mistake with kExitBadConfig and text for standard error.
struct CommandLineExit {
  int code = 0;
  std::string text;
};

[[nodiscard]] tl::expected<CommandLine, CommandLineExit> parse_command_line(
    int count, const char* const* arguments);

}  // namespace topod::node
