// lock_worker HOSTS QUEUE RESOURCE_PORT NAME SECONDS HOLD_MS STYLE: takes a lock again and again
// and uses what it protects meanwhile: a resource that listens on loopback (resource.py). STYLE is
// kazoo, curator or vitess. Prints "held N times" at the end.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include "tools/client/lock.h"

namespace topod::client {
namespace {

constexpr int32_t kSessionTimeoutMs = 2'000;
constexpr auto kBetweenUses = std::chrono::milliseconds(5);

// Answers each line with "ok" or "stale".
class Resource {
 public:
  explicit Resource(uint16_t port) : socket_(io_) {
    asio::error_code error;
    socket_.connect({asio::ip::address_v4::loopback(), port}, error);
    if (error) std::exit(3);
  }
  bool takes(const std::string& line) {
    asio::error_code error;
    asio::write(socket_, asio::buffer(line + "\n"), error);
    std::string answer;
    asio::read_until(socket_, asio::dynamic_buffer(answer), '\n', error);
    if (error) std::exit(3);
    return answer == "ok\n";
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
};

struct Arguments {
  std::string hosts, queue, name, style;
  uint16_t port = 0;
  std::chrono::steady_clock::time_point until;
  std::chrono::milliseconds hold{0};
};

LockOptions lock_options(const Arguments& arguments) {
  LockOptions options;
  options.path = arguments.queue;
  options.is_queue = arguments.style != "vitess";
  options.style = arguments.style == "kazoo" ? NameStyle::kKazoo : NameStyle::kCurator;
  options.reason = arguments.name;
  options.timeout_ms = 20'000;
  options.on_lost = [](Contender::Reason why) {
    std::cout << "lost: " << name_of(why) << std::endl;
  };
  return options;
}

void use(const Lock& lock, Resource& resource, const Arguments& arguments) {
  const std::string who = arguments.name + " " + std::to_string(lock.token().value());
  const auto enough = std::chrono::steady_clock::now() + arguments.hold;
  bool is_welcome = resource.takes("enter " + who + " " + lock.path());
  while (is_welcome && lock.is_held() && std::chrono::steady_clock::now() < enough) {
    std::this_thread::sleep_for(kBetweenUses);
    is_welcome = resource.takes("use " + who);
  }
  // Who has lost it writes once more, as one who does not look: the resource has to see to it.
  resource.takes((lock.is_held() ? "leave " : "use ") + who);
}

int run(const Arguments& arguments) {
  Resource resource(arguments.port);
  std::unique_ptr<Client> client;
  int held = 0;
  while (std::chrono::steady_clock::now() < arguments.until) {
    if (!client || is_final(client->state())) {
      auto connected =
          Client::connect({.servers = arguments.hosts, .session_timeout_ms = kSessionTimeoutMs});
      if (!connected) continue;
      client = std::move(*connected);
    }
    const auto lock = Lock::acquire(*client, lock_options(arguments));
    if (!lock) {
      std::cout << "not obtained: " << lock.error().text() << std::endl;
      continue;
    }
    ++held;
    use(**lock, resource, arguments);
  }
  std::cout << "held " << held << " times" << std::endl;
  return 0;
}

}  // namespace
}  // namespace topod::client

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  topod::client::Arguments arguments;
  arguments.hosts = argv[1];
  arguments.queue = argv[2];
  arguments.port = static_cast<uint16_t>(std::atoi(argv[3]));
  arguments.name = argv[4];
  arguments.until = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[5]));
  arguments.hold = std::chrono::milliseconds(std::atoi(argv[6]));
  arguments.style = argv[7];
  return topod::client::run(arguments);
}
