// Runs a command in our place: it has our terminal and our signals, and is ended if what it relies
// on is gone. One at a time; to be prepared before any thread is started.
#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tools/ctl/result.h"

namespace topod::ctl {

// While it lives, signals that would end us wait for `run`, in this thread and in those started
// meanwhile.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // Runs the command with these additions to the environment until it ends; its exit status, 128
  // and more if a signal ended it. A signal for us is given to it. When `must_stop` turns true it
  // is asked to end, and killed if it has not within five seconds.
  [[nodiscard]] Result<int> run(const std::vector<std::string>& command,
                                const std::map<std::string, std::string>& environment,
                                const std::function<bool()>& must_stop) const;
  // Whether one has come that would have ended us.
  [[nodiscard]] bool pending() const;

 private:
  sigset_t held_{};
  sigset_t before_{};
};

}  // namespace topod::ctl
