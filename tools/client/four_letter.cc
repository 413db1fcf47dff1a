#include "tools/client/four_letter.h"

#include <optional>

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

namespace topod::client {

tl::expected<std::string, std::string> four_letter_word(const Address& server,
                                                        std::string_view word,
                                                        std::chrono::milliseconds timeout) {
  asio::io_context io;
  asio::ip::tcp::resolver resolver(io);
  asio::ip::tcp::socket socket(io);
  std::string answer;
  const std::string question(word);
  std::optional<std::string> outcome;
  const auto fails = [&](const char* what, asio::error_code error) {
    if (error) outcome = std::string(what) + ": " + error.message();
    return static_cast<bool>(error);
  };
  resolver.async_resolve(server.host, server.port, [&](asio::error_code error, auto endpoints) {
    if (fails("resolve", error)) return;
    asio::async_connect(socket, endpoints, [&](asio::error_code failed, const auto&) {
      if (fails("connect", failed)) return;
      asio::async_write(socket, asio::buffer(question), [&](asio::error_code unsent, size_t) {
        if (fails("send", unsent)) return;
        asio::async_read(socket, asio::dynamic_buffer(answer), asio::transfer_all(),
                         [&](asio::error_code end, size_t) {
                           if (end != asio::error::eof && fails("receive", end)) return;
                           outcome = "";
                         });
      });
    });
  });
  io.run_for(timeout);
  if (!outcome) return tl::unexpected(server.text() + ": no answer in time");
  if (!outcome->empty()) return tl::unexpected(server.text() + ": " + *outcome);
  return answer;
}

}  // namespace topod::client
