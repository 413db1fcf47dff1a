#include "server/state/blob_arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace topod::state {
namespace {

struct Blob {
  char* bytes;
  size_t size;
  char letter;
};

TEST(BlobArena, RandomBlobsKeepTheirBytesUntilTheyAreReleased) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  BlobArena arena;
  std::vector<Blob> blobs;
  const auto release_one = [&](size_t index) {
    const Blob blob = blobs[index];
    blobs[index] = blobs.back();
    blobs.pop_back();
    for (size_t i = 0; i < blob.size; ++i) ASSERT_EQ(blob.bytes[i], blob.letter);
    arena.release(blob.bytes, blob.size);
  };
  for (int phase = 0; phase < 6; ++phase) {
    // Grows and shrinks in turn, so that pages fill up and become empty.
    const uint32_t releases_in_ten = phase % 2 == 0 ? 3 : 7;
    for (int step = 0; step < 10'000; ++step) {
      if (!blobs.empty() && random() % 10 < releases_in_ten) {
        release_one(random() % blobs.size());
        continue;
      }
      const size_t size = 1 + random() % (random() % 8 == 0 ? 3'000 : 160);
      const auto letter = static_cast<char>('a' + random() % 26);
      char* const bytes = arena.allocate(size);
      std::memset(bytes, letter, size);
      blobs.push_back({bytes, size, letter});
    }
  }
  while (!blobs.empty()) release_one(blobs.size() - 1);
}

TEST(BlobArena, APlaceIsUsedAgainBeforeMemoryGrows) {
  BlobArena arena;
  char* const first = arena.allocate(100);
  char* const second = arena.allocate(100);
  arena.release(first, 100);
  char* const third = arena.allocate(97);  // the same number of granules
  EXPECT_EQ(third, first);
  arena.release(third, 97);
  arena.release(second, 100);
}

TEST(BlobArena, BlobsOfOneSizeLieNextToEachOther) {
  BlobArena arena;
  char* const first = arena.allocate(120);
  char* const second = arena.allocate(120);
  EXPECT_EQ(second - first, 120);
  arena.release(first, 120);
  arena.release(second, 120);
}

TEST(BlobArenaDeathTest, ABlobThatWasNotReleasedIsNoticed) {
  EXPECT_DEATH(
      {
        BlobArena arena;
        *arena.allocate(8) = 'x';
      },
      "");
}

}  // namespace
}  // namespace topod::state
