// Reads all rows of a store again and again, slowly, and compares their hashes: rot shows before
// a restart stumbles over it, while the state in memory is still whole. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/storage_error.h"
#include "storage/store.h"

namespace topod::storage {

class Scrubber {
 public:
  explicit Scrubber(const Store& store) : store_(store) {}

  // Looks at up to this many rows, going on where the last step ended, each step in a snapshot
  // of its own. Returns how many there were; none of them is damaged.
  Expected<uint64_t> step(uint64_t rows_max);

  // Rows to look at in `slice_ms` so that all are seen once in `period_ms`; 0: never.
  [[nodiscard]] uint64_t rows_per_slice(int64_t slice_ms, int64_t period_ms) const;

  // How many times all rows have been seen.
  [[nodiscard]] uint64_t rounds() const { return rounds_; }

 private:
  const Store& store_;
  size_t table_ = 0;
  std::string position_;  // the last key seen in that table
  uint64_t rounds_ = 0;
};

}  // namespace topod::storage
