// A small HTTP server that shows things: GET and HEAD, one answer per connection, a few threads.
// Parsing is civetweb's, which serves no files here, for it is given no folder.
//
// The handler is called on the server's threads, several at a time. Whoever sends a request
// slowly is cut off; as many as there are threads can be served at once, others wait.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

struct mg_context;
struct mg_connection;

namespace topod::admin {

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  // `path` is decoded and begins with '/'; `query` is as it came.
  using Handler = std::function<HttpAnswer(std::string_view path, std::string_view query)>;

  // `address` is a numeric one. The error says what failed.
  [[nodiscard]] static tl::expected<std::unique_ptr<HttpServer>, std::string> start(
      const std::string& address, uint16_t port, Handler handler);
  // Waits until no handler is running.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }  // as bound

 private:
  HttpServer(std::string address, Handler handler)
      : address_(std::move(address)), handler_(std::move(handler)) {}
  static int handle(mg_connection* connection, void* self);
  static int note_error(const mg_connection* connection, const char* message);

  std::string address_;
  Handler handler_;
  mg_context* context_ = nullptr;
  uint16_t port_ = 0;
};

// Calls `stop`, which ends civetweb's threads, and returns when it has. The one that waits for
// connections looks up only every two seconds, or when there is one: it gets one.
void stop_listening(const std::string& address, uint16_t port, const std::function<void()>& stop);

// "[::1]:7000", "127.0.0.1:7000": as civetweb and the exposer of the metrics expect it.
[[nodiscard]] std::string listening_address(const std::string& address, uint16_t port);

}  // namespace topod::admin
