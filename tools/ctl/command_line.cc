#include "tools/ctl/command_line.h"

#include <unistd.h>

#include <cstdlib>
#include <iterator>

#include "tools/ctl/completion.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

constexpr const char* kIntroduction =
    "topoctl looks after a topology kept by topod, or by any server that speaks ZooKeeper's\n"
    "protocol: its data, its cells, keyspaces, shards and tablets, its locks, its servers.";

constexpr const char* kFooter =
    "Which servers: --servers, else those of the toposphere that --sphere or TOPOCTL_SPHERE "
    "names,\n"
    "else TOPOCTL_SERVERS, else the default toposphere of the configuration file, else\n"
    "127.0.0.1:2181.\n"
    "\n"
    "The configuration file, ~/.config/topoctl/config or TOPOCTL_CONFIG:\n"
    "  default = production\n"
    "  [production]\n"
    "  servers = topo1:2181,topo2:2181,topo3:2181   # of the global topology\n"
    "  root = /vitess/global                        # where it lies there\n"
    "  auth-file = ~/.config/topoctl/auth           # lines such as digest:user:password\n"
    "Cells are not named in it: --cell NAME reads their addresses in the global topology.\n"
    "\n"
    "Examples:\n"
    "  topoctl tree /vitess\n"
    "  topoctl --sphere production tablets --keyspace commerce\n"
    "  topoctl status -o json | jq .\n"
    "  topoctl get --help\n"
    "\n";

void add_group(std::vector<Command>& all, std::vector<Command> group) {
  all.insert(all.end(), std::make_move_iterator(group.begin()),
             std::make_move_iterator(group.end()));
}

bool wants_colour(const std::string& when) {
  if (when != "auto") return when == "always";
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr &&
         (term == nullptr || std::string_view(term) != "dumb");
}

Format format_named(const std::string& name) {
  if (name == "json") return Format::kJson;
  return name == "text" ? Format::kText : Format::kTable;
}

}  // namespace

CLI::Option* takes_paths(CLI::Option* option) {
  return option->type_name(kPathType)->transform([](const std::string& text) {
    std::string valid = without_slash(text);
    if (const std::string trouble = path_trouble(valid); !trouble.empty()) {
      throw CLI::ValidationError(trouble);
    }
    return valid;
  });
}

CLI::Option* add_path(CLI::App& app, std::string& path) {
  return takes_paths(app.add_option("path", path, "such as /vitess/global"));
}

std::vector<Command> all_commands() {
  std::vector<Command> all;
  add_group(all, data_commands());
  add_group(all, search_commands());
  add_group(all, watch_commands());
  add_group(all, transfer_commands());
  add_group(all, cell_commands());
  add_group(all, topology_commands());
  add_group(all, lock_commands());
  add_group(all, ensemble_commands());
  add_group(all, help_commands());
  return all;
}

CommandLine::CommandLine() : app_(std::make_unique<CLI::App>(kIntroduction, "topoctl")) {
  app_->require_subcommand(1);
  app_->footer(std::string(kFooter) + kExitCodesText);
  app_->get_formatter()->column_width(28);
  app_->get_formatter()->label("SUBCOMMAND", "COMMAND");
  app_->get_formatter()->label("REQUIRED", "(required)");
  // Options of the whole program may stand behind the command, as with kubectl.
  app_->fallthrough();
  add_global_options(*app_);
  for (const Command& command : all_commands()) add(command);
}

void CommandLine::add_global_options(CLI::App& app) {
  app.set_version_flag("--version", std::string("topoctl ") + TOPOCTL_VERSION);
  app.add_option("--servers", options_.servers, "addresses, with commas between")
      ->type_name("HOST:PORT,...");
  app.add_option("--sphere", options_.sphere, "a toposphere of the configuration file")
      ->type_name("NAME");
  app.add_option("--cell", options_.cell, "speak with the servers of this cell, not with global")
      ->type_name("NAME");
  takes_paths(
      app.add_option("--root", options_.root, "where the global topology lies: /vitess/global"));
  app.add_option("--config", options_.config_file, "configuration file")->type_name(kFileType);
  app.add_option("--auth-file", options_.auth_file, "credentials, also TOPOCTL_AUTH_FILE")
      ->type_name(kFileType);
  app.add_option("--request-timeout", options_.timeout_s, "seconds to wait for any answer: 10")
      ->type_name("S")
      ->check(CLI::Range(0.05, 3'600.0).description(""));
  app.add_option("-o,--output", options_.output, "table for people, json or text for programs")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "text"}));
  app.add_option("--color", options_.colour, "auto: only on a terminal")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

CLI::App* CommandLine::parent_of(const std::string& group_name) {
  const auto& subcommands =
      app_->get_subcommands([&](const CLI::App* app) { return app->get_name() == group_name; });
  return subcommands.empty() ? nullptr : subcommands.front();
}

void CommandLine::add(const Command& command) {
  const size_t space = command.name.find(' ');
  CLI::App* parent = app_.get();
  std::string name = command.name;
  if (space != std::string::npos) {
    const std::string group_name = name.substr(0, space);
    name.erase(0, space + 1);
    parent = parent_of(group_name);
    if (parent == nullptr) {
      parent = app_->add_subcommand(group_name, command.summary);
      parent->group(command.group);
      parent->footer("Examples: topoctl " + group_name + " " + name + " --help\n");
      parent->require_subcommand(1);
      parent->fallthrough();
    } else if (group_name != "locks") {
      parent->description(parent->get_description() + "; " + command.summary);
    }
  }
  CLI::App* app = parent->add_subcommand(name, command.summary);
  if (parent == app_.get()) app->group(command.group);
  app->fallthrough();
  std::string examples = command.details.empty() ? "" : command.details + "\n\n";
  examples += "Examples:\n";
  for (const std::string& line : split(trimmed(command.examples), '\n')) {
    examples += "  " + line + "\n";
  }
  app->footer(examples + "\nOptions of every command, such as -o json: topoctl --help\n");
  bound_.push_back({app, command.configure(*app)});
}

int CommandLine::complain(const CLI::ParseError& error) const {
  if (error.get_exit_code() == 0) return app_->exit(error);  // help and version
  const CLI::App* at = app_.get();
  std::string name = "topoctl";
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    name += " " + at->get_name();
  }
  std::string what = error.what();
  // What the parser calls a missing command may be one that it does not know.
  const std::vector<std::string> rest = app_->remaining(true);
  if (error.get_name() == "RequiredError" && at->get_require_subcommand_min() > 0) {
    what = rest.empty() ? "a command is missing" : "there is no command " + rest.front();
  }
  std::fprintf(stderr, "topoctl: %s; see `%s --help`\n", escaped(what).c_str(), name.c_str());
  return static_cast<int>(ExitCode::kUsage);
}

int CommandLine::run(int count, const char* const* arguments) {
  try {
    app_->parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return complain(error);
  }
  Context context(options_, Output(format_named(options_.output), wants_colour(options_.colour)));
  for (const Bound& bound : bound_) {
    if (!bound.app->parsed() || !bound.app->get_subcommands().empty()) continue;
    const Result<int> ended = bound.run(context);
    context.out().flush();
    if (!ended) {
      std::fprintf(stderr, "topoctl: %s\n", escaped(ended.error().what).c_str());
      return static_cast<int>(ended.error().code);
    }
    if (context.out().failed()) {
      std::fprintf(stderr, "topoctl: the output could not be written\n");
      return static_cast<int>(ExitCode::kFailed);
    }
    return *ended;
  }
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace topod::ctl
