// The real file system, in a temporary folder.
#include "storage/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

namespace topod::storage {
namespace {

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "topod-file-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }
  ~FileTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<File> open(const std::string& name, OpenFlags flags) {
    auto file = files_.open(dir_ + "/" + name, flags);
    EXPECT_TRUE(file.has_value()) << (file ? "" : file.error().message());
    return file ? std::move(*file) : nullptr;
  }
  static std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }
  static std::string read(File& file, uint64_t offset, size_t length) {
    std::string text(length, '?');
    const auto count = file.read(offset, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(count.has_value());
    text.resize(count.value_or(0));
    return text;
  }

  FileSystem& files_ = posix_file_system();
  std::string dir_;
};

TEST_F(FileTest, WhatIsWrittenIsRead) {
  const auto file = open("a", {.write = true, .create = true});
  ASSERT_TRUE(file->write(3, bytes_of("hello")).has_value());
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_EQ(file->size().value(), 8U);
  EXPECT_EQ(read(*file, 0, 100), std::string("\0\0\0hello", 8));
  EXPECT_EQ(read(*file, 8, 100), "");
}

TEST_F(FileTest, DirectAndDurableWritesAreReadByOthers) {
  const auto writer = open("a", {.write = true, .create = true, .direct = true, .durable = true});
  AlignedBuffer buffer;
  buffer.reserve(8'192);
  std::memset(buffer.data(), 'x', 8'192);
  ASSERT_TRUE(writer->write(4'096, {buffer.data(), 8'192}).has_value());
  const auto reader = open("a", {});
  EXPECT_EQ(read(*reader, 4'095, 3), std::string("\0xx", 3));
  const auto direct = open("a", {.direct = true});
  std::memset(buffer.data(), 0, 8'192);
  EXPECT_EQ(direct->read(8'192, {buffer.data(), 8'192}).value(), 4'096U);
  EXPECT_EQ(buffer.data()[4'095], std::byte{'x'});
}

TEST_F(FileTest, CreatingDoesNotOverwrite) {
  open("a", {.write = true, .create = true});
  const auto again = files_.open(dir_ + "/a", {.write = true, .create = true});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, EEXIST);
  EXPECT_EQ(again.error().path, dir_ + "/a");
}

TEST_F(FileTest, ErrorsNameOperationPathAndReason) {
  const auto missing = files_.open(dir_ + "/none", {});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message(), "open " + dir_ + "/none: No such file or directory");
  EXPECT_FALSE(missing.error().no_space());
  EXPECT_TRUE((IoError{ENOSPC, "allocate", "a"}.no_space()));
}

TEST_F(FileTest, AllocatedSpaceReadsAsZeros) {
  const auto file = open("a", {.write = true, .create = true});
  ASSERT_TRUE(file->allocate(10'000).has_value());
  EXPECT_EQ(file->size().value(), 10'000U);
  EXPECT_EQ(read(*file, 9'990, 100), std::string(10, '\0'));
}

TEST_F(FileTest, NamesAreListedRenamedAndRemoved) {
  open("b", {.write = true, .create = true});
  open("a", {.write = true, .create = true});
  ASSERT_TRUE(files_.make_dir(dir_ + "/c").has_value());
  ASSERT_TRUE(files_.make_dir(dir_ + "/c").has_value());
  EXPECT_EQ(files_.list(dir_).value(), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_TRUE(files_.rename(dir_ + "/a", dir_ + "/b").has_value());
  ASSERT_TRUE(files_.remove(dir_ + "/c").has_value());
  ASSERT_TRUE(files_.sync_dir(dir_).has_value());
  EXPECT_EQ(files_.list(dir_).value(), (std::vector<std::string>{"b"}));
  EXPECT_TRUE(files_.exists(dir_ + "/b").value());
  EXPECT_FALSE(files_.exists(dir_ + "/a").value());
  EXPECT_GT(files_.free_bytes(dir_).value(), 0U);
}

TEST_F(FileTest, ALockIsHeldOnce) {
  auto lock = files_.lock(dir_ + "/lock");
  ASSERT_TRUE(lock.has_value());
  const auto second = files_.lock(dir_ + "/lock");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, EWOULDBLOCK);
  lock->reset();
  EXPECT_TRUE(files_.lock(dir_ + "/lock").has_value());
}

}  // namespace
}  // namespace topod::storage
