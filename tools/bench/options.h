// The command line of topobench. Plain values, read-only once parsed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "tools/bench/address.h"
#include "tools/bench/clock.h"

namespace topod::bench {

enum class Command {
  kReads,
  kWrites,
  kMixed,
  kMulti,
  kChildren,
  kCreateDelete,
  kLocks,
  kContendedLocks,
  kSessions,
  kWatches,
  kIdle,
  kLoad,
  kFirstRead,
  kProbeDisk,
  kProbeLoopback,
};

struct Options {
  Command command = Command::kReads;
  std::string command_name;
  std::string servers = "127.0.0.1:2181";
  std::vector<SocketAddress> addresses;  // `servers`, resolved

  uint32_t connections = 16;
  uint32_t window = 16;  // operations of one connection under way at once
  uint32_t threads = 1;
  uint32_t value_bytes = 100;
  uint64_t znodes = 1'000;
  uint32_t batch = 10;      // operations in one multi
  double read_share = 0.7;  // of mixed
  double rate = 0;          // operations per second; 0: closed loop
  double seconds = 5;
  double warmup_seconds = 1;
  int32_t session_timeout_ms = 30'000;
  int32_t server_pid = 0;  // process whose processor time is measured, too; 0: none
  uint64_t seed = 1;

  std::string root = "/topobench";  // all znodes of a run are below it
  std::string path = "/";           // of first-read
  std::string directory = ".";      // of probe-disk
  std::string probed = "reads";     // workload of probe-loopback
  bool keep = false;
  bool json = false;

  [[nodiscard]] bool is_open_loop() const { return rate > 0; }
  [[nodiscard]] const SocketAddress& address_for(size_t connection) const {
    return addresses[connection % addresses.size()];
  }
};

struct ExitEarly {
  int status;
};

// Prints help or a complaint itself; then says with which status the process shall end.
[[nodiscard]] tl::expected<Options, ExitEarly> parse_options(int argc, char** argv);

}  // namespace topod::bench
