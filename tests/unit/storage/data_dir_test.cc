#include "storage/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <xxhash.h>

#include "tests/unit/storage/temporary_folder.h"

namespace topod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr DirectoryIdentity kIdentity{EnsembleId(0x0123'4567'89ab'cdef),
                                      ServerId(3),
                                      {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Names and contents of all that lies in a folder.
std::map<std::string, std::string> everything_in(const std::string& dir) {
  std::map<std::string, std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    found[entry.path()] = entry.is_regular_file() ? read_file(entry.path()) : "";
  }
  return found;
}

class DataDirTest : public ::testing::Test {
 protected:
  Expected<DataDir> open(const DirectoryIdentity& identity = kIdentity) {
    return DataDir::open_or_create(posix_file_system(), dir_, identity);
  }
  // Refused with this kind, and nothing has changed.
  void expect_refused(StorageError::Kind kind, const std::string& reason,
                      const DirectoryIdentity& identity = kIdentity) {
    auto before = everything_in(dir_);
    const auto opened = open(identity);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, kind);
    EXPECT_THAT(opened.error().what, HasSubstr(reason));
    auto after = everything_in(dir_);
    // Of our own directories the lock names its last holder.
    before.erase(dir_ + "/lock");
    after.erase(dir_ + "/lock");
    EXPECT_EQ(before, after);
  }

  TemporaryFolder folder_;
  std::string dir_ = folder_ / "deep/in/data";
};

TEST_F(DataDirTest, AMissingDirectoryIsMadeAndOpenedAgain) {
  {
    const auto created = open();
    ASSERT_TRUE(created) << created.error().what;
    EXPECT_TRUE(created->was_created());
    EXPECT_EQ(created->identity(), kIdentity);
    EXPECT_TRUE(std::filesystem::is_directory(created->wal_path()));
  }
  DirectoryIdentity other_draw = kIdentity;
  other_draw.instance = {};
  other_draw.ensemble = EnsembleId(9);
  const auto again = open(other_draw);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_FALSE(again->was_created());
  EXPECT_EQ(again->identity(), kIdentity);
}

TEST_F(DataDirTest, AnInterruptedCreationIsTakenUpAgain) {
  std::filesystem::create_directories(dir_);
  write_file(dir_ + "/lock", "");
  write_file(dir_ + "/identity.new", "half an ident");
  write_file(dir_ + "/myid", "3\n");
  const auto created = open();
  ASSERT_TRUE(created) << created.error().what;
  EXPECT_TRUE(created->was_created());
}

TEST_F(DataDirTest, ADirectoryOfApacheZooKeeperIsLeftAlone) {
  std::filesystem::create_directories(dir_ + "/version-2");
  write_file(dir_ + "/version-2/log.1", "ZKLG");
  write_file(dir_ + "/myid", "3\n");
  expect_refused(StorageError::Kind::kForeign, dir_ + " is no data directory of topod");
  expect_refused(StorageError::Kind::kForeign, "\"version-2\" (the data of an Apache ZooKeeper");
}

TEST_F(DataDirTest, AnyOtherFileMakesADirectoryForeign) {
  std::filesystem::create_directories(dir_);
  write_file(dir_ + "/thesis.txt", "years of work");
  expect_refused(StorageError::Kind::kForeign, "thesis.txt");
}

TEST_F(DataDirTest, ALogWithoutAnIdentityIsForeign) {
  ASSERT_TRUE(open());
  std::filesystem::remove(dir_ + "/identity");
  expect_refused(StorageError::Kind::kForeign, "wal");
}

TEST_F(DataDirTest, AnotherServersDirectoryIsRefused) {
  ASSERT_TRUE(open());
  DirectoryIdentity other = kIdentity;
  other.server = ServerId(4);
  expect_refused(StorageError::Kind::kForeign, "holds the data of server 3, this is server 4",
                 other);
}

TEST_F(DataDirTest, ANewerFormatIsRefusedByItsNumber) {
  ASSERT_TRUE(open());
  // A format to come keeps the first two lines and the hash.
  std::string text = "topod data directory\nformat_version 2\nsomething else\n";
  char hash[24];
  std::snprintf(hash, sizeof hash, "hash %016llx\n",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  write_file(dir_ + "/identity", text + hash);
  expect_refused(StorageError::Kind::kNewerVersion,
                 "has format 2 of a newer topod; this one knows formats up to 1");
}

TEST_F(DataDirTest, EveryFlippedBitOfTheIdentityIsFound) {
  const std::string text = encode(kIdentity);
  ASSERT_TRUE(decode_identity(text, "here"));
  EXPECT_EQ(*decode_identity(text, "here"), kIdentity);
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto decoded = decode_identity(flipped, "here");
    ASSERT_FALSE(decoded) << flipped;
    EXPECT_EQ(decoded.error().kind, StorageError::Kind::kDamaged);
  }
  for (size_t bytes = 0; bytes < text.size(); ++bytes) {
    EXPECT_FALSE(decode_identity(std::string_view(text).substr(0, bytes), "here"));
  }
}

TEST_F(DataDirTest, ADirectoryInUseNamesTheProcess) {
  const auto held = open();
  ASSERT_TRUE(held);
  expect_refused(StorageError::Kind::kLocked,
                 dir_ + " is in use by process " + std::to_string(::getpid()));
}

TEST_F(DataDirTest, ADirectoryInUseByAnotherProcessIsRefusedUntilItDies) {
  std::array<int, 2> to_child{};
  std::array<int, 2> to_parent{};
  ASSERT_EQ(::pipe(to_child.data()), 0);
  ASSERT_EQ(::pipe(to_parent.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = open();
    char byte = held ? 'y' : 'n';
    (void)!::write(to_parent[1], &byte, 1);
    ::close(to_child[1]);
    (void)!::read(to_child[0], &byte, 1);  // until the parent closes its end
    ::_exit(0);
  }
  ::close(to_child[0]);
  char byte = 0;
  ASSERT_EQ(::read(to_parent[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  expect_refused(StorageError::Kind::kLocked, "in use by process " + std::to_string(child));
  ::close(to_child[1]);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(open());
  ::close(to_parent[0]);
  ::close(to_parent[1]);
}

TEST_F(DataDirTest, AReplacedIdentityIsFoundAtTheNextStart) {
  DirectoryIdentity joined = kIdentity;
  joined.ensemble = EnsembleId(42);
  {
    auto dir = open();
    ASSERT_TRUE(dir);
    ASSERT_TRUE(dir->replace_identity(joined));
  }
  EXPECT_EQ(open()->identity(), joined);
}

TEST_F(DataDirTest, OnlyTheCurrentGenerationIsKept) {
  auto dir = open();
  ASSERT_TRUE(dir);
  for (const char* name : {"tree.1", "tree.2", "tree.3.new", "tree.10", "tree.x", "treasure"}) {
    std::filesystem::create_directories(dir_ + "/" + name);
    write_file(dir_ + "/" + name + "/data.mdb", name);
  }
  EXPECT_THAT(*dir->generations(), ElementsAre(1, 2, 10));
  ASSERT_TRUE(dir->keep_only_generation(2));
  EXPECT_THAT(*dir->generations(), ElementsAre(2));
  EXPECT_EQ(read_file(dir->tree_path(2) + "/data.mdb"), "tree.2");
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/tree.3.new"));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/tree.x"));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/treasure"));
}

TEST_F(DataDirTest, DamagedTreesArePutAsideOneBesideTheOther) {
  auto dir = open();
  ASSERT_TRUE(dir);
  for (int number = 1; number <= 2; ++number) {
    std::filesystem::create_directories(dir->tree_path(1));
    write_file(dir->tree_path(1) + "/data.mdb", std::to_string(number));
    const auto aside = dir->set_aside("tree.1");
    ASSERT_TRUE(aside) << aside.error().what;
    EXPECT_EQ(*aside, dir_ + "/damaged-" + std::to_string(number));
    EXPECT_EQ(read_file(*aside + "/tree.1/data.mdb"), std::to_string(number));
    EXPECT_THAT(*dir->generations(), ElementsAre());
  }
}

}  // namespace
}  // namespace topod::storage
