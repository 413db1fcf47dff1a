#include "tools/bench/options.h"

#include <CLI/CLI.hpp>

#include <array>

#include "tools/bench/request.h"
#include "tools/bench/workload.h"

namespace topod::bench {

namespace {

struct CommandDescription {
  Command command;
  const char* name;
  const char* help;
};

constexpr std::array kCommands = {
    CommandDescription{Command::kReads, "reads", "getData of znodes chosen at random"},
    CommandDescription{Command::kWrites, "writes", "setData of znodes chosen at random"},
    CommandDescription{Command::kMixed, "mixed", "reads and writes in the given proportion"},
    CommandDescription{Command::kMulti, "multi", "transactions of several setData"},
    CommandDescription{Command::kChildren, "children", "getChildren of a parent of all znodes"},
    CommandDescription{Command::kCreateDelete, "create-delete",
                       "create and delete in turn; each counts"},
    CommandDescription{Command::kLocks, "locks",
                       "create a sequential ephemeral znode, getChildren, delete it"},
    CommandDescription{Command::kContendedLocks, "contended-locks",
                       "all connections take one lock in turn; latency: how long it lay idle"},
    CommandDescription{Command::kSessions, "sessions", "sessions opened and closed"},
    CommandDescription{Command::kWatches, "watches",
                       "all connections watch one znode, one more changes it; deliveries count"},
    CommandDescription{Command::kIdle, "idle", "connections that only ping"},
    CommandDescription{Command::kLoad, "load", "create many znodes quickly, and leave them there"},
    CommandDescription{Command::kFirstRead, "first-read",
                       "try until a server answers a read, and say when it did"},
    CommandDescription{Command::kProbeDisk, "probe-disk",
                       "how often per second this disk makes a small write durable"},
    CommandDescription{Command::kProbeLoopback, "probe-loopback",
                       "a workload against a server that does nothing"},
};

// Before a command's options are parsed: what is usual for it.
void set_defaults(Options& options, const CommandDescription& description) {
  options.command = description.command;
  options.command_name = description.name;
  switch (description.command) {
    case Command::kWatches: options.connections = 100; break;
    case Command::kChildren: options.znodes = 100; break;
    case Command::kIdle: options.connections = 1'000; break;
    case Command::kProbeDisk: options.value_bytes = 4'096; break;
    case Command::kFirstRead: options.seconds = 300; break;
    case Command::kLoad:
      options.root = "/topobench-load";
      options.znodes = 100'000;
      options.batch = 100;
      options.connections = 4;
      options.window = 8;
      options.seconds = 900;
      options.warmup_seconds = 0;
      options.keep = true;
      break;
    default: break;
  }
}

void add_load_options(CLI::App& app, Options& options) {
  app.add_option("--servers", options.servers, "host:port, or several with commas between");
  app.add_option("--connections", options.connections)->check(CLI::Range(1u, 60'000u));
  app.add_option("--window", options.window, "operations of one connection under way at once")
      ->check(CLI::Range(1u, 10'000u));
  app.add_option("--threads", options.threads)->check(CLI::Range(1u, 256u));
  app.add_option("--value-size", options.value_bytes, "bytes of data in each znode")
      ->check(CLI::Range(0u, 1'000'000u));
  app.add_option("--znodes", options.znodes)->check(CLI::Range(uint64_t{1}, kZnodesMax));
  app.add_option("--batch", options.batch, "operations in one multi")
      ->check(CLI::Range(1u, 1'000u));
  app.add_option("--read-share", options.read_share, "of mixed")->check(CLI::Range(0.0, 1.0));
  app.add_option("--rate", options.rate,
                 "operations per second at a fixed pace (open loop), latencies from the time each "
                 "was due; without it each answer starts the next operation (closed loop)")
      ->check(CLI::Range(0.0, 1e8));
  if (options.command != Command::kLoad) {
    app.add_option("--warmup", options.warmup_seconds, "seconds before measuring")
        ->check(CLI::Range(0.0, 3600.0));
  }
  app.add_option("--session-timeout", options.session_timeout_ms, "milliseconds")
      ->check(CLI::Range(1, 3'600'000));
  app.add_option("--server-pid", options.server_pid,
                 "measure the processor time of this process of the same machine, too");
  app.add_option("--root", options.root, "the znode below which everything is done");
  app.add_flag("--keep", options.keep, "do not delete the znodes afterwards");
}

void add_options(CLI::App& app, Options& options) {
  app.option_defaults()->always_capture_default();
  app.add_option("--seconds", options.seconds, "time to measure, at most")
      ->check(CLI::Range(0.1, 86'400.0));
  app.add_option("--seed", options.seed, "of values and of the order of znodes");
  app.add_flag("--json", options.json, "print one JSON object");
  switch (options.command) {
    case Command::kProbeDisk:
      app.add_option("directory", options.directory, "where to write");
      app.add_option("--value-size", options.value_bytes, "bytes of each write")
          ->check(CLI::Range(512u, 1'048'576u));
      break;
    case Command::kFirstRead:
      app.add_option("--servers", options.servers, "host:port, or several with commas between");
      app.add_option("--path", options.path, "the znode to read");
      break;
    case Command::kProbeLoopback:
      app.add_option("--workload", options.probed)
          ->check(CLI::IsMember({"reads", "writes", "sessions"}));
      add_load_options(app, options);
      break;
    default: add_load_options(app, options);
  }
}

// What no single option can know; empty when all is well.
std::string complaint_about(const Options& options) {
  const bool closed_only =
      options.command == Command::kSessions || options.command == Command::kWatches ||
      options.command == Command::kContendedLocks || options.command == Command::kLoad;
  if (closed_only && options.is_open_loop()) return options.command_name + " takes no --rate";
  const bool one_thread =
      options.command == Command::kWatches || options.command == Command::kContendedLocks;
  if (one_thread && options.threads > 1) {
    return options.command_name + " are timed within one thread: --threads 1";
  }
  if (options.command == Command::kLoad &&
      (kZnodesPerParent % options.batch != 0 || options.znodes % options.batch != 0)) {
    return "--batch must divide 1000 and --znodes";
  }
  if (options.threads > options.connections) return "more --threads than --connections";
  if (options.root.size() < 2 || options.root.front() != '/' || options.root.back() == '/') {
    return "--root must be a path such as /topobench";
  }
  return {};
}

}  // namespace

tl::expected<Options, ExitEarly> parse_options(int argc, char** argv) {
  // Each command has options of its own, with its own defaults.
  std::array<Options, kCommands.size()> options;
  std::array<CLI::App*, kCommands.size()> apps{};
  CLI::App app("Load generator for servers that speak ZooKeeper's protocol", "topobench");
  app.require_subcommand(1);
  for (size_t i = 0; i < kCommands.size(); ++i) {
    apps[i] = app.add_subcommand(kCommands[i].name, kCommands[i].help);
    set_defaults(options[i], kCommands[i]);
    add_options(*apps[i], options[i]);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tl::unexpected(ExitEarly{app.exit(error) == 0 ? 0 : 2});
  }
  size_t chosen = 0;
  while (!apps[chosen]->parsed()) ++chosen;
  Options& result = options[chosen];

  std::string complaint = complaint_about(result);
  if (complaint.empty()) {
    auto addresses = resolve(result.servers);
    if (addresses) {
      result.addresses = std::move(*addresses);
      return result;
    }
    complaint = addresses.error();
  }
  std::fprintf(stderr, "topobench: %s\n", complaint.c_str());
  return tl::unexpected(ExitEarly{2});
}

}  // namespace topod::bench
