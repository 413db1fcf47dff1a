#include "server/node/command_line.h"

#include <CLI/CLI.hpp>

#include "server/node/version.h"

namespace topod::node {
namespace {

constexpr const char* kDescription =
    "topod: a topology server. ZooKeeper clients connect to it; it keeps their znodes durably.";

constexpr const char* kExamples =
    "Examples:\n"
    "  topod --data-dir /var/lib/topod --client-port 2181\n"
    "      one node without a configuration file\n"
    "  topod --config /etc/topod/topod.cfg\n"
    "      with one; ZooKeeper's zoo.cfg is understood as it is\n"
    "  topod --config zoo.cfg --check --strict\n"
    "      say what is wrong with a configuration, start nothing\n"
    "  topod --verify --data-dir /var/lib/topod\n"
    "      examine the data of a stopped server\n"
    "\n"
    "SIGTERM stops the server in good order. Exit codes: 0 all well, 1 failure, 2 wrong command\n"
    "line or configuration, 3 damaged data. The log goes to standard error.";

struct Flags {
  bool check = false;
  bool verify = false;
  bool version = false;
  std::string log_level;
};

void declare(CLI::App& app, CommandLine& line, Flags& flags) {
  app.add_option("-c,--config", line.config_file, "Configuration file (zoo.cfg format)")
      ->type_name("FILE");
  app.add_option("-d,--data-dir", line.overrides.data_dir,
                 "Directory of the data; wins over dataDir")
      ->type_name("DIR");
  app.add_option("-p,--client-port", line.overrides.client_port,
                 "Port for clients, 0: any free one; wins over clientPort")
      ->type_name("PORT");
  app.add_option("--client-address", line.overrides.client_address,
                 "Address to listen on for clients; default: all of the machine")
      ->type_name("ADDRESS");
  app.add_option("--port-file", line.port_file,
                 "File to write the client port into, once clients are served")
      ->type_name("FILE");
  app.add_option("--log-level", flags.log_level, "trace, debug, info, warn or error")
      ->type_name("LEVEL");
  app.add_flag("--strict", line.options.strict, "Treat unknown configuration keys as errors");
  app.add_flag("--check", flags.check, "Check command line and configuration, then exit");
  app.add_flag("--verify", flags.verify, "Examine the data of a stopped server, then exit");
  app.add_flag("--discard-damaged", line.discard_damaged,
               "Start without what is damaged; its files are kept aside");
  app.add_flag("--version", flags.version, "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.footer(kExamples);
}

tl::unexpected<CommandLineExit> mistake(const std::string& text) {
  return tl::unexpected(
      CommandLineExit{kExitBadConfig, "topod: " + text + "\nTry 'topod --help' for examples.\n"});
}

// What the options mean together.
tl::expected<CommandLine, CommandLineExit> settle(CommandLine line, const Flags& flags) {
  if (!flags.log_level.empty()) {
    line.overrides.log_level = parse_log_level(flags.log_level);
    if (!line.overrides.log_level) {
      return mistake("--log-level: expected trace, debug, info, warn or error");
    }
  }
  if (flags.check && flags.verify) return mistake("--check and --verify exclude each other");
  if (line.discard_damaged && (flags.check || flags.verify)) {
    return mistake("--discard-damaged is for starting the server");
  }
  if (flags.check) line.task = CommandLine::Task::kCheck;
  if (flags.verify) line.task = CommandLine::Task::kVerify;
  line.options.requires_client_port = !flags.verify;
  if (line.config_file) return line;
  if (!line.overrides.data_dir) return mistake("--config FILE or --data-dir DIR is needed");
  if (!line.overrides.client_port && line.options.requires_client_port) {
    return mistake("--client-port PORT is needed when there is no configuration file");
  }
  return line;
}

}  // namespace

tl::expected<CommandLine, CommandLineExit> parse_command_line(int count,
                                                              const char* const* arguments) {
  CommandLine line;
  Flags flags;
  CLI::App app(kDescription, "topod");
  declare(app, line, flags);
  // CLI11 reports by exceptions; none leaves this function.
  try {
    app.parse(count, arguments);
  } catch (const CLI::CallForHelp&) {
    return tl::unexpected(CommandLineExit{0, app.help()});
  } catch (const CLI::ParseError& error) {
    return mistake(error.what());
  }
  if (flags.version) {
    std::string text = "topod " + std::string(topod_version()) + " (ZooKeeper protocol " +
                       std::string(protocol_version()) + ")\n";
    return tl::unexpected(CommandLineExit{0, std::move(text)});
  }
  return settle(std::move(line), flags);
}

}  // namespace topod::node
