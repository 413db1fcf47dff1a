// The command line of topoctl: made from the table of commands, parsed, and carried out. Also the
// answer for what is asked wrongly: one sentence and the way to the help.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/ctl/command.h"
#include "tools/ctl/context.h"

namespace topod::ctl {

// A parser with all commands. `chosen` is set while it parses.
class CommandLine {
 public:
  CommandLine();

  // Parses, runs, prints; the exit code of the process.
  [[nodiscard]] int run(int count, const char* const* arguments);

  [[nodiscard]] const CLI::App& app() const { return *app_; }

 private:
  struct Bound {
    CLI::App* app = nullptr;
    Run run;
  };
  void add_global_options(CLI::App& app);
  void add(const Command& command);
  [[nodiscard]] CLI::App* parent_of(const std::string& group_name);
  [[nodiscard]] int complain(const CLI::ParseError& error) const;

  GlobalOptions options_;
  std::unique_ptr<CLI::App> app_;
  std::vector<Bound> bound_;
};

}  // namespace topod::ctl
