#include "storage/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include "proto/check.h"

namespace topod::storage {
namespace {

tl::unexpected<IoError> failure(std::string_view operation, const std::string& path,
                                int code = errno) {
  return tl::make_unexpected(IoError{code, std::string(operation), path});
}

// Repeats a system call that a signal interrupted before it did anything.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  // Data that matters was synced, which is where errors are reported; close has none to add.
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  IoResult<size_t> read(uint64_t offset, std::span<std::byte> into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t count = uninterrupted([&] {
        return ::pread(descriptor_.get(), into.data() + done, into.size() - done,
                       static_cast<off_t>(offset + done));
      });
      if (count < 0) return failure("read", path_);
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

  IoResult<void> write(uint64_t offset, std::span<const std::byte> bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count = uninterrupted([&] {
        return ::pwrite(descriptor_.get(), bytes.data() + done, bytes.size() - done,
                        static_cast<off_t>(offset + done));
      });
      if (count < 0) return failure("write", path_);
      if (count == 0) return failure("write", path_, EIO);
      done += static_cast<size_t>(count);
    }
    return {};
  }

  IoResult<void> sync() override {
    // Not repeated on any error: the kernel may have marked the lost pages clean.
    if (::fdatasync(descriptor_.get()) != 0) return failure("sync", path_);
    return {};
  }

  IoResult<uint64_t> size() override {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) return failure("stat", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  IoResult<void> allocate(uint64_t size) override {
    const int code = uninterrupted(
        [&] { return ::fallocate(descriptor_.get(), 0, 0, static_cast<off_t>(size)); });
    if (code == 0) return {};
    if (errno != EOPNOTSUPP) return failure("allocate", path_);
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) {
      return failure("truncate", path_);
    }
    return {};
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // closing it releases the lock
};

class PosixFileSystem final : public FileSystem {
 public:
  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenFlags flags) override {
    int bits = O_CLOEXEC | (flags.write ? O_RDWR : O_RDONLY);
    if (flags.create) bits |= O_CREAT | O_EXCL;
    if (flags.durable) bits |= O_DSYNC;
    int fd = -1;
    if (flags.direct) fd = open_once(path, bits | O_DIRECT);
    // Some file systems (tmpfs) know no direct access; correctness does not depend on it there.
    if (!flags.direct || (fd < 0 && errno == EINVAL)) {
      if (flags.direct && flags.create) ::unlink(path.c_str());
      fd = open_once(path, bits);
    }
    if (fd < 0) return failure(flags.create ? "create" : "open", path);
    return std::make_unique<PosixFile>(Descriptor(fd), path);
  }

  IoResult<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failure("rename", from);
    return {};
  }

  IoResult<void> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return failure("remove", path);
    return {};
  }

  IoResult<std::vector<std::string>> list(const std::string& dir) override {
    struct Close {
      void operator()(DIR* handle) const { ::closedir(handle); }
    };
    const std::unique_ptr<DIR, Close> handle(::opendir(dir.c_str()));
    if (handle == nullptr) return failure("list", dir);
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(handle.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return failure("list", dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  IoResult<bool> exists(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT) return false;
    return failure("stat", path);
  }

  IoResult<void> make_dir(const std::string& dir) override {
    if (::mkdir(dir.c_str(), 0750) != 0 && errno != EEXIST) return failure("make", dir);
    return {};
  }

  IoResult<void> sync_dir(const std::string& dir) override {
    const Descriptor descriptor(open_once(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0) return failure("open", dir);
    if (::fsync(descriptor.get()) != 0) return failure("sync", dir);
    return {};
  }

  IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    Descriptor descriptor(open_once(path, O_RDWR | O_CREAT | O_CLOEXEC));
    if (descriptor.get() < 0) return failure("open", path);
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) return failure("lock", path);
    return std::make_unique<PosixFileLock>(std::move(descriptor));
  }

  IoResult<uint64_t> free_bytes(const std::string& dir) override {
    struct statvfs status {};
    if (::statvfs(dir.c_str(), &status) != 0) return failure("statvfs", dir);
    return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
  }

 private:
  static int open_once(const std::string& path, int bits) {
    return uninterrupted([&] { return ::open(path.c_str(), bits, 0640); });
  }
};

}  // namespace

bool IoError::no_space() const { return code == ENOSPC || code == EDQUOT; }

std::string IoError::message() const {
  return operation + " " + path + ": " + std::generic_category().message(code);
}

FileSystem& posix_file_system() {
  static PosixFileSystem file_system;
  return file_system;
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void AlignedBuffer::Free::operator()(std::byte* memory) const { std::free(memory); }

void AlignedBuffer::reserve(size_t size) {
  if (size <= size_) return;
  size_ = (size + kDirectAlignBytes - 1) / kDirectAlignBytes * kDirectAlignBytes;
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(kDirectAlignBytes, size_)));
  CHECK_MSG(data_ != nullptr, "out of memory");
}

}  // namespace topod::storage
