// The one source of chance of a simulated world: xoshiro256** by Blackman and Vigna, seeded through
// splitmix64. No standard distributions, whose results differ between libraries: a seed means the
// same world everywhere. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace topod::sim {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : words_) {
      seed += 0x9E3779B97F4A7C15ULL;
      uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
      mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
      word = mixed ^ (mixed >> 31);
    }
  }

  uint64_t next() {
    const uint64_t result = rotate(words_[1] * 5, 7) * 9;
    const uint64_t shifted = words_[1] << 17;
    words_[2] ^= words_[0];
    words_[3] ^= words_[1];
    words_[1] ^= words_[2];
    words_[0] ^= words_[3];
    words_[2] ^= shifted;
    words_[3] = rotate(words_[3], 45);
    return result;
  }

  // Below `bound`, which is not 0. The bias of the remainder is of no account here.
  uint64_t below(uint64_t bound) { return next() % bound; }
  size_t index(size_t size) { return static_cast<size_t>(below(size)); }
  // Both ends included.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
  }
  bool chance(uint64_t per_mille) { return below(1'000) < per_mille; }
  // Mostly near `low`; one in sixteen is drawn from the whole range.
  int64_t skewed(int64_t low, int64_t high) {
    return chance(62) ? between(low, high) : between(low, low + (high - low) / 8);
  }

 private:
  static uint64_t rotate(uint64_t word, int by) { return (word << by) | (word >> (64 - by)); }

  std::array<uint64_t, 4> words_{};
};

}  // namespace topod::sim
