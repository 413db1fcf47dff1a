#include "server/node/logging.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>
#include <vector>

namespace topod::node {
namespace {

constexpr int64_t kSecondMs = 1'000;

// What a value may consist of to stand unquoted.
bool is_plain(char c) { return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\'; }

void append_value(std::string& line, std::string_view value) {
  bool plain = !value.empty();
  for (const char c : value) plain = plain && is_plain(c);
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  line += '"';
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return spdlog::level::trace;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

// Loggers are replaced but never destroyed before the process ends, so that a line that another
// thread is writing meanwhile keeps its logger. There are as many as calls of start_logging.
std::atomic<spdlog::logger*> current_logger{nullptr};

}  // namespace

LogField::LogField(std::string_view name, double number)
    : key(name), value(fmt::format("{:.3f}", number)) {}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return "trace";
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "unknown";
}

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (name == name_of(level)) return level;
  }
  return std::nullopt;
}

std::string hex(int64_t number) { return fmt::format("0x{:x}", static_cast<uint64_t>(number)); }

void start_logging(LogLevel level, std::ostream* out) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (out == nullptr)
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  else
    sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*out, true);
  auto logger = std::make_unique<spdlog::logger>("topod", std::move(sink));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
  logger->set_level(to_spdlog(level));
  static auto& all = *new std::vector<std::unique_ptr<spdlog::logger>>;
  current_logger.store(logger.get(), std::memory_order_release);
  all.push_back(std::move(logger));
}

void set_log_level(LogLevel level) {
  if (spdlog::logger* logger = current_logger.load(std::memory_order_acquire)) {
    logger->set_level(to_spdlog(level));
  }
}

bool is_logged(LogLevel level) {
  const spdlog::logger* logger = current_logger.load(std::memory_order_acquire);
  return logger != nullptr && logger->should_log(to_spdlog(level));
}

std::string log_line(LogLevel level, std::string_view part, std::string_view sentence,
                     LogFields fields) {
  std::string line = fmt::format("{:<5} {}: {}", name_of(level), part, sentence);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  return line;
}

void log(LogLevel level, std::string_view part, std::string_view sentence, LogFields fields) {
  if (!is_logged(level)) return;
  spdlog::logger* logger = current_logger.load(std::memory_order_acquire);
  logger->log(to_spdlog(level), spdlog::string_view_t(log_line(level, part, sentence, fields)));
}

void RateLimitedLog::log(int64_t now_ms, LogLevel level, std::string_view sentence,
                         LogFields fields) {
  if (!is_logged(level)) return;
  tick(now_ms);
  if (!second_began_ms_) second_began_ms_ = now_ms;
  if (lines_ >= lines_per_second_) {
    ++left_out_;
    return;
  }
  ++lines_;
  node::log(level, part_, sentence, fields);
}

void RateLimitedLog::tick(int64_t now_ms) {
  if (!second_began_ms_ || now_ms - *second_began_ms_ < kSecondMs) return;
  if (left_out_ > 0) write_summary();
  second_began_ms_.reset();
  lines_ = 0;
}

void RateLimitedLog::write_summary() {
  node::log(LogLevel::kWarn, part_, "left out lines of the last second", {{"lines", left_out_}});
  left_out_ = 0;
}

}  // namespace topod::node
