#include "tools/bench/echo_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "proto/frame.h"
#include "proto/records.h"
#include "tools/bench/request.h"

namespace topod::bench {

namespace {

constexpr int kStopCheckMs = 50;
constexpr size_t kEventsPerTurn = 256;
constexpr int32_t kMaxRequestBytes = 16 * 1024 * 1024;
constexpr size_t kReadChunkBytes = size_t{16} * 1024;

std::string make_read_reply(size_t value_bytes) {
  std::string body;
  JuteWriter out(body);
  out.write_buffer(make_value(value_bytes, 1));
  Stat().write(out);
  return body;
}

// One client. Its requests are few enough (a window of them) that answers always fit the socket.
class EchoConnection {
 public:
  explicit EchoConnection(int socket) : socket_(socket), reader_(kMaxRequestBytes) {}
  ~EchoConnection() { ::close(socket_); }
  EchoConnection(const EchoConnection&) = delete;
  EchoConnection& operator=(const EchoConnection&) = delete;

  // False: the client has gone.
  [[nodiscard]] bool answer(std::string_view read_reply) {
    const std::span<char> room = reader_.writable(kReadChunkBytes);
    const ssize_t received = ::recv(socket_, room.data(), room.size(), 0);
    if (received <= 0) return false;
    reader_.filled(static_cast<size_t>(received));
    answers_.clear();
    for (auto next = reader_.next(); next.verdict == FrameReader::Verdict::kFrame;
         next = reader_.next()) {
      answer_frame(next.frame, read_reply);
    }
    return ::send(socket_, answers_.data(), answers_.size(), MSG_NOSIGNAL) >= 0;
  }

 private:
  void answer_frame(std::string_view frame, std::string_view read_reply) {
    const size_t place = begin_frame(answers_);
    JuteWriter out(answers_);
    if (!connected_) {
      connected_ = true;
      const std::string password(kPasswordBytes, '\0');
      ConnectResponse{0, 30'000, 1, password, true, false}.write(out);
    } else {
      RequestHeader request;
      JuteReader in(frame);
      request.read(in);
      ReplyHeader{request.xid, 1, ErrorCode::kOk}.write(out);
      const auto op = static_cast<OpCode>(request.op);
      if (op == OpCode::kGetData) out.write_raw(read_reply);
      if (op == OpCode::kSetData) Stat().write(out);
    }
    end_frame(answers_, place);
  }

  const int socket_;
  FrameReader reader_;
  std::string answers_;
  bool connected_ = false;
};

}  // namespace

EchoServer::EchoServer(size_t value_bytes) : read_reply_(make_read_reply(value_bytes)) {}

EchoServer::~EchoServer() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (listener_ >= 0) ::close(listener_);
}

tl::expected<uint16_t, std::string> EchoServer::start() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, length) != 0 || ::listen(listener_, SOMAXCONN) != 0 ||
      ::getsockname(listener_, generic, &length) != 0) {
    return tl::unexpected(std::string("loopback: ") + std::strerror(errno));
  }
  thread_ = std::thread([this] { serve(); });
  return ntohs(address.sin_port);
}

void EchoServer::serve() {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<EchoConnection>> connections;  // by descriptor
  const auto watch = [epoll](int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
  };
  const auto accept_one = [&] {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto index = static_cast<size_t>(socket);
    if (connections.size() <= index) connections.resize(index + 1);
    connections[index] = std::make_unique<EchoConnection>(socket);
    watch(socket);
  };

  watch(listener_);
  std::array<epoll_event, kEventsPerTurn> ready{};
  while (!stopping_) {
    const int count = epoll_wait(epoll, ready.data(), static_cast<int>(ready.size()), kStopCheckMs);
    for (int i = 0; i < count; ++i) {
      const int descriptor = ready[static_cast<size_t>(i)].data.fd;
      if (descriptor == listener_) {
        accept_one();
        continue;
      }
      auto& connection = connections[static_cast<size_t>(descriptor)];
      if (!connection->answer(read_reply_)) connection.reset();
    }
  }
  ::close(epoll);
}

}  // namespace topod::bench
