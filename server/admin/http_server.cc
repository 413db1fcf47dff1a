#include "server/admin/http_server.h"

#include <civetweb.h>

#include <chrono>
#include <future>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "server/node/logging.h"

namespace topod::admin {

namespace {

constexpr const char* kThreads = "4";
constexpr const char* kRequestMs = "3000";  // for one to arrive, whole
constexpr const char* kRequestBytes = "8192";

const char* phrase_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

void send(mg_connection* connection, const HttpAnswer& answer, bool with_body) {
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\n"
            "Content-Type: %s\r\n"
            "Content-Length: %zu\r\n"
            "Cache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "%s"
            "Connection: close\r\n\r\n",
            answer.status, phrase_of(answer.status), answer.type.c_str(), answer.body.size(),
            answer.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (with_body) mg_write(connection, answer.body.data(), answer.body.size());
}

}  // namespace

void stop_listening(const std::string& address, uint16_t port, const std::function<void()>& stop) {
  std::future<void> stopped = std::async(std::launch::async, stop);
  asio::error_code error;
  asio::ip::address host = asio::ip::make_address(address, error);
  if (host.is_unspecified()) {
    host = host.is_v6() ? asio::ip::address(asio::ip::address_v6::loopback())
                        : asio::ip::address(asio::ip::address_v4::loopback());
  }
  asio::io_context io;
  while (stopped.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
    asio::ip::tcp::socket socket(io);
    socket.connect({host, port}, error);
  }
}

std::string listening_address(const std::string& address, uint16_t port) {
  const bool is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

tl::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::start(const std::string& address,
                                                                         uint16_t port,
                                                                         Handler handler) {
  std::unique_ptr<HttpServer> server(new HttpServer(address, std::move(handler)));
  const std::string where = listening_address(address, port);
  const char* options[] = {"listening_ports",
                           where.c_str(),
                           "num_threads",
                           kThreads,
                           "request_timeout_ms",
                           kRequestMs,
                           "max_request_size",
                           kRequestBytes,
                           "enable_keep_alive",
                           "no",
                           nullptr};
  mg_init_library(0);
  mg_callbacks callbacks{};
  callbacks.log_message = note_error;
  server->context_ = mg_start(&callbacks, server.get(), options);
  if (server->context_ == nullptr) return tl::unexpected("cannot serve HTTP at " + where);
  mg_server_port bound{};
  if (mg_get_server_ports(server->context_, 1, &bound) == 1) {
    server->port_ = static_cast<uint16_t>(bound.port);
  }
  mg_set_request_handler(server->context_, "**", handle, server.get());
  return server;
}

HttpServer::~HttpServer() {
  if (context_ != nullptr) stop_listening(address_, port_, [this] { mg_stop(context_); });
  mg_exit_library();
}

int HttpServer::handle(mg_connection* connection, void* self) {
  const auto* server = static_cast<const HttpServer*>(self);
  const mg_request_info* info = mg_get_request_info(connection);
  const std::string_view method(info->request_method == nullptr ? "" : info->request_method);
  const bool is_head = method == "HEAD";
  HttpAnswer answer;
  if (method != "GET" && !is_head) {
    answer = {.status = 405, .body = "only GET and HEAD are served\n"};
  } else {
    answer = server->handler_(info->local_uri == nullptr ? "/" : info->local_uri,
                              info->query_string == nullptr ? "" : info->query_string);
  }
  send(connection, answer, !is_head);
  return answer.status;  // dealt with
}

// Clients that break off are no news.
int HttpServer::note_error(const mg_connection*, const char* message) {
  node::log_debug("http", "the HTTP server says", {{"what", message}});
  return 1;
}

}  // namespace topod::admin
