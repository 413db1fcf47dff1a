// One sub-command: its name, help, options and what it does. The table of all commands is the only
// list of them: parsing, help and shell completion are made from it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/ctl/context.h"
#include "tools/ctl/result.h"

namespace topod::ctl {

// The exit code of a command that did what it was asked: kOk, kFindings, or for `lock` whatever
// its command ended with.
using Run = std::function<Result<int>(Context&)>;

inline constexpr int kDone = static_cast<int>(ExitCode::kOk);
inline constexpr int kFound = static_cast<int>(ExitCode::kFindings);

struct Command {
  std::string name;  // "ls", or "cell add" of the group "cell"
  std::string group;
  std::string summary;
  std::string details;   // may be empty
  std::string examples;  // lines of a shell
  // Declares options, bound to values that live as long as the returned function.
  std::function<Run(CLI::App&)> configure;
};

// For `configure`: makes the options, declares them, and binds them to what runs.
template <class Options>
[[nodiscard]] std::function<Run(CLI::App&)> with_options(void (*declare)(CLI::App&, Options&),
                                                         Result<int> (*run)(Context&,
                                                                            const Options&)) {
  return [=](CLI::App& app) -> Run {
    auto options = std::make_shared<Options>();
    declare(app, *options);
    return [options, run](Context& context) { return run(context, *options); };
  };
}

// The same for a command that shows the rest where it may not read everything.
template <class Options>
[[nodiscard]] std::function<Run(CLI::App&)> with_options_and_gaps(
    void (*declare)(CLI::App&, Options&), Result<int> (*run)(Context&, const Options&)) {
  return [=](CLI::App& app) -> Run {
    auto options = std::make_shared<Options>();
    declare(app, *options);
    return [options, run](Context& context) -> Result<int> {
      context.leave_out_unreadable();
      const Result<int> ended = run(context, *options);
      return ended ? Result<int>(context.code_with_left_out(*ended)) : ended;
    };
  };
}

// Of an option whose number cannot be less than nothing.
[[nodiscard]] inline CLI::Validator not_negative() { return CLI::Range(0.0, 1e15).description(""); }

// Completion of shells: an option whose type name is one of these is completed by what it means.
inline constexpr const char* kPathType = "PATH";
inline constexpr const char* kFileType = "FILE";
inline constexpr const char* kDirectoryType = "DIR";

// Of an option: paths of znodes that can be, without a slash at their end.
CLI::Option* takes_paths(CLI::Option* option);
// A path of a znode; a slash at its end is taken away.
CLI::Option* add_path(CLI::App& app, std::string& path);

[[nodiscard]] std::vector<Command> data_commands();
[[nodiscard]] std::vector<Command> search_commands();
[[nodiscard]] std::vector<Command> watch_commands();
[[nodiscard]] std::vector<Command> transfer_commands();
[[nodiscard]] std::vector<Command> cell_commands();
[[nodiscard]] std::vector<Command> topology_commands();
[[nodiscard]] std::vector<Command> lock_commands();
[[nodiscard]] std::vector<Command> ensemble_commands();
[[nodiscard]] std::vector<Command> help_commands();

// All of the above, in the order of `--help`.
[[nodiscard]] std::vector<Command> all_commands();

}  // namespace topod::ctl
