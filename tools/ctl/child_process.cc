#include "tools/ctl/child_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace topod::ctl {

namespace {

constexpr timespec kLook = {0, 20'000'000};
constexpr int kLooksBeforeKill = 250;  // five seconds

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

}  // namespace

HeldSignals::HeldSignals() {
  sigemptyset(&held_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&held_, signal);
  pthread_sigmask(SIG_BLOCK, &held_, &before_);
}

HeldSignals::~HeldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool HeldSignals::pending() const {
  sigset_t waiting;
  sigpending(&waiting);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    if (sigismember(&waiting, signal) == 1) return true;
  }
  return false;
}

std::optional<int> HeldSignals::exit_code() const {
  sigset_t ending = held_;
  sigdelset(&ending, SIGCHLD);
  constexpr timespec kNoWait = {};
  const int signal = sigtimedwait(&ending, nullptr, &kNoWait);
  if (signal <= 0) return std::nullopt;
  return 128 + signal;
}

Result<int> HeldSignals::run(const std::vector<std::string>& command,
                             const std::map<std::string, std::string>& environment,
                             const std::function<bool()>& must_stop) const {
  std::vector<std::string> words = command;
  std::vector<std::string> variables = environment_with(environment);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &before_);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int error = posix_spawnp(&child, words.front().c_str(), nullptr, &attributes,
                                 pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return failure(ExitCode::kUsage, command.front() + ": " + std::strerror(error));
  }
  int looks_since_stop = -1;
  while (true) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    const int signal = sigtimedwait(&held_, nullptr, &kLook);
    // From a terminal it has had ^C itself; once more does no harm.
    if (signal > 0 && signal != SIGCHLD) kill(child, signal);
    if (looks_since_stop >= 0) ++looks_since_stop;
    if (looks_since_stop == kLooksBeforeKill) kill(child, SIGKILL);
    if (looks_since_stop < 0 && must_stop()) {
      kill(child, SIGTERM);
      looks_since_stop = 0;
    }
  }
}

}  // namespace topod::ctl
