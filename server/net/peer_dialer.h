// Finds the way to one member: resolves each of its addresses anew, in their order, and connects
// to what they stand for, until a connection is made that its owner keeps. Loop thread only.
//
// A name that is not resolved in time, or not any more, stands for what it stood for last.
// Handlers may be queued after `cancel`; the object must live until the loop has run them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "server/node/address.h"

namespace topod::net {

class PeerDialer {
 public:
  struct Events {
    // Connected; `next` goes on if it turns out to be of no use.
    std::function<void(asio::ip::tcp::socket socket, const std::string& address)> connected;
    // All addresses have been tried. `why` names the last one.
    std::function<void(const std::string& why)> failed;
  };

  // `dial_from`: local address, empty for the kernel's choice.
  PeerDialer(asio::io_context& io, std::vector<node::HostPort> addresses, std::string dial_from,
             Events events);

  // Begins with the first address. Only while idle.
  void dial();
  // What was tried last is of no use, for this reason.
  void next(const std::string& why);
  // Nothing more is reported until the next `dial`.
  void cancel();
  [[nodiscard]] bool is_busy() const { return busy_; }

 private:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;

  void next_address();
  void resolve();
  void resolved(Endpoints endpoints, const std::string& why);
  void connect();
  void time_out_after_ms(int64_t milliseconds, std::function<void()> action);
  [[nodiscard]] asio::error_code open_socket(const asio::ip::tcp::endpoint& endpoint);

  asio::io_context& io_;
  std::vector<node::HostPort> addresses_;
  std::vector<Endpoints> known_;  // of each address, as last resolved
  std::string dial_from_;
  Events events_;

  bool busy_ = false;
  uint64_t step_ = 0;    // what was begun before this one does not count any more
  size_t address_ = 0;   // being tried, one past the last when all have been
  Endpoints endpoints_;  // of that address
  size_t endpoint_ = 0;  // next of them
  std::string why_;      // the last one failed
  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
};

}  // namespace topod::net
