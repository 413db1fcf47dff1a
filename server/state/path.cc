#include "server/state/path.h"

#include <cstdint>

#include "proto/check.h"

namespace topod::state {

namespace {

bool is_refused(uint32_t character) {
  return character < 0x20 || (character >= 0x7f && character <= 0x9f) ||
         (character >= 0xd800 && character <= 0xf8ff) || character >= 0xfff0;
}

bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

// Bytes of the character of two or three bytes at the front of `text`; 0 if it is malformed or
// refused. Four bytes encode what is outside of the BMP, which ZooKeeper refuses altogether.
size_t long_character_bytes(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  const auto bits = [&](size_t i) { return static_cast<uint32_t>(text[i]) & 0x3f; };
  if ((lead & 0xe0) == 0xc0) {
    if (text.size() < 2 || !is_continuation(text[1])) return 0;
    const uint32_t character = (lead & 0x1fu) << 6 | bits(1);
    return character < 0x80 || is_refused(character) ? 0 : 2;
  }
  if ((lead & 0xf0) == 0xe0) {
    if (text.size() < 3 || !is_continuation(text[1]) || !is_continuation(text[2])) return 0;
    const uint32_t character = (lead & 0x0fu) << 12 | bits(1) << 6 | bits(2);
    return character < 0x800 || is_refused(character) ? 0 : 3;
  }
  return 0;
}

bool is_valid_component(std::string_view component) {
  return !component.empty() && component != "." && component != "..";
}

}  // namespace

bool is_valid_path(std::string_view path) {
  if (path.empty() || path[0] != '/') return false;
  if (path.size() == 1) return true;
  size_t component = 1;
  size_t i = 1;
  while (i < path.size()) {
    const auto byte = static_cast<uint8_t>(path[i]);
    if (byte == '/') {
      if (!is_valid_component(path.substr(component, i - component))) return false;
      component = ++i;
    } else if (byte < 0x80) {
      if (is_refused(byte)) return false;
      ++i;
    } else {
      const size_t bytes = long_character_bytes(path.substr(i));
      if (bytes == 0) return false;
      i += bytes;
    }
  }
  return is_valid_component(path.substr(component));
}

bool has_path_shape(std::string_view path) {
  return path.find('/') != std::string_view::npos && path.find('\0') == std::string_view::npos;
}

std::string_view parent_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  CHECK(slash != std::string_view::npos);
  return path.substr(0, slash);
}

std::string_view last_component(std::string_view path) {
  const size_t slash = path.rfind('/');
  CHECK(slash != std::string_view::npos);
  return path.substr(slash + 1);
}

bool is_permanent_path(std::string_view path) {
  return path == "/" || path == kZookeeperPath || path == kQuotaPath || path == kConfigPath;
}

}  // namespace topod::state
