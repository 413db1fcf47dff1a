// A library to be preloaded: writes down, in order, what LMDB asks the system to do to its data
// file, and lets it happen. The record goes to the file named by LMDB_RECORD:
//
//   kind u8, offset u64, length u64, bytes       little-endian, one after the other
//
// kinds: 'w' write, 'd' write through a descriptor that syncs each write, 's' sync of all before,
//        'm' mark of the recorded program (its number is the offset)

// It would give the functions below other names than those that LMDB calls.
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::string_view kDataFile = "/data.mdb";
constexpr int kDescriptorsMax = 1'024;

enum class Watched : uint8_t { kNo, kPlain, kDurable };
std::array<Watched, kDescriptorsMax> watched;

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

const auto real_open = real<int (*)(const char*, int, ...)>("open");
const auto real_close = real<int (*)(int)>("close");
const auto real_pwrite = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
const auto real_write = real<ssize_t (*)(int, const void*, size_t)>("write");
const auto real_writev = real<ssize_t (*)(int, const iovec*, int)>("writev");
const auto real_fdatasync = real<int (*)(int)>("fdatasync");
const auto real_fsync = real<int (*)(int)>("fsync");

int record_file() {
  static const int file = [] {
    const char* path = std::getenv("LMDB_RECORD");
    return path == nullptr ? -1 : real_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  }();
  return file;
}

void record_head(char kind, uint64_t offset, uint64_t length) {
  std::array<char, 17> head{};
  head[0] = kind;
  std::memcpy(head.data() + 1, &offset, sizeof offset);
  std::memcpy(head.data() + 9, &length, sizeof length);
  if (real_write(record_file(), head.data(), head.size()) != ssize_t{17}) std::abort();
}

void record_bytes(const void* bytes, size_t length) {
  if (real_write(record_file(), bytes, length) != static_cast<ssize_t>(length)) std::abort();
}

Watched kind_of(int fd) {
  if (fd < 0 || fd >= kDescriptorsMax || record_file() < 0) return Watched::kNo;
  return watched[static_cast<size_t>(fd)];
}

void record_write(int fd, uint64_t offset, const void* bytes, size_t length) {
  record_head(kind_of(fd) == Watched::kDurable ? 'd' : 'w', offset, length);
  record_bytes(bytes, length);
}

}  // namespace

extern "C" {

void lmdb_record_mark(uint64_t number) { record_head('m', number, 0); }

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  const int fd = real_open(path, flags, mode);
  if (fd >= 0 && fd < kDescriptorsMax && std::string_view(path).ends_with(kDataFile)) {
    watched[static_cast<size_t>(fd)] = (flags & O_DSYNC) != 0 ? Watched::kDurable : Watched::kPlain;
  }
  return fd;
}

int close(int fd) {
  if (fd >= 0 && fd < kDescriptorsMax) watched[static_cast<size_t>(fd)] = Watched::kNo;
  return real_close(fd);
}

ssize_t pwrite(int fd, const void* bytes, size_t length, off_t offset) {
  if (kind_of(fd) != Watched::kNo) {
    record_write(fd, static_cast<uint64_t>(offset), bytes, length);
  }
  return real_pwrite(fd, bytes, length, offset);
}

ssize_t write(int fd, const void* bytes, size_t length) {
  if (kind_of(fd) != Watched::kNo) {
    record_write(fd, static_cast<uint64_t>(::lseek(fd, 0, SEEK_CUR)), bytes, length);
  }
  return real_write(fd, bytes, length);
}

ssize_t writev(int fd, const iovec* pieces, int count) {
  if (kind_of(fd) != Watched::kNo) {
    auto offset = static_cast<uint64_t>(::lseek(fd, 0, SEEK_CUR));
    for (int piece = 0; piece < count; ++piece) {
      record_write(fd, offset, pieces[piece].iov_base, pieces[piece].iov_len);
      offset += pieces[piece].iov_len;
    }
  }
  return real_writev(fd, pieces, count);
}

int fdatasync(int fd) {
  const int result = real_fdatasync(fd);
  if (result == 0 && kind_of(fd) != Watched::kNo) record_head('s', 0, 0);
  return result;
}

int fsync(int fd) {
  const int result = real_fsync(fd);
  if (result == 0 && kind_of(fd) != Watched::kNo) record_head('s', 0, 0);
  return result;
}

}  // extern "C"
