// Runs a command in our place: it has our terminal and our signals, and is ended if what it relies
// on is gone. One at a time. Clients' threads take no signals, so it may be prepared after them.
#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/ctl/result.h"

namespace topod::ctl {

// While it lives, signals that would end us wait for `run` or `exit_code`, in this thread and in
// those started meanwhile. So whoever waits for a lock can leave the queue, and whoever has a
// session can close it.
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
  // One has come that would have ended us.
  [[nodiscard]] bool pending() const;
  // Takes it: what to end with, 128 and more. The next one ends us at once.
  [[nodiscard]] std::optional<int> exit_code() const;

 private:
  sigset_t held_{};
  sigset_t before_{};
};

}  // namespace topod::ctl
