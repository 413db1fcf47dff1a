#include "server/admin/http_server.h"

#include <gmock/gmock.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <atomic>

namespace topod::admin {
namespace {

using asio::ip::tcp;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    auto started =
        HttpServer::start("127.0.0.1", 0, [this](std::string_view path, std::string_view) {
          ++asked_;
          return HttpAnswer{.body = "path " + std::string(path) + "\n"};
        });
    if (started) server_ = std::move(*started);
  }

  // Sends the bytes and returns all that comes back.
  std::string exchange(const std::string& bytes) {
    asio::io_context io;
    tcp::socket socket(io);
    asio::error_code error;
    socket.connect({asio::ip::address_v4::loopback(), server_->port()}, error);
    EXPECT_FALSE(error) << error.message();
    asio::write(socket, asio::buffer(bytes), error);  // it may be cut off before it has all
    socket.shutdown(tcp::socket::shutdown_send, error);
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    return answer;
  }

  std::atomic<int> asked_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersGetWithABodyAndHeadWithout) {
  ASSERT_NE(server_, nullptr);
  EXPECT_NE(server_->port(), 0);
  const std::string got = exchange("GET /a/b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(got, HasSubstr("\r\n\r\npath /a/b\n"));
  const std::string head = exchange("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 7"));
  EXPECT_THAT(head, Not(HasSubstr("path /")));
}

TEST_F(HttpServerTest, OtherMethodsAreRefused) {
  ASSERT_NE(server_, nullptr);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const std::string answer =
        exchange(std::string(method) + " / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(answer, Not(HasSubstr(" 200 "))) << method;
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpServerTest, NoFileIsServedByWhateverPath) {
  ASSERT_NE(server_, nullptr);
  for (const char* path :
       {"/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"}) {
    const std::string answer =
        exchange("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(answer, Not(HasSubstr("root:"))) << path;
  }
}

TEST_F(HttpServerTest, GarbageIsTurnedAwayAndTheServerLives) {
  ASSERT_NE(server_, nullptr);
  const std::string garbage[] = {
      std::string("\x00\x01\x02\xff\xfe", 5) + "\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "BREW / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nBig: " + std::string(100'000, 'y') + "\r\n\r\n",
      "srvr",
      "",
  };
  for (const std::string& bytes : garbage) {
    EXPECT_THAT(exchange(bytes), Not(StartsWith("HTTP/1.1 200"))) << bytes.substr(0, 40);
  }
  EXPECT_THAT(exchange("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, APortThatIsTakenIsAnError) {
  ASSERT_NE(server_, nullptr);
  const auto second =
      HttpServer::start("127.0.0.1", server_->port(),
                        [](std::string_view, std::string_view) { return HttpAnswer{}; });
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr(std::to_string(server_->port())));
}

}  // namespace
}  // namespace topod::admin
