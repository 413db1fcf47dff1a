#include "server/net/peer_dialer.h"

#include <chrono>
#include <utility>

#include "proto/check.h"
#include "server/net/peer_acceptor.h"
#include "server/net/peer_options.h"

namespace topod::net {

using asio::ip::tcp;

PeerDialer::PeerDialer(asio::io_context& io, std::vector<node::HostPort> addresses,
                       std::string dial_from, Events events)
    : io_(io),
      addresses_(std::move(addresses)),
      known_(addresses_.size()),
      dial_from_(std::move(dial_from)),
      events_(std::move(events)),
      resolver_(io),
      socket_(io),
      timer_(io) {}

void PeerDialer::dial() {
  CHECK(!busy_);
  busy_ = true;
  why_ = "no address is configured";
  address_ = 0;
  resolve();
}

void PeerDialer::cancel() {
  busy_ = false;
  ++step_;
  timer_.cancel();
  resolver_.cancel();
  asio::error_code ignored;
  socket_.close(ignored);
}

void PeerDialer::next(const std::string& why) {
  if (!busy_) return;
  why_ = why;
  connect();
}

void PeerDialer::next_address() {
  ++address_;
  resolve();
}

void PeerDialer::resolve() {
  if (address_ == addresses_.size()) {
    busy_ = false;
    events_.failed(why_);
    return;
  }
  const node::HostPort& wanted = addresses_[address_];
  asio::error_code error;
  const asio::ip::address literal = asio::ip::make_address(wanted.host, error);
  if (!error) {
    // Spares the resolver's thread, which another member's name may keep busy.
    resolved({tcp::endpoint(literal, wanted.port)}, {});
    return;
  }
  const uint64_t step = ++step_;
  resolver_.async_resolve(
      wanted.host, std::to_string(wanted.port),
      [this, step](const asio::error_code& failure, const tcp::resolver::results_type& results) {
        if (step != step_) return;
        Endpoints endpoints;
        for (const auto& result : results) {
          endpoints.push_back(result.endpoint());
        }
        resolved(std::move(endpoints), failure ? failure.message() : "");
      });
  time_out_after_ms(kPeerConnectMs, [this] {
    resolver_.cancel();
    resolved({}, "the name service does not answer");
  });
}

void PeerDialer::resolved(Endpoints endpoints, const std::string& why) {
  ++step_;
  timer_.cancel();
  if (endpoints.empty()) {
    why_ = "cannot resolve " + addresses_[address_].host + ": " + why;
  } else {
    known_[address_] = std::move(endpoints);
  }
  endpoints_ = known_[address_];
  endpoint_ = 0;
  connect();
}

void PeerDialer::connect() {
  asio::error_code error;
  socket_.close(error);
  if (endpoint_ == endpoints_.size()) {
    next_address();
    return;
  }
  const tcp::endpoint endpoint = endpoints_[endpoint_++];
  const std::string address = text_of(endpoint);
  error = open_socket(endpoint);
  if (error) {
    why_ = "cannot connect to " + address + ": " + error.message();
    connect();
    return;
  }
  const uint64_t step = ++step_;
  const auto failed = [this, address](const std::string& why) {
    why_ = "cannot connect to " + address + ": " + why;
    connect();
  };
  socket_.async_connect(endpoint, [this, step, address, failed](const asio::error_code& failure) {
    if (step != step_) return;
    ++step_;
    timer_.cancel();
    asio::error_code ignored;
    if (failure) {
      failed(failure.message());
    } else if (socket_.local_endpoint(ignored) == socket_.remote_endpoint(ignored)) {
      // On one machine the kernel may pick the very port that nobody listens on.
      failed("connected to itself");
    } else {
      events_.connected(std::move(socket_), address);
    }
  });
  time_out_after_ms(kPeerConnectMs, [failed] { failed("no answer"); });
}

asio::error_code PeerDialer::open_socket(const tcp::endpoint& endpoint) {
  asio::error_code error;
  socket_ = tcp::socket(io_);
  socket_.open(endpoint.protocol(), error);
  if (error || dial_from_.empty()) return error;
  const asio::ip::address local = asio::ip::make_address(dial_from_, error);
  // An address of the other family cannot be meant for this connection.
  if (!error && local.is_v4() == endpoint.address().is_v4()) {
    socket_.bind(tcp::endpoint(local, 0), error);
  }
  return error;
}

// For the step that has just begun.
void PeerDialer::time_out_after_ms(int64_t milliseconds, std::function<void()> action) {
  timer_.expires_after(std::chrono::milliseconds(milliseconds));
  timer_.async_wait(
      [this, step = step_, action = std::move(action)](const asio::error_code& error) {
        if (error || step != step_) return;
        ++step_;
        action();
      });
}

}  // namespace topod::net
