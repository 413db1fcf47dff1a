// help; completion: what makes a shell complete our commands.
#include "tools/ctl/command.h"
#include "tools/ctl/command_line.h"
#include "tools/ctl/completion.h"

namespace topod::ctl {

namespace {

struct CompletionOptions {
  std::string shell = "bash";
};

void declare_completion(CLI::App& app, CompletionOptions& options) {
  app.add_option("shell", options.shell, "bash or zsh")
      ->type_name("SHELL")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
}

Result<int> run_completion(Context& context, const CompletionOptions& options) {
  const CommandLine line;
  context.out().print_raw(options.shell == "zsh" ? zsh_completion(line.app())
                                                 : bash_completion(line.app()));
  return kDone;
}

struct HelpOptions {
  std::vector<std::string> command;
};

void declare_help(CLI::App& app, HelpOptions& options) {
  app.add_option("command", options.command, "such as: cell add")->type_name("COMMAND");
}

Result<int> run_help(Context& context, const HelpOptions& options) {
  const CommandLine line;
  const CLI::App* app = &line.app();
  std::string before;
  for (const std::string& word : options.command) {
    before += (before.empty() ? "" : " ") + app->get_name();
    const auto found =
        app->get_subcommands([&](const CLI::App* one) { return one->get_name() == word; });
    if (found.empty()) return failure(ExitCode::kUsage, "there is no command " + word);
    app = found.front();
  }
  context.out().print_raw(app->help(before));
  return kDone;
}

}  // namespace

std::vector<Command> help_commands() {
  return {{"help", "Help", "what this program or one of its commands does", "",
           "topoctl help\n"
           "topoctl help cell add",
           with_options(declare_help, run_help)},
          {"completion", "Help", "a script that makes the shell complete commands and paths", "",
           "source <(topoctl completion bash)\n"
           "topoctl completion bash > /etc/bash_completion.d/topoctl",
           with_options(declare_completion, run_completion)}};
}

}  // namespace topod::ctl
