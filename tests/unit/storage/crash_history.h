// The checkpoints that the recorded program writes and the crash test expects: both follow from
// the seed.
#pragma once

#include <cstdint>
#include <random>

#include "tests/unit/storage/tree_model.h"

namespace topod::storage {

class CrashHistory {
 public:
  explicit CrashHistory(uint64_t seed) : random_(seed) {}

  // The next checkpoint; `model` is then what the store must hold.
  Checkpoint next() {
    Checkpoint checkpoint;
    // Now and then many, so that trees grow and shrink by whole pages.
    const uint64_t changes = random_() % 4 == 0 ? 150 : random_() % 20;
    for (uint64_t change = 0; change < changes; ++change) {
      model.change_at_random(random_, 5'000, checkpoint);
    }
    ++zxid;
    return checkpoint;
  }

  TreeModel model;
  int64_t zxid = 0;

 private:
  std::mt19937_64 random_;
};

}  // namespace topod::storage
