// The client port: accepts, limits and owns the client connections. Loop thread only.
//
// Errors of one connection end that connection. Running out of descriptors pauses accepting for
// a moment; it never ends the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "server/net/client_connection.h"
#include "server/net/client_options.h"
#include "server/node/interfaces.h"

namespace topod::net {

class ClientListener final : public node::ClientNet {
 public:
  ClientListener(asio::io_context& io, ClientOptions options);

  // Binds and listens; the error says which address and why. Connections are accepted from
  // `start` on.
  [[nodiscard]] tl::expected<void, std::string> listen();
  void start(node::ClientHandler& handler);
  // Takes no more connections and reads nothing more from those there are.
  void stop_reading();
  // Clients are told by the end of their stream, and what they still send is read and dropped.
  void close_after_sending_all();
  void close_all();

  void send(ConnectionId id, std::string& bytes) override;
  void close_after_sending(ConnectionId id) override;
  void resume_reading(ConnectionId id) override;
  [[nodiscard]] size_t socket_count() const override { return connections_.size(); }
  [[nodiscard]] std::vector<node::ClientSocket> sockets() const override;
  [[nodiscard]] const node::ClientPortFigures& port_figures() const override { return figures_; }

  [[nodiscard]] uint16_t port() const { return port_; }
  // Whether anything that was given to `send` is not with the kernel yet.
  [[nodiscard]] bool all_sent() const;

  // For its connections.
  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] node::ClientPortFigures& figures() { return figures_; }
  [[nodiscard]] node::ClientHandler& handler() { return *handler_; }
  [[nodiscard]] int64_t now_ms() const;
  void failed(ClientConnection& connection, std::string_view reason);
  void drained(ConnectionId id);
  // Of all connections.
  [[nodiscard]] size_t unsent_bytes() const { return unsent_bytes_; }
  void unsent_changed(size_t before, size_t after);

 private:
  void accept();
  void accepted(asio::ip::tcp::socket socket);
  [[nodiscard]] std::string_view limit_reached(const std::string& address) const;
  void sweep();
  void close_slowest_readers();

  asio::io_context& io_;
  ClientOptions options_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer sweep_timer_;
  asio::steady_timer accept_timer_;
  node::ClientHandler* handler_ = nullptr;
  uint16_t port_ = 0;
  asio::ip::tcp::endpoint peer_;  // of the connection being accepted
  uint64_t last_id_ = 0;
  bool stopping_ = false;
  std::unordered_map<ConnectionId, std::shared_ptr<ClientConnection>> connections_;
  std::unordered_map<std::string, uint32_t> per_address_;
  size_t unsent_bytes_ = 0;
  bool too_much_unsent_ = false;  // and `close_slowest_readers` is under way
  node::ClientPortFigures figures_;
};

// Raises the soft limit of open files to the hard one; returns what is in force.
uint64_t raise_open_file_limit();

}  // namespace topod::net
