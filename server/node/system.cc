#include "server/node/system.h"

#include <sys/random.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>

#include "proto/check.h"

namespace topod::node {

int64_t monotonic_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

DiskSpace disk_space(const std::string& folder) {
  struct statvfs space {};
  if (statvfs(folder.c_str(), &space) != 0) return {};
  const auto block_bytes = static_cast<int64_t>(space.f_frsize);
  return {.free_bytes = static_cast<int64_t>(space.f_bavail) * block_bytes,
          .total_bytes = static_cast<int64_t>(space.f_blocks) * block_bytes};
}

zab::Moment SystemClock::now() const {
  using std::chrono::duration_cast;
  const auto monotonic = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.monotonic_us = duration_cast<std::chrono::microseconds>(monotonic).count(),
          .wall_ms = duration_cast<std::chrono::milliseconds>(wall).count()};
}

void SystemEntropy::refill() {
  // Up to 256 bytes come whole and without interruption once the kernel's pool is seeded.
  const ssize_t got = getrandom(block_.data(), block_.size(), 0);
  CHECK_MSG(got == static_cast<ssize_t>(block_.size()), "the kernel gives no random numbers");
  used_ = 0;
}

void SystemEntropy::fill(std::span<uint8_t> bytes) {
  for (uint8_t& byte : bytes) {
    if (used_ == block_.size()) refill();
    byte = block_[used_];
    block_[used_++] = 0;
  }
}

}  // namespace topod::node
