#include "storage/log_segment.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "proto/check.h"

namespace topod::storage {
namespace {

constexpr std::string_view kSuffix = ".seg";
constexpr size_t kDigits = 16;
constexpr size_t kWindowBytes = size_t{1} << 20;

}  // namespace

std::string segment_name(uint64_t number) {
  std::string name(kDigits, '0');
  for (size_t at = kDigits; at-- > 0; number >>= 4) name[at] = "0123456789abcdef"[number & 15];
  return name.append(kSuffix);
}

std::string segment_path(const std::string& dir, uint64_t number) {
  return dir + "/" + segment_name(number);
}

std::optional<uint64_t> segment_number(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  uint64_t number = 0;
  const char* const end = name.data() + kDigits;
  if (std::from_chars(name.data(), end, number, 16).ptr != end) return std::nullopt;
  return number;
}

IoResult<std::vector<uint64_t>> list_segments(FileSystem& file_system, const std::string& dir) {
  auto names = file_system.list(dir);
  if (!names) return tl::make_unexpected(names.error());
  std::vector<uint64_t> numbers;
  for (const std::string& name : *names) {
    if (const auto number = segment_number(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

IoResult<SegmentReader> SegmentReader::open(FileSystem& file_system, const std::string& dir,
                                            uint64_t number) {
  auto file = file_system.open(segment_path(dir, number), {.direct = true});
  if (!file) return tl::make_unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return tl::make_unexpected(size.error());
  SegmentReader reader;
  reader.file_ = std::move(*file);
  reader.number_ = number;
  reader.size_ = *size;
  return reader;
}

bool SegmentReader::well_sized() const {
  return size_ > 0 && size_ % limits::kBatchAlignBytes == 0 && size_ <= UINT32_MAX;
}

IoResult<std::span<std::byte>> SegmentReader::bytes(uint64_t offset, size_t length) {
  CHECK(offset % limits::kBatchAlignBytes == 0 && offset + length <= size_);
  const bool inside = offset >= window_offset_ && offset + length <= window_offset_ + window_bytes_;
  if (!inside) {
    window_bytes_ = 0;
    const uint64_t rest = size_ - offset;
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(rest, std::max(length, kWindowBytes)));
    window_.reserve(wanted);
    auto count = file_->read(offset, {window_.data(), wanted});
    if (!count && wanted > length) {
      // One bad sector must not hide its neighbours.
      wanted = length;
      count = file_->read(offset, {window_.data(), wanted});
    }
    if (!count) return tl::make_unexpected(count.error());
    if (*count < wanted) return tl::make_unexpected(IoError{EIO, "read", segment_name(number_)});
    window_offset_ = offset;
    window_bytes_ = wanted;
  }
  return std::span(window_.data() + (offset - window_offset_), length);
}

IoResult<BatchState> SegmentReader::read_batch(uint64_t offset, uint64_t seed, Batch& batch) {
  const auto first = bytes(offset, limits::kBatchAlignBytes);
  if (!first) return tl::make_unexpected(first.error());
  const auto sector = first->first(limits::kSectorBytes);
  if (all_zero(sector)) return BatchState::kBlank;
  const auto header = read_header(sector, {number_, offset}, seed);
  if (!header || batch_bytes(header->length) > size_ - offset) return BatchState::kBad;
  const auto whole = bytes(offset, batch_bytes(header->length));
  if (!whole) return tl::make_unexpected(whole.error());
  if (!hash_matches(*whole, *header, seed)) return BatchState::kBad;
  batch = Batch{*header, *whole};
  return BatchState::kValid;
}

}  // namespace topod::storage
