// Small pure functions on text: encodings, escapes, times, sizes, patterns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace topod::ctl {

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trimmed(std::string_view text);

[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);
[[nodiscard]] std::string to_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

// Well-formed UTF-8 without control characters other than tab and line ends: what a terminal shows
// as it was meant.
[[nodiscard]] bool is_readable_text(std::string_view bytes);
// With control characters and malformed UTF-8 as \xNN: safe to print whatever it holds.
[[nodiscard]] std::string escaped(std::string_view bytes);
// Offsets, hex and characters, sixteen bytes a line.
[[nodiscard]] std::string hex_dump(std::string_view bytes);
// Columns that it takes on a terminal: characters, not bytes.
[[nodiscard]] size_t display_width(std::string_view text);

// "2026-11-23T20:16:53Z", with nanoseconds if there are any.
[[nodiscard]] std::string time_text(int64_t seconds, int32_t nanoseconds = 0);
struct TimePoint {
  int64_t seconds = 0;
  int32_t nanoseconds = 0;
};
[[nodiscard]] std::optional<TimePoint> parse_time(std::string_view text);
[[nodiscard]] std::string time_text_ms(int64_t milliseconds);
// Now, since 1970.
[[nodiscard]] int64_t wall_ms();
// "3d", "4h", "12m", "5s": how long ago, roughly.
[[nodiscard]] std::string age_text(int64_t milliseconds);
// "512 B", "1.5 KiB", "3.2 MiB".
[[nodiscard]] std::string size_text(uint64_t bytes);
// "0x1f".
[[nodiscard]] std::string hex_number(int64_t value);
// "0x1f" or "31".
[[nodiscard]] std::optional<int64_t> parse_number(std::string_view text);

// Shell patterns: * and ? within a component, ** across components.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

// "/a/b" + "c" -> "/a/b/c"; "/" + "c" -> "/c".
[[nodiscard]] std::string join_path(std::string_view parent, std::string_view name);
// "/a/b/" -> "/a/b".
[[nodiscard]] std::string without_slash(std::string path);
// "/a/b" -> "/a", "/a" -> "/".
[[nodiscard]] std::string parent_of(std::string_view path);
// "/a/b" -> "b", "/" -> "/".
[[nodiscard]] std::string_view name_in(std::string_view path);
// Why a znode cannot have this path; empty: it can.
[[nodiscard]] std::string path_trouble(std::string_view path);
[[nodiscard]] bool is_below(std::string_view path, std::string_view root);

}  // namespace topod::ctl
