#include "tools/bench/probe_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/bench/request.h"

namespace topod::bench {

namespace {

constexpr size_t kFileBytes = size_t{64} * 1024 * 1024;
constexpr size_t kFillBytes = size_t{1} * 1024 * 1024;

// An unnamed file: gone when it is closed, however this process ends.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& directory)
      : descriptor_(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {}
  ~ScratchFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] bool write(const std::string& bytes, size_t offset) const {
    return ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(bytes.size());
  }
  [[nodiscard]] bool sync() const { return ::fdatasync(descriptor_) == 0; }

 private:
  int descriptor_;
};

tl::unexpected<std::string> failure(const std::string& directory) {
  return tl::unexpected(directory + ": " + std::strerror(errno));
}

}  // namespace

tl::expected<RunResult, std::string> probe_disk(const Options& options) {
  const ScratchFile file(options.directory);
  if (!file.is_open()) return failure(options.directory);
  const std::string zeros(kFillBytes, '\0');
  for (size_t offset = 0; offset < kFileBytes; offset += kFillBytes) {
    if (!file.write(zeros, offset)) return failure(options.directory);
  }
  if (!file.sync()) return failure(options.directory);

  const std::string value = make_value(options.value_bytes, options.seed);
  RunResult result;
  const Nanoseconds began = monotonic_now();
  const Nanoseconds until = began + from_seconds(options.seconds);
  size_t offset = 0;
  for (Nanoseconds now = began; now < until; ++result.answers) {
    if (!file.write(value, offset) || !file.sync()) return failure(options.directory);
    const Nanoseconds end = monotonic_now();
    result.latencies.record(end - now);
    now = end;
    offset = offset + 2 * value.size() <= kFileBytes ? offset + value.size() : 0;
  }
  result.seconds = to_seconds(monotonic_now() - began);
  return result;
}

}  // namespace topod::bench
