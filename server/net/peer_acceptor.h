// One listening socket for other members. Loop thread only.
//
// Running out of descriptors pauses accepting for a moment; it never ends the server. Handlers may
// be queued after `stop`; the object must live until the loop has run them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "server/node/address.h"

namespace topod::net {

class PeerAcceptor {
 public:
  // `address` is that of the connecting end.
  using Accepted = std::function<void(asio::ip::tcp::socket socket, const std::string& address)>;

  explicit PeerAcceptor(asio::io_context& io) : io_(io), acceptor_(io), timer_(io) {}

  // An empty host is every address of this machine, port 0 one that the kernel picks. The error
  // says which address and why.
  [[nodiscard]] tl::expected<void, std::string> listen(const node::HostPort& address);
  void start(Accepted accepted);
  void stop();
  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  void accept();
  [[nodiscard]] tl::expected<asio::ip::tcp::endpoint, std::string> find(
      const node::HostPort& address);

  asio::io_context& io_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  asio::ip::tcp::endpoint peer_;  // of the connection being accepted
  Accepted accepted_;
  uint16_t port_ = 0;
};

// host:port, an IPv6 address in brackets.
[[nodiscard]] std::string text_of(const node::HostPort& address);
[[nodiscard]] std::string text_of(const asio::ip::tcp::endpoint& endpoint);

}  // namespace topod::net
