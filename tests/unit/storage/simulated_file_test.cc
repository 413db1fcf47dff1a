// The simulated disk keeps what it promises, or nothing proved on it would mean anything.
#include "tests/unit/storage/simulated_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace topod::storage {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string sectors(char first, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text.append(512, static_cast<char>(first + static_cast<char>(i)));
  return text;
}

std::unique_ptr<SimulatedFileSystem> disk_with_file(uint64_t seed, const std::string& contents) {
  auto disk = std::make_unique<SimulatedFileSystem>(seed);
  auto file = disk->open("/a", {.write = true, .create = true});
  EXPECT_TRUE((*file)->write(0, bytes_of(contents)).has_value());
  EXPECT_TRUE((*file)->sync().has_value());
  EXPECT_TRUE(disk->sync_dir("/").has_value());
  return disk;
}

TEST(SimulatedFile, SyncedBytesSurviveAPowerLoss) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto disk = disk_with_file(seed, sectors('a', 4));
    disk->restart();
    EXPECT_EQ(disk->contents("/a"), sectors('a', 4));
  }
}

TEST(SimulatedFile, UnsyncedSectorsSurviveInAnySubset) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const auto disk = disk_with_file(seed, sectors('a', 3));
    auto file = disk->open("/a", {.write = true});
    ASSERT_TRUE((*file)->write(0, bytes_of(sectors('x', 3))).has_value());
    disk->restart();
    std::string found;
    for (size_t at = 0; at < 3; ++at) {
      const std::string sector = disk->contents("/a").substr(at * 512, 512);
      EXPECT_EQ(sector, std::string(512, sector[0])) << "a sector is never torn";
      found += sector[0];
    }
    seen.insert(found);
  }
  EXPECT_EQ(seen.size(), 8U);
}

TEST(SimulatedFile, NamesAreSureOnlyAfterTheFolderIsSynced) {
  std::set<bool> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto disk = disk_with_file(seed, "x");
    ASSERT_TRUE(disk->rename("/a", "/b").has_value());
    disk->restart();
    EXPECT_NE(disk->exists("/a").value(), disk->exists("/b").value());
    seen.insert(disk->exists("/b").value());
  }
  EXPECT_EQ(seen.size(), 2U);
  const auto disk = disk_with_file(1, "x");
  ASSERT_TRUE(disk->rename("/a", "/b").has_value());
  ASSERT_TRUE(disk->sync_dir("/").has_value());
  disk->restart();
  EXPECT_TRUE(disk->exists("/b").value());
}

TEST(SimulatedFile, ADurableWriteNeedsNoSync) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto disk = disk_with_file(seed, sectors('a', 4));
    auto file = disk->open("/a", {.write = true, .durable = true});
    ASSERT_TRUE((*file)->write(512, bytes_of(sectors('x', 2))).has_value());
    disk->restart();
    EXPECT_EQ(disk->contents("/a"), sectors('a', 1) + sectors('x', 2) + sectors('d', 1));
  }
}

TEST(SimulatedFile, AfterACrashNothingWorksUntilTheRestart) {
  const auto disk = disk_with_file(1, "old");
  auto file = disk->open("/a", {.write = true});
  disk->crash_at_call(disk->calls() + 1, CallPhase::kBefore);
  EXPECT_FALSE((*file)->write(0, bytes_of("new")).has_value());
  EXPECT_TRUE(disk->crashed());
  EXPECT_FALSE((*file)->sync().has_value());
  EXPECT_FALSE(disk->open("/a", {}).has_value());
  disk->restart();
  EXPECT_FALSE((*file)->write(0, bytes_of("new")).has_value());  // a handle of the former life
  EXPECT_EQ(disk->contents("/a"), "old");
}

TEST(SimulatedFile, AProcessThatDiesLeavesItsWritesToTheKernel) {
  const auto disk = disk_with_file(1, "old");
  auto file = disk->open("/a", {.write = true});
  ASSERT_TRUE((*file)->write(0, bytes_of("new")).has_value());
  disk->restart_process();
  EXPECT_EQ(disk->contents("/a"), "new");
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto copy = disk->clone(seed);
    copy->restart();
    seen.insert(copy->contents("/a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST(SimulatedFile, AFullDiskRefusesToGrowAndNothingElse) {
  const auto disk = disk_with_file(1, "old");
  disk->set_capacity(4);
  auto file = disk->open("/a", {.write = true});
  EXPECT_TRUE((*file)->write(0, bytes_of("newx")).has_value());
  EXPECT_EQ((*file)->write(4, bytes_of("y")).error().code, ENOSPC);
  EXPECT_EQ((*file)->allocate(5).error().code, ENOSPC);
  EXPECT_EQ(disk->free_bytes("/").value(), 0U);
}

}  // namespace
}  // namespace topod::storage
