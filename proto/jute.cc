#include "proto/jute.h"

#include "proto/check.h"

namespace topod {

uint8_t JuteReader::read_byte() {
  if (rest_.empty()) [[unlikely]] {
    fail();
    return 0;
  }
  const auto byte = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

NullableBytes JuteReader::read_buffer() {
  const int32_t length = read_int();
  if (!ok_ || length == -1) return std::nullopt;
  if (length < 0 || static_cast<size_t>(length) > rest_.size()) [[unlikely]] {
    fail();
    return std::nullopt;
  }
  const std::string_view bytes = rest_.substr(0, static_cast<size_t>(length));
  rest_.remove_prefix(bytes.size());
  return bytes;
}

std::optional<uint32_t> JuteReader::read_count(size_t element_bytes_min) {
  CHECK(element_bytes_min > 0);
  const int32_t count = read_int();
  if (!ok_ || count == -1) return std::nullopt;
  if (count < 0 || static_cast<size_t>(count) > rest_.size() / element_bytes_min) [[unlikely]] {
    fail();
    return std::nullopt;
  }
  return static_cast<uint32_t>(count);
}

void JuteWriter::write_buffer(NullableBytes bytes) {
  if (!bytes) {
    write_null();
    return;
  }
  write_count(bytes->size());
  out_.append(*bytes);
}

void JuteWriter::patch_int(size_t position, int32_t value) {
  CHECK(position + sizeof value <= out_.size());
  const uint32_t raw = jute_detail::big_endian(static_cast<uint32_t>(value));
  std::memcpy(out_.data() + position, &raw, sizeof raw);
}

}  // namespace topod
