// Facts about the machine and the process that the word `envi` shows. `read_environment` asks the
// user database, which may be on the network, so it is for the start; `read_memory` is cheap.
#pragma once

#include <cstdint>
#include <string>

namespace topod::admin {

struct MemoryMib {
  uint64_t free = 0;
  uint64_t total = 0;
};

struct Environment {
  std::string host_name;
  std::string os_name;     // "Linux"
  std::string os_arch;     // as Java calls it: "amd64", "aarch64"
  std::string os_version;  // of the kernel
  std::string user_name;
  std::string user_home;
  std::string user_dir;  // the working directory
  MemoryMib memory;      // of the machine
};

// What cannot be found out is "<NA>", as Java says.
[[nodiscard]] Environment read_environment();
[[nodiscard]] MemoryMib read_memory();

}  // namespace topod::admin
