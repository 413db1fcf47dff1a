#include "tests/sim/runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "proto/mutants.h"
#include "tests/sim/simulation.h"

namespace topod::sim {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kRepeatEvery = 100;
constexpr int kHungAfterCoreSeconds = 180;
constexpr auto kProgressEvery = std::chrono::seconds(10);

// What a worker tells about one seed. Written to a pipe in one piece.
struct Report {
  enum class Kind : uint32_t { kBegun, kGood, kViolated, kNotRepeatable };
  Kind kind = Kind::kBegun;
  uint64_t seed = 0;
  int64_t simulated_us = 0;
  uint64_t entries = 0;
  uint64_t writes = 0;
  uint64_t reads = 0;
  uint64_t locks = 0;
  char text[320] = {};
};
static_assert(sizeof(Report) <= 512, "written in one piece");  // PIPE_BUF

void tell(int pipe, const Report& report) {
  if (::write(pipe, &report, sizeof report) != sizeof report) std::_Exit(2);
}

// A world that takes longer is ended by the kernel. How busy the machine is does not matter.
void give_core_seconds(int seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

[[noreturn]] void work(int pipe, uint64_t first, const Runs& runs) {
  const SimulationOptions options{.members = runs.members, .locks = runs.locks, .trace = nullptr};
  for (uint64_t seed = first; seed <= runs.last; seed += runs.jobs) {
    Report report;
    report.seed = seed;
    tell(pipe, report);
    give_core_seconds(kHungAfterCoreSeconds);
    const Outcome outcome = simulate(seed, options);
    report.kind = Report::Kind::kGood;
    report.simulated_us = outcome.simulated_us;
    report.entries = outcome.entries;
    report.writes = outcome.writes;
    report.reads = outcome.reads;
    report.locks = outcome.locks;
    if (outcome.violation) {
      report.kind = Report::Kind::kViolated;
      std::snprintf(report.text, sizeof report.text, "%s: %s [%s]",
                    outcome.violation->oracle.c_str(), outcome.violation->what.c_str(),
                    outcome.shape.c_str());
    } else if (seed % kRepeatEvery == 0 &&
               simulate(seed, options).trace_hash != outcome.trace_hash) {
      report.kind = Report::Kind::kNotRepeatable;
      std::snprintf(report.text, sizeof report.text, "two runs have different traces");
    }
    tell(pipe, report);
  }
  std::_Exit(0);
}

class Runner {
 public:
  explicit Runner(const Runs& runs, bool is_silent = false) : runs_(runs), is_silent_(is_silent) {}

  [[nodiscard]] const std::map<uint64_t, std::string>& failures() const { return failures_; }
  [[nodiscard]] uint64_t done() const { return done_; }

  bool run() {
    for (uint32_t job = 0; job < runs_.jobs; ++job) start(runs_.first + job);
    while (!workers_.empty() && !is_enough()) listen();
    for (const Worker& worker : workers_) ::kill(worker.process, SIGKILL);
    for (const Worker& worker : workers_) ::waitpid(worker.process, nullptr, 0);
    if (!is_silent_) summarize();
    return failures_.empty() && done_ == runs_.last - runs_.first + 1;
  }

 private:
  struct Worker {
    pid_t process = 0;
    int pipe = -1;
    uint64_t seed = 0;  // under way, or the next
  };

  [[nodiscard]] bool is_enough() const {
    return runs_.failures_max > 0 && failures_.size() >= runs_.failures_max;
  }

  void start(uint64_t seed) {
    if (seed > runs_.last) return;
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    std::fflush(nullptr);
    const pid_t process = ::fork();
    if (process == 0) {
      ::close(ends[0]);
      work(ends[1], seed, runs_);
    }
    ::close(ends[1]);
    workers_.push_back({process, ends[0], seed});
  }

  void listen() {
    std::vector<pollfd> waits;
    for (const Worker& worker : workers_) waits.push_back({worker.pipe, POLLIN, 0});
    ::poll(waits.data(), waits.size(), 1'000);
    std::vector<Worker> gone;
    for (size_t i = 0; i < waits.size(); ++i) {
      Worker& worker = workers_[i];
      if (waits[i].revents != 0 && !hear(worker)) gone.push_back(worker);
    }
    for (const Worker& worker : gone) bury(worker);
    show_progress();
  }

  bool hear(Worker& worker) {
    Report report;
    if (::read(worker.pipe, &report, sizeof report) != sizeof report) return false;
    worker.seed = report.seed;
    if (report.kind == Report::Kind::kBegun) return true;
    ++done_;
    worker.seed += runs_.jobs;
    simulated_us_ += report.simulated_us;
    entries_ += report.entries;
    writes_ += report.writes;
    reads_ += report.reads;
    locks_ += report.locks;
    if (report.kind != Report::Kind::kGood) failed(report.seed, report.text);
    return true;
  }

  void bury(const Worker& worker) {
    int status = 0;
    ::waitpid(worker.process, &status, 0);
    ::close(worker.pipe);
    std::erase_if(workers_, [&](const Worker& other) { return other.process == worker.process; });
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    ++done_;
    const bool was_hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF;
    failed(worker.seed, was_hung ? "it does not come to an end" : "the process died: see above");
    start(worker.seed + runs_.jobs);
  }

  void failed(uint64_t seed, const std::string& why) {
    failures_[seed] = why;
    if (is_silent_) return;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), why.c_str());
    std::fflush(stdout);
  }

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - began_).count();
  }
  [[nodiscard]] double simulated_seconds() const {
    return static_cast<double>(simulated_us_) / 1e6;
  }
  // Of a core, used by the workers that have ended. Other programs have no part in it.
  static double core_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds_of = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return std::max(seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), 1e-3);
  }

  void show_progress() {
    if (is_silent_ || Clock::now() - shown_ < kProgressEvery) return;
    shown_ = Clock::now();
    std::printf("%llu of %llu seeds, %zu failed, %.0fx real time\n",
                static_cast<unsigned long long>(done_),
                static_cast<unsigned long long>(runs_.last - runs_.first + 1), failures_.size(),
                simulated_seconds() / seconds());
    std::fflush(stdout);
  }

  void summarize() const {
    std::printf(
        "%llu seeds: %llu passed, %zu failed; %.1f simulated hours in %.0f s (%.0f s of a core: "
        "%.0fx real time); %llu entries, %llu writes and %llu reads checked, locks used %llu "
        "times\n",
        static_cast<unsigned long long>(done_),
        static_cast<unsigned long long>(done_ - failures_.size()), failures_.size(),
        simulated_seconds() / 3'600, seconds(), core_seconds(),
        simulated_seconds() / core_seconds(), static_cast<unsigned long long>(entries_),
        static_cast<unsigned long long>(writes_), static_cast<unsigned long long>(reads_),
        static_cast<unsigned long long>(locks_));
    for (const auto& [seed, why] : failures_) {
      std::printf("  failed: seed %llu: %s\n", static_cast<unsigned long long>(seed), why.c_str());
    }
  }

  Runs runs_;
  bool is_silent_;
  std::vector<Worker> workers_;
  std::map<uint64_t, std::string> failures_;
  uint64_t done_ = 0;
  int64_t simulated_us_ = 0;
  uint64_t entries_ = 0;
  uint64_t writes_ = 0;
  uint64_t reads_ = 0;
  uint64_t locks_ = 0;
  Clock::time_point began_ = Clock::now();
  Clock::time_point shown_ = Clock::now();
};

}  // namespace

bool run_seeds(const Runs& runs) { return Runner(runs).run(); }

bool run_mutants(const Runs& runs, const std::string& only) {
  size_t found = 0;
  size_t tried = 0;
  for (const MutantText& text : kMutants) {
    if (!only.empty() && text.name != only) continue;
    ++tried;
    active_mutant = text.mutant;
    Runs until_found = runs;
    until_found.failures_max = 1;
    Runner runner(until_found, true);
    static_cast<void>(runner.run());
    const bool is_found = !runner.failures().empty();
    found += is_found ? 1 : 0;
    const std::string by = is_found ? "seed " + std::to_string(runner.failures().begin()->first) +
                                          ": " + runner.failures().begin()->second
                                    : "NOT FOUND";
    std::printf("%s (%s) after %llu seeds: %s\n", std::string(text.name).c_str(),
                std::string(text.bug).c_str(), static_cast<unsigned long long>(runner.done()),
                by.c_str());
    std::fflush(stdout);
  }
  std::printf("%zu of %zu mutants found\n", found, tried);
  return tried > 0 && found == tried;
}

}  // namespace topod::sim
