// Jute: the encoding of ZooKeeper's client protocol. Big endian, no tags, no padding.
//
// JuteReader is bounds-checked and sticky: after the first field that does not fit, every read
// returns a zero value and `ok()` stays false, so a decoder reads all its fields and asks once.
// It never allocates; strings and buffers are views into the input and live as long as it does.
// A null (length -1) is not an empty one: clients can tell them apart.
//
// JuteWriter appends to a string that the caller owns. Neither is shared between threads.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace topod {

// A string or buffer that may be null. Views do not own.
using NullableBytes = std::optional<std::string_view>;

namespace jute_detail {
template <class Unsigned>
[[nodiscard]] inline Unsigned big_endian(Unsigned value) {
  if constexpr (sizeof(Unsigned) == 8) {
    return __builtin_bswap64(value);
  } else {
    return __builtin_bswap32(value);
  }
}
}  // namespace jute_detail

class JuteReader {
 public:
  explicit JuteReader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t remaining() const { return rest_.size(); }
  // What has not been read yet.
  [[nodiscard]] std::string_view rest() const { return rest_; }

  uint8_t read_byte();
  bool read_bool() { return read_byte() != 0; }
  int32_t read_int() { return static_cast<int32_t>(read_fixed<uint32_t>()); }
  int64_t read_long() { return static_cast<int64_t>(read_fixed<uint64_t>()); }
  NullableBytes read_buffer();
  NullableBytes read_string() { return read_buffer(); }

  // Count of a vector whose elements take at least `element_bytes_min` (not 0) each: nullopt for
  // the null vector. A count that the rest of the input cannot hold is an error, so a caller may
  // reserve what is returned.
  std::optional<uint32_t> read_count(size_t element_bytes_min);

  void fail() {
    ok_ = false;
    rest_ = {};
  }

 private:
  template <class Unsigned>
  Unsigned read_fixed() {
    if (rest_.size() < sizeof(Unsigned)) [[unlikely]] {
      fail();
      return 0;
    }
    Unsigned raw;
    std::memcpy(&raw, rest_.data(), sizeof raw);
    rest_.remove_prefix(sizeof raw);
    return jute_detail::big_endian(raw);
  }

  std::string_view rest_;
  bool ok_ = true;
};

class JuteWriter {
 public:
  explicit JuteWriter(std::string& out) : out_(out) {}

  void write_byte(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void write_bool(bool value) { write_byte(value ? 1 : 0); }
  void write_int(int32_t value) { append_fixed(static_cast<uint32_t>(value)); }
  void write_long(int64_t value) { append_fixed(static_cast<uint64_t>(value)); }
  void write_buffer(NullableBytes bytes);
  void write_string(NullableBytes text) { write_buffer(text); }
  void write_null() { write_int(-1); }
  void write_count(size_t count) { write_int(static_cast<int32_t>(count)); }
  void write_raw(std::string_view bytes) { out_.append(bytes); }

  [[nodiscard]] size_t position() const { return out_.size(); }
  // Overwrites an int written before, for lengths that are known only afterwards.
  void patch_int(size_t position, int32_t value);

 private:
  template <class Unsigned>
  void append_fixed(Unsigned value) {
    const Unsigned raw = jute_detail::big_endian(value);
    char bytes[sizeof raw];
    std::memcpy(bytes, &raw, sizeof raw);
    out_.append(bytes, sizeof raw);
  }

  std::string& out_;
};

}  // namespace topod
