// The client port against clients that ask for more than they may have.
#include "server/net/client_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

namespace topod::net {
namespace {

using asio::ip::tcp;
using testing::ElementsAre;
using testing::SizeIs;

constexpr std::string_view kGone = "the connection's memory";

// Keeps for each connection the bytes that it has to send, as the replica does, and gives them up
// when it hears that the connection is closed.
class Handler final : public node::ClientHandler {
 public:
  void client_opened(ConnectionId id, std::string_view, uint16_t) override { out[id]; }
  bool client_frame(ConnectionId, std::string_view) override { return true; }
  void client_closed(ConnectionId id, std::string_view reason) override {
    out.at(id) = kGone;
    closed.emplace_back(reason);
  }
  void client_drained(ConnectionId) override {}
  [[nodiscard]] bool has_session(ConnectionId) const override { return true; }
  void connection_rejected(std::string_view, uint16_t, std::string_view limit) override {
    rejected.emplace_back(limit);
  }
  node::WordAnswer four_letter_word(std::string_view, std::string_view) override { return {}; }

  std::map<ConnectionId, std::string> out;
  std::vector<std::string> closed;    // reasons
  std::vector<std::string> rejected;  // by which limit
};

class ClientPort : public testing::Test {
 protected:
  void start() {
    options_.address = "127.0.0.1";
    listener_.emplace(io_, options_);
    const auto bound = listener_->listen();
    ASSERT_TRUE(bound.has_value()) << bound.error();
    listener_->start(handler_);
  }
  void connect() {
    clients_.emplace_back(io_).connect({asio::ip::address_v4::loopback(), listener_->port()});
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      io_.run_one_for(std::chrono::milliseconds(100));
    }
    return condition();
  }

  asio::io_context io_;
  ClientOptions options_;
  Handler handler_;
  std::optional<ClientListener> listener_;
  std::vector<tcp::socket> clients_;
};

// The handler forgets the connection while its bytes are being sent.
TEST_F(ClientPort, AClientThatDoesNotReadIsClosedAndItsBytesAreNotTouchedAgain) {
  options_.unsent_pause_bytes = 1'024;
  options_.unsent_close_bytes = 2'048;
  start();
  connect();
  ASSERT_TRUE(run_until([&] { return !handler_.out.empty(); }));
  const ConnectionId id = handler_.out.begin()->first;
  constexpr size_t kPiece = 32 * 1024;
  constexpr int kPiecesMax = 10'000;  // more than the kernel's buffers take
  for (int piece = 0; piece < kPiecesMax && handler_.closed.empty(); ++piece) {
    handler_.out.at(id).assign(kPiece, 'x');
    listener_->send(id, handler_.out.at(id));
  }
  ASSERT_THAT(handler_.closed, ElementsAre(testing::StartsWith("client does not read: ")));
  EXPECT_EQ(handler_.out.at(id), kGone);
  EXPECT_EQ(listener_->port_figures().slow_readers_closed, 1U);
}

TEST_F(ClientPort, ConnectionsLeaveDescriptorsToTheRestOfTheServer) {
  options_.max_connections_by_files = 2;
  start();
  for (int client = 0; client < 3; ++client) connect();
  ASSERT_TRUE(run_until([&] { return !handler_.rejected.empty(); }));
  EXPECT_THAT(handler_.rejected, ElementsAre(testing::StartsWith("open files")));
  EXPECT_THAT(handler_.out, SizeIs(2));
  // Who leaves makes room.
  clients_.front().close();
  ASSERT_TRUE(run_until([&] { return !handler_.closed.empty(); }));
  connect();
  ASSERT_TRUE(run_until([&] { return handler_.out.size() == 3; }));
}

}  // namespace
}  // namespace topod::net
