#include "tools/bench/report.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace topod::bench {

namespace {

// A generator this busy may be what is measured.
constexpr double kSaturatedShare = 0.9;

double microseconds(double nanoseconds) { return nanoseconds / 1e3; }

std::string describe_shape(const Options& options) {
  if (options.command == Command::kProbeDisk) {
    return fmt::format("{} bytes at once in {}", options.value_bytes, options.directory);
  }
  return fmt::format("{} connections x {}, {}-byte values, {} znodes, {}", options.connections,
                     options.window, options.value_bytes, options.znodes,
                     options.is_open_loop() ? fmt::format("{:.0f}/s offered", options.rate)
                                            : std::string("closed loop"));
}

nlohmann::json to_json(const Options& options) {
  return {{"connections", options.connections},
          {"window", options.window},
          {"threads", options.threads},
          {"value_bytes", options.value_bytes},
          {"znodes", options.znodes},
          {"batch", options.batch},
          {"read_share", options.read_share},
          {"rate", options.rate},
          {"warmup_seconds", options.warmup_seconds},
          {"seed", options.seed}};
}

nlohmann::json to_json(const Histogram& latencies) {
  const auto at = [&](double fraction) {
    return microseconds(static_cast<double>(latencies.percentile(fraction)));
  };
  return {{"count", latencies.count()},
          {"mean", microseconds(latencies.mean())},
          {"p50", at(0.5)},
          {"p99", at(0.99)},
          {"p99.9", at(0.999)},
          {"max", microseconds(static_cast<double>(latencies.max()))}};
}

double cpu_us_per_operation(const RunResult& result, double cpu_share) {
  if (result.answers == 0) return 0;
  return cpu_share * result.seconds * 1e6 / static_cast<double>(result.answers);
}

std::string describe_errors(const RunResult& result) {
  if (result.errors.empty()) return "none";
  std::string text;
  for (const auto& [name, count] : result.errors) {
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", count, name);
  }
  return text;
}

std::string as_text(const Options& options, const RunResult& result) {
  const Histogram& latencies = result.latencies;
  const auto milliseconds = [](Nanoseconds time) { return static_cast<double>(time) / 1e6; };
  std::string text = fmt::format("{}: {}\n", options.command_name, describe_shape(options));
  text += fmt::format("throughput  {:.0f} operations/s over {:.2f} s\n", result.throughput(),
                      result.seconds);
  text +=
      fmt::format("latency ms  p50 {:.3f}  p99 {:.3f}  p99.9 {:.3f}  max {:.3f}\n",
                  milliseconds(latencies.percentile(0.5)), milliseconds(latencies.percentile(0.99)),
                  milliseconds(latencies.percentile(0.999)), milliseconds(latencies.max()));
  if (options.command != Command::kProbeDisk) {
    text += fmt::format("generator   {:.2f} of a core, {:.2f} us per operation{}\n",
                        result.cpu_share, cpu_us_per_operation(result, result.cpu_share),
                        result.busiest_thread_share > kSaturatedShare
                            ? " (saturated: its limit, not the server's)"
                            : "");
  }
  if (options.server_pid > 0) {
    text +=
        fmt::format("server      {:.2f} of a core, {:.2f} us per operation\n",
                    result.server_cpu_share, cpu_us_per_operation(result, result.server_cpu_share));
  }
  text += fmt::format("errors      {}\n", describe_errors(result));
  return text;
}

}  // namespace

std::string describe(const Options& options, const RunResult& result) {
  if (!options.json) return as_text(options, result);
  nlohmann::json json = {
      {"workload", options.command_name},
      {"options", to_json(options)},
      {"seconds", result.seconds},
      {"operations", result.answers},
      {"throughput", result.throughput()},
      {"latency_us", to_json(result.latencies)},
      {"errors", result.errors},
      {"generator",
       {{"cpu_share", result.cpu_share},
        {"busiest_thread_share", result.busiest_thread_share},
        {"saturated", result.busiest_thread_share > kSaturatedShare},
        {"cpu_us_per_operation", cpu_us_per_operation(result, result.cpu_share)}}}};
  if (options.server_pid > 0) {
    json["server"] = {
        {"cpu_share", result.server_cpu_share},
        {"cpu_us_per_operation", cpu_us_per_operation(result, result.server_cpu_share)}};
  }
  return json.dump() + "\n";
}

std::string describe(const Options& options, const FirstRead& result) {
  if (!options.json) {
    return fmt::format("first read of {} answered after {:.3f} s and {} attempts\n", options.path,
                       result.seconds, result.attempts);
  }
  const nlohmann::json json = {{"workload", options.command_name},
                               {"seconds", result.seconds},
                               {"answered_at_monotonic_seconds", result.answered_at},
                               {"attempts", result.attempts}};
  return json.dump() + "\n";
}

}  // namespace topod::bench
