// Segments of the log as files: their names, and reading batches out of them.
// Not thread-safe; a reader owns its file and its window of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file.h"
#include "storage/log_format.h"

namespace topod::storage {

// A segment that is being filled with zeros; renamed to a segment's name when it is ready.
inline constexpr std::string_view kSpareName = "spare.new";

[[nodiscard]] std::string segment_name(uint64_t number);
[[nodiscard]] std::string segment_path(const std::string& dir, uint64_t number);
[[nodiscard]] std::optional<uint64_t> segment_number(std::string_view name);
// Numbers of all segments in the folder, in order.
[[nodiscard]] IoResult<std::vector<uint64_t>> list_segments(FileSystem& file_system,
                                                            const std::string& dir);

enum class BatchState : uint8_t {
  kValid,
  kBlank,  // its first sector is zero
  kBad,
};

struct Batch {
  BatchHeader header;
  std::span<std::byte> bytes;  // of the reader; until its next read
};

class SegmentReader {
 public:
  static IoResult<SegmentReader> open(FileSystem& file_system, const std::string& dir,
                                      uint64_t number);

  [[nodiscard]] uint64_t number() const { return number_; }
  [[nodiscard]] uint64_t size() const { return size_; }
  // False for a size that no segment has.
  [[nodiscard]] bool well_sized() const;
  // Offset and length are multiples of kBatchAlignBytes and within the segment. The bytes stay
  // valid until the next call.
  IoResult<std::span<std::byte>> bytes(uint64_t offset, size_t length);
  // Valid: whole, of this place and this identity. Sets `batch` only then.
  IoResult<BatchState> read_batch(uint64_t offset, uint64_t seed, Batch& batch);

 private:
  std::unique_ptr<File> file_;
  uint64_t number_ = 0;
  uint64_t size_ = 0;
  AlignedBuffer window_;
  uint64_t window_offset_ = 0;
  size_t window_bytes_ = 0;
};

}  // namespace topod::storage
