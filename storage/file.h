// The only way from the log and the data directory to a disk. Everything that can fail, tear or
// lie sits behind this seam, so that tests can put a simulated disk here.
//
// What may be relied upon: a sector of 512 bytes is written wholly or not at all; writes that were
// not synced survive a crash in any subset; a name that was created, renamed or removed is sure
// only after `sync_dir`. After a failed write or sync the state of the file is unknown and must be
// read again from the disk: never retry.
//
// Threads: a File belongs to one thread at a time; a FileSystem may be used by any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace topod::storage {

struct IoError {
  int code = 0;  // errno
  std::string operation;
  std::string path;

  // The disk or the quota is full: an operator can help, and waiting may.
  [[nodiscard]] bool no_space() const;
  [[nodiscard]] std::string message() const;
};

template <class T>
using IoResult = tl::expected<T, IoError>;

struct OpenFlags {
  bool write = false;
  bool create = false;  // it must not exist yet
  // Past the page cache, where the file system can: a read then sees what the disk holds and not
  // what the kernel believes it wrote. Buffers, offsets and lengths must be multiples of
  // kDirectAlignBytes.
  bool direct = false;
  // A write returns only when it is durable, as if followed by `sync`.
  bool durable = false;
};

inline constexpr size_t kDirectAlignBytes = 4'096;

class File {
 public:
  virtual ~File() = default;
  // Bytes read; fewer than asked for only at the end of the file.
  virtual IoResult<size_t> read(uint64_t offset, std::span<std::byte> into) = 0;
  // Writes all, or fails with an unknown part written.
  virtual IoResult<void> write(uint64_t offset, std::span<const std::byte> bytes) = 0;
  // On success all earlier writes, and the size, are durable.
  virtual IoResult<void> sync() = 0;
  virtual IoResult<uint64_t> size() = 0;
  // Reserves blocks up to this size and makes it the file's size. What was not written reads as
  // zeros.
  virtual IoResult<void> allocate(uint64_t size) = 0;
};

// Held until it is destroyed, or the process ends in any way.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual IoResult<std::unique_ptr<File>> open(const std::string& path, OpenFlags flags) = 0;
  // Replaces `to` atomically.
  virtual IoResult<void> rename(const std::string& from, const std::string& to) = 0;
  virtual IoResult<void> remove(const std::string& path) = 0;
  // Names in the folder, sorted, without "." and "..".
  virtual IoResult<std::vector<std::string>> list(const std::string& dir) = 0;
  virtual IoResult<bool> exists(const std::string& path) = 0;
  // Success also when the folder exists.
  virtual IoResult<void> make_dir(const std::string& dir) = 0;
  virtual IoResult<void> sync_dir(const std::string& dir) = 0;
  // Creates the file if needed. EWOULDBLOCK: somebody else holds it.
  virtual IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  virtual IoResult<uint64_t> free_bytes(const std::string& dir) = 0;
};

// The real one.
[[nodiscard]] FileSystem& posix_file_system();

// The folder that holds this name: what `sync_dir` takes to make it durable.
[[nodiscard]] std::string parent_of(const std::string& path);

// Memory fit for direct reads and writes. Contents are unspecified at first.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Grows to at least this size; the contents are lost when it does.
  void reserve(size_t size);
  [[nodiscard]] std::byte* data() { return data_.get(); }
  [[nodiscard]] const std::byte* data() const { return data_.get(); }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

}  // namespace topod::storage
