// A server that does nothing: it accepts sessions and answers getData, setData and closeSession at
// once with the same data, one write per socket and turn. What topobench reaches against it is the
// limit that the loopback interface and topobench itself set on this machine. Has a thread of its
// own.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include <tl/expected.hpp>

namespace topod::bench {

class EchoServer {
 public:
  // Answers carry `value_bytes` bytes of data and a Stat, as those of getData.
  explicit EchoServer(size_t value_bytes);
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  // Listens on a loopback port that the kernel picks, and returns it.
  tl::expected<uint16_t, std::string> start();

 private:
  void serve();

  const std::string read_reply_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace topod::bench
