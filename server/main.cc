// topod: joins configuration, disk, replica, loop and client port, and runs them.
#include <csignal>
#include <cstdio>
#include <string>

#include "server/node/command_line.h"
#include "server/node/logging.h"
#include "server/node/startup.h"
#include "server/server.h"
#include "storage/verify.h"

namespace {

using topod::node::CommandLine;

int fail(int code, const std::string& what) {
  topod::node::log_error("start", "topod does not start", {{"why", what}});
  return code;
}

int report_errors(const std::vector<topod::node::ConfigError>& errors) {
  for (const auto& error : errors) {
    std::fprintf(stderr, "%s\n", topod::node::to_string(error).c_str());
  }
  return topod::node::kExitBadConfig;
}

int verify(const topod::node::Config& config) {
  const topod::storage::VerifyReport report =
      topod::storage::verify(config.data_dir, config.log_dir);
  for (const std::string& line : report.lines) std::printf("%s\n", line.c_str());
  if (!report.examined) return topod::node::kExitFailed;
  return report.intact ? 0 : topod::node::kExitDamaged;
}

int serve(const CommandLine& line, const topod::node::Config& config) {
  topod::server::Server server(config, line.discard_damaged);
  if (auto started = server.start(); !started) {
    return fail(started.error().exit_code, started.error().what);
  }
  if (line.port_file && !server.write_port_file(*line.port_file)) {
    return fail(topod::node::kExitFailed, "cannot write " + *line.port_file);
  }
  return server.run();
}

}  // namespace

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto line = topod::node::parse_command_line(count, arguments);
  if (!line) {
    std::fputs(line.error().text.c_str(), line.error().code == 0 ? stdout : stderr);
    return line.error().code;
  }
  const auto loaded = topod::node::load_config(line->config_file, line->overrides, line->options);
  if (!loaded) return report_errors(loaded.error());
  if (line->task == CommandLine::Task::kVerify) return verify(loaded->config);
  topod::node::start_logging(loaded->config.log_level);
  for (const auto& remark : loaded->remarks) {
    topod::node::log(remark.level, "config", topod::node::to_string(remark));
  }
  if (line->task == CommandLine::Task::kCheck) {
    std::puts("configuration is valid");
    return 0;
  }
  return serve(*line, loaded->config);
}
