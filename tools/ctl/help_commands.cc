// completion: what makes a shell complete our commands.
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

}  // namespace

std::vector<Command> help_commands() {
  return {{"completion", "Help", "a script that makes the shell complete commands and paths", "",
           "source <(topoctl completion bash)\n"
           "topoctl completion bash > /etc/bash_completion.d/topoctl",
           with_options(declare_completion, run_completion)}};
}

}  // namespace topod::ctl
