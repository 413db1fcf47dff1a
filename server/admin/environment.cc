#include "server/admin/environment.h"

#include <pwd.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string_view>

namespace topod::admin {
namespace {

constexpr const char* kUnknown = "<NA>";
constexpr size_t kPasswdEntryBytes = 16 * 1024;
constexpr uint64_t kMib = 1024 * 1024;

std::string java_name_of(std::string_view machine) {
  return machine == "x86_64" ? "amd64" : std::string(machine);
}

void read_system(Environment& environment) {
  utsname system{};
  if (uname(&system) != 0) {
    environment.host_name = environment.os_name = kUnknown;
    environment.os_arch = environment.os_version = kUnknown;
    return;
  }
  environment.host_name = system.nodename;
  environment.os_name = system.sysname;
  environment.os_arch = java_name_of(system.machine);
  environment.os_version = system.release;
}

void read_user(Environment& environment) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, kPasswdEntryBytes> buffer{};
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0) found = nullptr;
  environment.user_name = found != nullptr ? found->pw_name : kUnknown;
  environment.user_home = found != nullptr ? found->pw_dir : kUnknown;
}

}  // namespace

Environment read_environment() {
  Environment environment;
  read_system(environment);
  read_user(environment);
  std::error_code error;
  environment.user_dir = std::filesystem::current_path(error).string();
  if (error) environment.user_dir = kUnknown;
  environment.memory = read_memory();
  return environment;
}

MemoryMib read_memory() {
  struct sysinfo memory {};
  if (sysinfo(&memory) != 0) return {};
  const uint64_t unit = memory.mem_unit;
  return {(memory.freeram + memory.bufferram) * unit / kMib, memory.totalram * unit / kMib};
}

}  // namespace topod::admin
