// The service manager that has started this process, systemd, as far as it wants to be told: when
// the service is ready, what it does, when it stops. See sd_notify(3). Any one thread.
#pragma once

#include <string>
#include <string_view>

namespace topod::node {

class ServiceManager {
 public:
  // `socket` is a path or, after an @, an abstract name; empty: nobody wants to be told.
  explicit ServiceManager(std::string socket) : socket_(std::move(socket)) {}
  // The one that the environment names, which processes that this one starts do not see.
  static ServiceManager of_environment();

  // Lines such as READY=1. Never waits; what cannot be delivered is lost.
  void tell(std::string_view lines) const;

 private:
  std::string socket_;
};

}  // namespace topod::node
