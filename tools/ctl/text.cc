#include "tools/ctl/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iterator>

namespace topod::ctl {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

unsigned byte_at(std::string_view bytes, size_t i) { return static_cast<unsigned char>(bytes[i]); }

// Length of the well-formed UTF-8 character at `i`; 0 if there is none.
size_t character_bytes(std::string_view bytes, size_t i) {
  const unsigned first = byte_at(bytes, i);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || i + length > bytes.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte_at(bytes, i + k) & 0xc0U) != 0x80) return 0;
  }
  const unsigned second = byte_at(bytes, i + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool too_great = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_great ? 0 : length;
}

bool is_control(std::string_view bytes, size_t i) {
  const unsigned c = byte_at(bytes, i);
  // The second range is U+0080 to U+009F, which some terminals obey.
  return c < 0x20 || c == 0x7f ||
         (c == 0xc2 && i + 1 < bytes.size() && byte_at(bytes, i + 1) < 0xa0);
}

std::optional<unsigned> digit_value(std::string_view digits, char c) {
  const size_t at = digits.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(at);
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

// ---- encodings ---------------------------------------------------------------------------------

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    text += kHexDigits[byte_at(bytes, i) >> 4];
    text += kHexDigits[byte_at(bytes, i) & 15];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(&text[i], &text[i] + 2, value, 16);
    if (error != std::errc() || end != &text[i] + 2) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t length = std::min<size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < length ? byte_at(bytes, i + k) : 0);
    for (size_t k = 0; k < 4; ++k) {
      text += k <= length ? kBase64Digits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t padding = !last ? 0 : text[i + 2] == '=' ? 2 : text[i + 3] == '=' ? 1 : 0;
    unsigned group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const auto digit = k >= 4 - padding ? (text[i + k] == '=' ? std::optional(0U) : std::nullopt)
                                          : digit_value(kBase64Digits, text[i + k]);
      if (!digit) return std::nullopt;
      group = group << 6 | *digit;
    }
    for (size_t k = 0; k < 3 - padding; ++k) {
      bytes += static_cast<char>(group >> (16 - 8 * k) & 255);
    }
  }
  return bytes;
}

bool is_readable_text(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = character_bytes(bytes, i);
    const char c = bytes[i];
    if (length == 0) return false;
    if (is_control(bytes, i) && c != '\n' && c != '\t' && c != '\r') return false;
    i += length;
  }
  return true;
}

std::string escaped(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = character_bytes(bytes, i);
    if (length > 0 && !is_control(bytes, i)) {
      text += bytes.substr(i, length);
    } else if (bytes[i] == '\n') {
      text += "\\n";
    } else if (bytes[i] == '\t') {
      text += "\\t";
    } else {
      for (size_t k = 0; k < std::max<size_t>(length, 1); ++k) {
        text += "\\x" + to_hex(bytes.substr(i + k, 1));
      }
    }
    i += std::max<size_t>(length, 1);
  }
  return text;
}

std::string hex_dump(std::string_view bytes) {
  constexpr size_t kPerLine = 16;
  std::string text;
  for (size_t line = 0; line < bytes.size(); line += kPerLine) {
    const std::string_view part = bytes.substr(line, kPerLine);
    fmt::format_to(std::back_inserter(text), "{:08x} ", line);
    for (size_t i = 0; i < kPerLine; ++i) {
      if (i == kPerLine / 2) text += ' ';
      text += i < part.size() ? " " + to_hex(part.substr(i, 1)) : "   ";
    }
    text += "  |";
    for (const char c : part) text += c >= ' ' && c <= '~' ? c : '.';
    text += "|\n";
  }
  return text;
}

size_t display_width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

// ---- times and sizes ---------------------------------------------------------------------------

std::string time_text(int64_t seconds, int32_t nanoseconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  if (gmtime_r(&time, &parts) == nullptr) return std::to_string(seconds);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (nanoseconds != 0) {
    std::string fraction = fmt::format(".{:09}", nanoseconds);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += fraction;
  }
  return text + "Z";
}

std::optional<TimePoint> parse_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  int consumed = 0;
  // NOLINTNEXTLINE(cert-err34-c): %n says how much was read
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &consumed) != 6) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(static_cast<size_t>(consumed));
  TimePoint point;
  if (rest.starts_with('.')) {
    const std::string_view digits = rest.substr(1, rest.find('Z') - 1);
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    for (size_t i = 0; i < 9; ++i) {
      const char c = i < digits.size() ? digits[i] : '0';
      if (c < '0' || c > '9') return std::nullopt;
      point.nanoseconds = point.nanoseconds * 10 + (c - '0');
    }
    rest.remove_prefix(digits.size() + 1);
  }
  if (rest != "Z") return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  point.seconds = timegm(&parts);
  return point;
}

std::string time_text_ms(int64_t milliseconds) {
  const int64_t seconds = milliseconds / 1000;
  return time_text(seconds, static_cast<int32_t>(milliseconds % 1000) * 1'000'000);
}

int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string age_text(int64_t milliseconds) {
  const int64_t seconds = std::max<int64_t>(milliseconds, 0) / 1000;
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 120 * 60) return fmt::format("{}m", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86'400);
}

std::string size_text(uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

std::string hex_number(int64_t value) {
  return fmt::format("0x{:x}", static_cast<uint64_t>(value));
}

std::optional<int64_t> parse_number(std::string_view text) {
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  if (is_hex) text.remove_prefix(2);
  if (text.empty()) return std::nullopt;
  if (is_hex) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value, 16);
    if (error != std::errc() || end != text.end()) return std::nullopt;
    return static_cast<int64_t>(value);
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || end != text.end()) return std::nullopt;
  return value;
}

// ---- patterns and paths ------------------------------------------------------------------------

bool matches_pattern(std::string_view pattern, std::string_view text) {
  while (!pattern.empty()) {
    if (pattern.front() == '*') {
      const bool crosses = pattern.starts_with("**");
      const std::string_view rest = pattern.substr(crosses ? 2 : 1);
      for (size_t taken = 0;; ++taken) {
        if (matches_pattern(rest, text.substr(taken))) return true;
        if (taken == text.size() || (!crosses && text[taken] == '/')) return false;
      }
    }
    if (text.empty() || (pattern.front() != '?' && pattern.front() != text.front()) ||
        (pattern.front() == '?' && text.front() == '/')) {
      return false;
    }
    pattern.remove_prefix(1);
    text.remove_prefix(1);
  }
  return text.empty();
}

std::string join_path(std::string_view parent, std::string_view name) {
  std::string path(parent == "/" ? std::string_view() : parent);
  path += '/';
  path += name;
  return path;
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

std::string_view name_in(std::string_view path) {
  return path == "/" ? path : path.substr(path.rfind('/') + 1);
}

std::string path_trouble(std::string_view path) {
  const std::string text(path);
  if (!path.starts_with('/')) return "a path begins with /: " + text;
  if (path == "/") return "";
  for (const std::string& name : split(path.substr(1), '/')) {
    if (name.empty() || name == "." || name == "..") {
      return "this is no valid path, it has an empty name, . or .. in it: " + text;
    }
  }
  return "";
}

bool is_below(std::string_view path, std::string_view root) {
  if (root == "/") return path.size() > 1;
  return path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/';
}

}  // namespace topod::ctl
