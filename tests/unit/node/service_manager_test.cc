#include "server/node/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/storage/temporary_folder.h"

namespace topod::node {
namespace {

using storage::TemporaryFolder;

// A datagram socket in the place of systemd's. `name` as in NOTIFY_SOCKET.
class Listener {
 public:
  explicit Listener(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    bound_ = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), bytes) == 0;
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] bool bound() const { return bound_; }
  // The next datagram that is there already; empty: none.
  std::string take() {
    std::array<char, 256> datagram{};
    const ssize_t got = ::recv(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT);
    return got < 0 ? "" : std::string(datagram.data(), static_cast<size_t>(got));
  }

 private:
  int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool bound_ = false;
};

TEST(ServiceManager, IsToldAtItsPath) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/notify";
  Listener listener(path);
  ASSERT_TRUE(listener.bound());
  const ServiceManager manager(path);
  manager.tell("READY=1\nSTATUS=leading");
  manager.tell("STOPPING=1");
  EXPECT_EQ(listener.take(), "READY=1\nSTATUS=leading");
  EXPECT_EQ(listener.take(), "STOPPING=1");
  EXPECT_EQ(listener.take(), "");
}

TEST(ServiceManager, IsToldAtItsAbstractName) {
  const std::string name = "@topod-test-" + std::to_string(::getpid());
  Listener listener(name);
  ASSERT_TRUE(listener.bound());
  ServiceManager(name).tell("READY=1");
  EXPECT_EQ(listener.take(), "READY=1");
}

TEST(ServiceManager, WhereNobodyListensNothingHappens) {
  ServiceManager("").tell("READY=1");
  ServiceManager(std::string(1'000, 'a')).tell("READY=1");
  const TemporaryFolder folder;
  ServiceManager(folder.path() + "/nobody").tell("READY=1");
}

TEST(ServiceManager, IsThatOfTheEnvironmentAndNotHandedOn) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/notify";
  Listener listener(path);
  ASSERT_TRUE(listener.bound());
  ASSERT_EQ(::setenv("NOTIFY_SOCKET", path.c_str(), 1), 0);
  ServiceManager::of_environment().tell("READY=1");
  EXPECT_EQ(listener.take(), "READY=1");
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  ServiceManager::of_environment().tell("READY=1");
  EXPECT_EQ(listener.take(), "");
}

}  // namespace
}  // namespace topod::node
