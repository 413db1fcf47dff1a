#include "tools/client/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include "proto/frame.h"
#include "proto/records.h"

namespace topod::client {
namespace {

// Grants one session, and answers nothing until that is closed.
class QuietServer {
 public:
  QuietServer() : thread_([this] { serve(); }) {}
  ~QuietServer() { thread_.join(); }
  [[nodiscard]] std::string address() const {
    return "127.0.0.1:" + std::to_string(listener_.local_endpoint().port());
  }

 private:
  void serve() {
    asio::error_code error;
    asio::ip::tcp::socket socket(io_);
    listener_.accept(socket, error);
    read_frame(socket, error);
    std::string answer;
    const size_t place = begin_frame(answer);
    JuteWriter out(answer);
    const std::string password(kPasswordBytes, 'p');
    ConnectResponse{0, 30'000, 7, password, true, false}.write(out);
    end_frame(answer, place);
    if (!error) asio::write(socket, asio::buffer(answer), error);
    while (!error) {
      const std::string frame = read_frame(socket, error);
      JuteReader in(frame);
      RequestHeader header;
      header.read(in);
      if (header.op == static_cast<int32_t>(OpCode::kCloseSession)) return;
    }
  }
  static std::string read_frame(asio::ip::tcp::socket& socket, asio::error_code& error) {
    std::string frame(kFrameHeaderBytes, '\0');
    if (!error) asio::read(socket, asio::buffer(frame), error);
    JuteReader in(frame);
    frame.assign(static_cast<size_t>(error ? 0 : in.read_int()), '\0');
    if (!error) asio::read(socket, asio::buffer(frame), error);
    return frame;
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor listener_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

TEST(Lock, OneClientStandsInAQueueOnce) {
  const QuietServer server;
  auto client = Client::connect({.servers = server.address()});
  ASSERT_TRUE(client) << client.error().text();
  // As long as this one may stand there.
  ASSERT_TRUE((*client)->take_queue("/ks/locks"));
  const auto second = Lock::acquire(**client, {.path = "/ks"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().failure, Failure::kBadArgument);
  EXPECT_THAT(second.error().text(), testing::HasSubstr("/ks/locks"));
  const auto candidate = Lock::lead(**client, {.queue = "/ks/locks", .id = "x"});
  ASSERT_FALSE(candidate);
  EXPECT_EQ(candidate.error().failure, Failure::kBadArgument);
}

TEST(Client, SaysWhyNoServerWasReached) {
  asio::io_context io;
  // Bound and not listening: nobody else gets this port, and whoever connects is refused.
  asio::ip::tcp::socket bound(io, asio::ip::tcp::v4());
  bound.bind({asio::ip::address_v4::loopback(), 0});
  const std::string address = "127.0.0.1:" + std::to_string(bound.local_endpoint().port());
  const auto client = Client::connect({.servers = address, .call_timeout_ms = 200});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().failure, Failure::kNotSent);
  EXPECT_THAT(client.error().detail, testing::HasSubstr(address));
  EXPECT_THAT(client.error().detail, testing::HasSubstr("refused"));
}

}  // namespace
}  // namespace topod::client
