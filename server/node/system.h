// The machine's clock and its source of random numbers, behind the loop's interfaces. Loop
// thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "server/node/interfaces.h"

namespace topod::node {

// Of the clock that only goes forward. Any thread.
[[nodiscard]] int64_t monotonic_ms();

struct DiskSpace {
  int64_t free_bytes = 0;  // that we may use
  int64_t total_bytes = 0;
};
// Of the file system of this folder; zeros if it cannot be found out. Any thread.
[[nodiscard]] DiskSpace disk_space(const std::string& folder);

class SystemClock final : public Clock {
 public:
  [[nodiscard]] zab::Moment now() const override;
};

// Cryptographic random bytes from the kernel, fetched in blocks to spare a system call for each
// connection. Bytes are handed out once and wiped.
class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<uint8_t> bytes) override;

 private:
  void refill();

  std::array<uint8_t, 256> block_{};
  size_t used_ = sizeof block_;
};

}  // namespace topod::node
