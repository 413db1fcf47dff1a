#include "server/net/peer_acceptor.h"

#include <chrono>
#include <utility>

#include <asio/ip/v6_only.hpp>

#include "server/node/logging.h"

namespace topod::net {

using asio::ip::tcp;

namespace {
// Out of descriptors: some connection has to go before another one can be taken.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
}  // namespace

std::string text_of(const node::HostPort& address) {
  const bool bracketed = address.host.find(':') != std::string::npos;
  return (bracketed ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string text_of(const tcp::endpoint& endpoint) {
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return text_of(node::HostPort{address.to_string(), endpoint.port()});
}

tl::expected<tcp::endpoint, std::string> PeerAcceptor::find(const node::HostPort& address) {
  if (address.host.empty()) return tcp::endpoint(tcp::v6(), address.port);
  asio::error_code error;
  const asio::ip::address literal = asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(literal, address.port);
  tcp::resolver resolver(io_);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty()) {
    return tl::unexpected("cannot resolve " + address.host +
                          " to listen for other members: " + error.message());
  }
  return found.begin()->endpoint();
}

tl::expected<void, std::string> PeerAcceptor::listen(const node::HostPort& address) {
  auto endpoint = find(address);
  if (!endpoint) return tl::unexpected(endpoint.error());
  asio::error_code error;
  acceptor_.open(endpoint->protocol(), error);
  if (error && address.host.empty()) {  // a machine without IPv6
    endpoint = tcp::endpoint(tcp::v4(), address.port);
    acceptor_.open(endpoint->protocol(), error);
  }
  const auto failed = [&](const char* what) {
    return tl::unexpected(std::string(what) + " " + text_of(*endpoint) +
                          " for other members: " + error.message());
  };
  if (error) return failed("cannot open a socket at");
  asio::error_code ignored;
  acceptor_.set_option(tcp::acceptor::reuse_address(true), ignored);
  if (address.host.empty() && endpoint->address().is_v6()) {
    acceptor_.set_option(asio::ip::v6_only(false), ignored);
  }
  acceptor_.bind(*endpoint, error);
  if (error) return failed("cannot bind to");
  acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return failed("cannot listen at");
  acceptor_.non_blocking(true, ignored);
  port_ = acceptor_.local_endpoint(ignored).port();
  return {};
}

void PeerAcceptor::start(Accepted accepted) {
  accepted_ = std::move(accepted);
  accept();
}

void PeerAcceptor::stop() {
  asio::error_code ignored;
  acceptor_.close(ignored);
  timer_.cancel();
}

void PeerAcceptor::accept() {
  acceptor_.async_accept(peer_, [this](const asio::error_code& error, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (!error) accepted_(std::move(socket), text_of(peer_));
    if (!error || error == asio::error::connection_aborted) {
      if (acceptor_.is_open()) accept();
      return;
    }
    node::log_warn("peer", "cannot accept connections for a moment", {{"why", error.message()}});
    timer_.expires_after(kAcceptPause);
    timer_.async_wait([this](const asio::error_code& timer_error) {
      if (!timer_error && acceptor_.is_open()) accept();
    });
  });
}

}  // namespace topod::net
