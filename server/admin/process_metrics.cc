// The process as the system sees it, under the names that every Prometheus client uses.
#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "server/admin/metrics.h"

namespace topod::admin {

namespace {

// Fields of /proc/self/stat, counted from behind the name of the program, which may hold anything.
constexpr int kThreadsField = 17;
constexpr int kStartField = 19;
constexpr int kVirtualBytesField = 20;
constexpr int kResidentPagesField = 21;

std::string text_of(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// When the machine started. Found out once: the process must not seem to have started at another
// time whenever the clock is set. (/proc/stat tells it too, but may be hidden from a service.)
double boot_seconds() {
  static const double boot = [] {
    timespec wall{};
    timespec since_boot{};
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return seconds_of(wall) - seconds_of(since_boot);
  }();
  return boot;
}

uint64_t count_open_files() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  uint64_t entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  constexpr uint64_t kNotOurs = 3;  // ".", ".." and the directory itself
  return entries - std::min(entries, kNotOurs);
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

ProcessFigures read_process() {
  ProcessFigures process;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    process.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  }
  const std::string text = text_of("/proc/self/stat");
  const size_t name_end = text.rfind(')');
  std::istringstream fields(name_end == std::string::npos ? "" : text.substr(name_end + 1));
  std::string field;
  for (int number = 0; fields >> field && number <= kResidentPagesField; ++number) {
    if (number != kThreadsField && number < kStartField) continue;
    const double value = std::strtod(field.c_str(), nullptr);
    if (number == kThreadsField) process.threads = static_cast<uint64_t>(value);
    if (number == kStartField) {
      process.start_seconds = boot_seconds() + value / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
    if (number == kVirtualBytesField) process.virtual_bytes = value;
    if (number == kResidentPagesField) {
      process.resident_bytes = value * static_cast<double>(sysconf(_SC_PAGESIZE));
    }
  }
  process.open_files = count_open_files();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) process.open_files_max = limit.rlim_cur;
  return process;
}

void add_process_metrics(const ProcessFigures& process, MetricFamilies& families) {
  families.counter("process_cpu_seconds_total", "User and system time.", process.cpu_seconds);
  families.gauge("process_resident_memory_bytes", "Memory in use.", process.resident_bytes);
  families.gauge("process_virtual_memory_bytes", "Address space; the store's map is most of it.",
                 process.virtual_bytes);
  families.gauge("process_start_time_seconds", "When it started, since 1970.",
                 process.start_seconds);
  families.gauge("process_threads", "Threads.", static_cast<double>(process.threads));
  families.gauge("process_open_fds", "Open files and sockets.",
                 static_cast<double>(process.open_files));
  families.gauge("process_max_fds", "How many there may be.",
                 static_cast<double>(process.open_files_max));
}

}  // namespace topod::admin
