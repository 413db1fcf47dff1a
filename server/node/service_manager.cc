#include "server/node/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace topod::node {

ServiceManager ServiceManager::of_environment() {
  constexpr const char* kVariable = "NOTIFY_SOCKET";
  const char* socket = std::getenv(kVariable);
  ServiceManager manager(socket == nullptr ? "" : socket);
  ::unsetenv(kVariable);
  return manager;
}

void ServiceManager::tell(std::string_view lines) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::copy(socket_.begin(), socket_.end(), address.sun_path);
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const auto address_bytes =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  ::sendto(fd, lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
           address_bytes);
  ::close(fd);
}

}  // namespace topod::node
