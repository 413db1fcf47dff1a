#include "server/net/client_listener.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include <asio/ip/v6_only.hpp>
#include <asio/post.hpp>

#include "proto/check.h"
#include "server/node/logging.h"

namespace topod::net {

namespace {

constexpr auto kSweepPeriod = std::chrono::milliseconds(500);
// Out of descriptors: some connection has to go before another one can be taken.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

std::string printable(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

ClientListener::ClientListener(asio::io_context& io, ClientOptions options)
    : io_(io), options_(std::move(options)), acceptor_(io), sweep_timer_(io), accept_timer_(io) {}

tl::expected<void, std::string> ClientListener::listen() {
  using asio::ip::tcp;
  asio::error_code error;
  tcp::endpoint endpoint(tcp::v6(), options_.port);
  if (!options_.address.empty()) {
    const asio::ip::address address = asio::ip::make_address(options_.address, error);
    if (error) {
      tcp::resolver resolver(io_);
      const auto found = resolver.resolve(options_.address, std::to_string(options_.port), error);
      if (error || found.empty()) {
        return tl::unexpected("cannot resolve " + options_.address + ": " + error.message());
      }
      endpoint = found.begin()->endpoint();
    } else {
      endpoint = tcp::endpoint(address, options_.port);
    }
  }
  acceptor_.open(endpoint.protocol(), error);
  if (error && options_.address.empty()) {  // a machine without IPv6
    endpoint = tcp::endpoint(tcp::v4(), options_.port);
    acceptor_.open(endpoint.protocol(), error);
  }
  const auto failed = [&](const char* what) {
    return tl::unexpected(std::string(what) + " " + printable(endpoint.address()) + " port " +
                          std::to_string(options_.port) + ": " + error.message());
  };
  if (error) return failed("cannot open a socket for");
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
  acceptor_.bind(endpoint, error);
  if (error) return failed("cannot bind client port at");
  acceptor_.listen(options_.backlog > 0 ? options_.backlog : tcp::acceptor::max_listen_connections,
                   error);
  if (error) return failed("cannot listen at");
  acceptor_.non_blocking(true, error);
  // Accepted sockets inherit these, which spares a system call for each.
  acceptor_.set_option(tcp::no_delay(true), error);
  acceptor_.set_option(asio::socket_base::keep_alive(options_.tcp_keep_alive), error);
  port_ = acceptor_.local_endpoint(error).port();
  return {};
}

void ClientListener::start(node::ClientHandler& handler) {
  handler_ = &handler;
  accept();
  sweep();
}

void ClientListener::accept() {
  acceptor_.async_accept(peer_, [this](const asio::error_code& error,
                                       asio::ip::tcp::socket socket) {
    if (stopping_ || error == asio::error::operation_aborted) return;
    if (!error) {
      accepted(std::move(socket));
      accept();
      return;
    }
    if (error == asio::error::connection_aborted) {
      accept();
      return;
    }
    node::log_warn("client", "cannot accept connections for a moment", {{"why", error.message()}});
    accept_timer_.expires_after(kAcceptPause);
    accept_timer_.async_wait([this](const asio::error_code& timer_error) {
      if (!timer_error) accept();
    });
  });
}

void ClientListener::accepted(asio::ip::tcp::socket socket) {
  ++figures_.accepted;
  const std::string address = printable(peer_.address());
  const std::string_view limit = limit_reached(address);
  if (!limit.empty()) {
    ++figures_.rejected;
    handler_->connection_rejected(address, peer_.port(), limit);
    return;
  }
  asio::error_code error;
  socket.non_blocking(true, error);
  const ConnectionId id(++last_id_);
  auto connection = std::make_shared<ClientConnection>(*this, id, std::move(socket), address,
                                                       peer_.port(), now_ms());
  connections_.emplace(id, connection);
  ++per_address_[address];
  handler_->client_opened(id, address, peer_.port());
  connection->start();
}

std::string_view ClientListener::limit_reached(const std::string& address) const {
  if (options_.max_connections > 0 && connections_.size() >= options_.max_connections) {
    return "maxCnxns";
  }
  if (connections_.size() >= options_.max_connections_by_files) return "open files (ulimit -n)";
  if (options_.max_connections_per_address > 0) {
    const auto it = per_address_.find(address);
    if (it != per_address_.end() && it->second >= options_.max_connections_per_address) {
      return "maxClientCnxns";
    }
  }
  return {};
}

void ClientListener::sweep() {
  sweep_timer_.expires_after(kSweepPeriod);
  sweep_timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    std::vector<std::shared_ptr<ClientConnection>> overdue;
    const int64_t now = now_ms();
    for (const auto& [id, connection] : connections_) {
      if (connection->overdue(now)) overdue.push_back(connection);
    }
    for (const auto& connection : overdue) {
      if (connection->closing()) {
        failed(*connection, {});
      } else {
        ++figures_.sessionless_closed;
        failed(*connection,
               "no session within " + std::to_string(options_.sessionless_timeout_ms) + " ms");
      }
    }
    sweep();
  });
}

void ClientListener::stop_reading() {
  stopping_ = true;
  asio::error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  for (const auto& [id, connection] : connections_) connection->stop_reading();
}

void ClientListener::close_after_sending_all() {
  std::vector<std::shared_ptr<ClientConnection>> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->close_after_sending();
}

void ClientListener::close_all() {
  sweep_timer_.cancel();
  while (!connections_.empty()) failed(*connections_.begin()->second, {});
}

void ClientListener::send(ConnectionId id, std::string& bytes) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) {
    bytes.clear();
    return;
  }
  const std::shared_ptr<ClientConnection> alive = it->second;
  alive->send(bytes);
}

void ClientListener::close_after_sending(ConnectionId id) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  const std::shared_ptr<ClientConnection> alive = it->second;
  alive->close_after_sending();
}

void ClientListener::resume_reading(ConnectionId id) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  const std::shared_ptr<ClientConnection> alive = it->second;
  alive->resume();
}

std::vector<node::ClientSocket> ClientListener::sockets() const {
  std::vector<node::ClientSocket> sockets;
  sockets.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) {
    sockets.push_back({.id = id,
                       .peer = connection->address() + ":" + std::to_string(connection->port()),
                       .is_read = connection->is_reading(),
                       .asks_word = connection->is_four_letter(),
                       .unsent_bytes = connection->unsent_bytes()});
  }
  std::sort(sockets.begin(), sockets.end(),
            [](const auto& left, const auto& right) { return left.id < right.id; });
  return sockets;
}

bool ClientListener::all_sent() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& item) { return item.second->unsent_bytes() == 0; });
}

int64_t ClientListener::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void ClientListener::failed(ClientConnection& connection, std::string_view reason) {
  const std::shared_ptr<ClientConnection> alive = connection.shared_from_this();
  alive->drop();
  const ConnectionId id = alive->id();
  if (connections_.erase(id) == 0) return;
  const auto it = per_address_.find(alive->address());
  if (it != per_address_.end() && --it->second == 0) per_address_.erase(it);
  handler_->client_closed(id, reason);
}

void ClientListener::unsent_changed(size_t before, size_t after) {
  unsent_bytes_ += after - before;
  figures_.unsent_bytes = unsent_bytes_;
  if (unsent_bytes_ <= options_.unsent_close_total_bytes || too_much_unsent_) return;
  too_much_unsent_ = true;
  // Not at once: the caller is in the middle of handing out what a turn has to send.
  asio::post(io_, [this] { close_slowest_readers(); });
}

void ClientListener::close_slowest_readers() {
  too_much_unsent_ = false;
  while (unsent_bytes_ > options_.unsent_close_total_bytes) {
    const auto slowest = std::max_element(
        connections_.begin(), connections_.end(), [](const auto& left, const auto& right) {
          return left.second->unsent_bytes() < right.second->unsent_bytes();
        });
    CHECK(slowest != connections_.end());
    ++figures_.slow_readers_closed;
    failed(*slowest->second,
           "client does not read: " + std::to_string(slowest->second->unsent_bytes()) + " of all " +
               std::to_string(unsent_bytes_) + " bytes unsent");
  }
}

void ClientListener::drained(ConnectionId id) { handler_->client_drained(id); }

uint64_t raise_open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

}  // namespace topod::net
