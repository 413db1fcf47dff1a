// topobench: measures servers that speak ZooKeeper's protocol. Exit status: 0 when everything was
// answered without an error, 1 when something was not, 2 when the command line is wrong.

#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "tools/bench/echo_server.h"
#include "tools/bench/first_read.h"
#include "tools/bench/options.h"
#include "tools/bench/probe_disk.h"
#include "tools/bench/report.h"
#include "tools/bench/run.h"

namespace topod::bench {

namespace {

constexpr int kFailure = 1;

// Thousands of connections are asked for at times; the soft limit is usually 1024.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int complain(const std::string& what) {
  std::fprintf(stderr, "topobench: %s\n", what.c_str());
  return kFailure;
}

int report(const Options& options, const tl::expected<RunResult, std::string>& result) {
  if (!result) return complain(result.error());
  std::fputs(describe(options, *result).c_str(), stdout);
  return result->errors.empty() ? 0 : kFailure;
}

int report(const Options& options, const tl::expected<FirstRead, std::string>& result) {
  if (!result) return complain(result.error());
  std::fputs(describe(options, *result).c_str(), stdout);
  return 0;
}

int probe_loopback(Options options) {
  EchoServer server(options.value_bytes);
  const auto port = server.start();
  if (!port) return complain(port.error());
  options.servers = "127.0.0.1:" + std::to_string(*port);
  auto addresses = resolve(options.servers);
  if (!addresses) return complain(addresses.error());
  options.addresses = *addresses;
  options.command_name += " " + options.probed;
  options.command = options.probed == "sessions" ? Command::kSessions
                    : options.probed == "writes" ? Command::kWrites
                                                 : Command::kReads;
  return report(options, run_prepared(options));
}

int run(const Options& options) {
  raise_file_limit();
  end_runs_at_signals();
  switch (options.command) {
    case Command::kFirstRead: return report(options, wait_for_first_read(options));
    case Command::kProbeDisk: return report(options, probe_disk(options));
    case Command::kProbeLoopback: return probe_loopback(options);
    default: return report(options, run_workload(options));
  }
}

}  // namespace

}  // namespace topod::bench

int main(int argc, char** argv) {
  const auto options = topod::bench::parse_options(argc, argv);
  if (!options) return options.error().status;
  return topod::bench::run(*options);
}
