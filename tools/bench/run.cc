#include "tools/bench/run.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <thread>

#include <fmt/core.h>

#include "tools/bench/idle_driver.h"
#include "tools/bench/lock_driver.h"
#include "tools/bench/preparation.h"
#include "tools/bench/request_driver.h"
#include "tools/bench/session_driver.h"
#include "tools/bench/watch_driver.h"
#include "tools/bench/workload.h"

namespace topod::bench {

namespace {

constexpr Nanoseconds kOpenPatience = 60 * kSecond;
constexpr Nanoseconds kDrainPatience = 10 * kSecond;
constexpr Nanoseconds kClosePatience = 10 * kSecond;
// Longest sleep of a thread, so that it notices an interruption.
constexpr Nanoseconds kSleepMax = 100 * kMillisecond;
constexpr unsigned long kTimerSlackNanoseconds = 5'000;

std::atomic<bool> interrupted{false};

Nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return 0;
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + time.tv_nsec;
}

struct CpuTimes {
  Nanoseconds own = 0;
  Nanoseconds server = 0;
};

CpuTimes cpu_times(const Options& options) {
  CpuTimes times;
  times.own = read_clock(CLOCK_THREAD_CPUTIME_ID);
  clockid_t server_clock{};
  if (options.server_pid > 0 && clock_getcpuclockid(options.server_pid, &server_clock) == 0) {
    times.server = read_clock(server_clock);
  }
  return times;
}

// When the run began and how long it is measured; agreed by all threads once all have connected.
struct Schedule {
  Nanoseconds start = 0;
  Nanoseconds measure_from = 0;
  Nanoseconds until = 0;
};

Schedule schedule_from(const Options& options, Nanoseconds start) {
  Schedule schedule;
  schedule.start = start;
  schedule.measure_from = start + from_seconds(options.warmup_seconds);
  schedule.until = schedule.measure_from + from_seconds(options.seconds);
  return schedule;
}

std::unique_ptr<Driver> make_driver(const Share& share, uint64_t first_connection) {
  switch (share.options.command) {
    case Command::kSessions: return std::make_unique<SessionDriver>(share);
    case Command::kWatches: return std::make_unique<WatchDriver>(share);
    case Command::kIdle: return std::make_unique<IdleDriver>(share);
    case Command::kContendedLocks: return std::make_unique<LockDriver>(share);
    default:
      return std::make_unique<RequestDriver>(share, make_workload(share.options, share.thread),
                                             first_connection);
  }
}

class Worker {
 public:
  Worker(const Options& options, uint32_t thread)
      : share_{options, loop_, recorder_, thread, connections_of(options, thread)},
        driver_(make_driver(share_, connections_before(options, thread))) {}

  // Connects; false when time ran out.
  bool open() {
    prctl(PR_SET_TIMERSLACK, kTimerSlackNanoseconds);
    driver_->open();
    return turn_until([this] { return driver_->is_open(); }, monotonic_now() + kOpenPatience);
  }

  void run(const Schedule& schedule) {
    recorder_.measure(schedule.measure_from, schedule.until);
    driver_->start(schedule.start, schedule.until);
    turn_until([] { return false; }, schedule.measure_from);
    const CpuTimes before = cpu_times(share_.options);
    const Nanoseconds began = monotonic_now();
    turn_until([this] { return driver_->is_finished(); }, schedule.until);
    const Nanoseconds ended = monotonic_now();
    const CpuTimes after = cpu_times(share_.options);
    cpu_wall_ = std::max<Nanoseconds>(1, ended - began);
    cpu_ = {after.own - before.own, after.server - before.server};
    // What is answered while the run drains is not of the measured time, not even when an
    // interruption has cut that short.
    const Nanoseconds until = std::min(ended, schedule.until);
    measured_ = std::max<Nanoseconds>(1, until - schedule.measure_from);
    recorder_.measure(schedule.measure_from, until);
    finish();
  }

  [[nodiscard]] const Recorder& recorder() const { return recorder_; }
  [[nodiscard]] Nanoseconds measured() const { return measured_; }
  [[nodiscard]] double cpu_share() const { return share_of_core(cpu_.own); }
  [[nodiscard]] double server_cpu_share() const { return share_of_core(cpu_.server); }

 private:
  static uint32_t connections_of(const Options& options, uint32_t thread) {
    return options.connections / options.threads +
           (thread < options.connections % options.threads ? 1 : 0);
  }
  static uint64_t connections_before(const Options& options, uint32_t thread) {
    uint64_t before = 0;
    for (uint32_t i = 0; i < thread; ++i) before += connections_of(options, i);
    return before;
  }

  [[nodiscard]] double share_of_core(Nanoseconds cpu) const {
    return static_cast<double>(cpu) / static_cast<double>(cpu_wall_);
  }

  void finish() {
    driver_->stop();
    turn_until([this] { return driver_->is_drained(); }, monotonic_now() + kDrainPatience);
    recorder_.failed("unanswered at the end", driver_->unanswered());
    driver_->close();
    turn_until([this] { return driver_->is_closed(); }, monotonic_now() + kClosePatience);
  }

  template <class Condition>
  bool turn_until(Condition condition, Nanoseconds deadline) {
    bool was_interrupted = interrupted.load(std::memory_order_relaxed);
    while (!condition()) {
      const Nanoseconds now = monotonic_now();
      if (now >= deadline) return false;
      driver_->pump(now);
      const Nanoseconds wake = std::min(deadline, driver_->next_pump(now));
      loop_.turn(std::min(wake - now, kSleepMax));
      // What begins after an interruption still gets its time: draining and closing.
      if (!was_interrupted && interrupted.load(std::memory_order_relaxed)) return false;
    }
    return true;
  }

  EventLoop loop_;
  Recorder recorder_;
  const Share share_;
  const std::unique_ptr<Driver> driver_;
  Nanoseconds measured_ = 1;
  CpuTimes cpu_;
  Nanoseconds cpu_wall_ = 1;  // the time in which cpu_ was used: the measured one, nearly
};

void show_progress(const std::deque<Worker>& workers, const std::atomic<uint32_t>& running) {
  constexpr int kChecksPerLine = 20;
  const bool on_terminal = isatty(STDERR_FILENO) != 0;
  uint64_t before = 0;
  for (int check = 1; running.load() > 0; ++check) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (!on_terminal || check % kChecksPerLine != 0) continue;
    uint64_t answered = 0;
    for (const Worker& worker : workers) answered += worker.recorder().answered_so_far();
    fmt::print(stderr, "\r{:4} s {:12} operations/s ", check / kChecksPerLine, answered - before);
    std::fflush(stderr);
    before = answered;
  }
  if (on_terminal) fmt::print(stderr, "\r{:40}\r", "");
}

RunResult sum_up(const std::deque<Worker>& workers) {
  RunResult result;
  for (const Worker& worker : workers) {
    const Recorder& recorder = worker.recorder();
    result.seconds = std::max(result.seconds, to_seconds(worker.measured()));
    result.answers += recorder.answers();
    result.latencies.merge(recorder.latencies());
    result.cpu_share += worker.cpu_share();
    result.busiest_thread_share = std::max(result.busiest_thread_share, worker.cpu_share());
    result.server_cpu_share = std::max(result.server_cpu_share, worker.server_cpu_share());
    for (const auto& [name, count] : recorder.errors()) result.errors[name] += count;
  }
  return result;
}

}  // namespace

tl::expected<RunResult, std::string> run_prepared(const Options& options) {
  std::deque<Worker> workers;
  for (uint32_t i = 0; i < options.threads; ++i) workers.emplace_back(options, i);

  Schedule schedule;
  std::atomic<bool> all_open{true};
  std::atomic<uint32_t> running{options.threads};
  std::barrier all_connected(
      options.threads, [&]() noexcept { schedule = schedule_from(options, monotonic_now()); });
  std::vector<std::thread> threads;
  threads.reserve(workers.size());
  for (Worker& worker : workers) {
    threads.emplace_back([&] {
      if (!worker.open()) all_open = false;
      all_connected.arrive_and_wait();
      if (all_open) worker.run(schedule);
      --running;
    });
  }
  show_progress(workers, running);
  for (std::thread& thread : threads) thread.join();
  if (!all_open) return tl::unexpected(options.servers + ": not all connections were accepted");
  return sum_up(workers);
}

tl::expected<RunResult, std::string> run_workload(const Options& options) {
  Preparation preparation(options);
  if (auto outcome = preparation.connect(); !outcome) return tl::unexpected(outcome.error());
  if (auto outcome = preparation.prepare(); !outcome) return tl::unexpected(outcome.error());
  preparation.disconnect();

  auto result = run_prepared(options);
  if (result && options.command == Command::kLoad && result->answers < options.znodes) {
    result->errors["not created in time"] += options.znodes - result->answers;
  }
  if (options.keep) return result;

  Preparation cleaning(options);
  auto outcome = cleaning.connect();
  if (outcome) outcome = cleaning.clean_up();
  cleaning.disconnect();
  if (!outcome && result) ++result->errors["not cleaned up (" + outcome.error() + ")"];
  return result;
}

void end_runs_at_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace topod::bench
