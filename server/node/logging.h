// What the server says about itself: one line per event on standard error,
//
//   2026-08-01T12:00:00.123Z info  client: refused connect reason=limit peer=10.0.0.7:40312
//
// a time in UTC, a level, the part that speaks, a fixed sentence, and fields. Values that could
// break the line or pretend to be another field are quoted and escaped, for clients choose them.
//
// Safe from any thread once `start_logging` has returned; before, lines go nowhere. Writing never
// fails for the caller. Secrets have a type that prints as *** (server/node/secret.h).
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "proto/limits.h"

namespace topod::node {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };

// "trace", "debug", "info", "warn", "error".
[[nodiscard]] std::string_view name_of(LogLevel level);
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view name);

struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  LogField(std::string_view name, const std::string& text) : key(name), value(text) {}
  LogField(std::string_view name, bool truth) : key(name), value(truth ? "true" : "false") {}
  LogField(std::string_view name, std::integral auto number)
      : key(name), value(std::to_string(number)) {}
  LogField(std::string_view name, double number);
};
using LogFields = std::initializer_list<LogField>;

// "0x1f", the form in which ZooKeeper's people read zxids and session ids.
[[nodiscard]] std::string hex(int64_t number);

// From now on lines of this level and above are written to `out`, or to standard error if it is
// null. `out` must outlive all logging. May be called again.
void start_logging(LogLevel level, std::ostream* out = nullptr);
void set_log_level(LogLevel level);
[[nodiscard]] bool is_logged(LogLevel level);

void log(LogLevel level, std::string_view part, std::string_view sentence, LogFields fields = {});

inline void log_debug(std::string_view part, std::string_view sentence, LogFields fields = {}) {
  log(LogLevel::kDebug, part, sentence, fields);
}
inline void log_info(std::string_view part, std::string_view sentence, LogFields fields = {}) {
  log(LogLevel::kInfo, part, sentence, fields);
}
inline void log_warn(std::string_view part, std::string_view sentence, LogFields fields = {}) {
  log(LogLevel::kWarn, part, sentence, fields);
}
inline void log_error(std::string_view part, std::string_view sentence, LogFields fields = {}) {
  log(LogLevel::kError, part, sentence, fields);
}

// The line without time: "info  client: refused connect peer=10.0.0.7:40312".
[[nodiscard]] std::string log_line(LogLevel level, std::string_view part, std::string_view sentence,
                                   LogFields fields);

// For events that others cause as often as they like: so many lines in a second, then one line
// that says how many were left out. Used by one thread; times are monotonic milliseconds.
class RateLimitedLog {
 public:
  explicit RateLimitedLog(std::string_view part,
                          int lines_per_second = limits::kClientLogLinesPerSecond)
      : part_(part), lines_per_second_(lines_per_second) {}

  void log(int64_t now_ms, LogLevel level, std::string_view sentence, LogFields fields = {});
  // Writes the summary once its second is over; to be called now and then.
  void tick(int64_t now_ms);

 private:
  void write_summary();

  std::string part_;
  int lines_per_second_;
  std::optional<int64_t> second_began_ms_;
  int lines_ = 0;  // written in this second
  uint64_t left_out_ = 0;
};

}  // namespace topod::node
