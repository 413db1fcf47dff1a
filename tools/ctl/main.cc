// topoctl: an operator's tool for topologies. What it can do stands in the table of commands.
#include <csignal>

#include "tools/ctl/command_line.h"

int main(int count, char** arguments) {
  // A reader that has seen enough ends us as it ends any other filter.
  std::signal(SIGPIPE, SIG_DFL);
  topod::ctl::CommandLine line;
  return line.run(count, arguments);
}
