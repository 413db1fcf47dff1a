// What may arrive on the peer port: a stream that is cut into frames, and a handshake with
// somebody in the middle who delivers, changes, repeats, reflects and invents messages but does
// not know the secret. Neither end may take the other as verified unless all it got until then is
// what the other end said.
//
// Input: a byte of settings, then steps: a byte that says what happens, and its arguments.
#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "proto/check.h"
#include "server/net/peer_frame.h"
#include "server/net/peer_handshake.h"

namespace topod::net {
namespace {

using Progress = PeerHandshake::Progress;
using Side = PeerHandshake::Side;

// Takes bytes off the front of the input; zeros when there are none.
class Script {
 public:
  explicit Script(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view bytes(size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

std::vector<std::string> cut(std::string_view stream, size_t chunk, size_t payload_bytes_max) {
  PeerFrameReader reader(payload_bytes_max);
  std::vector<std::string> payloads;
  for (size_t arrived = 0; arrived < stream.size();) {
    const std::string_view part = stream.substr(arrived, chunk);
    const std::span<char> room = reader.writable(part.size());
    std::copy(part.begin(), part.end(), room.begin());
    reader.filled(part.size());
    arrived += part.size();
    CHECK(reader.buffer_bytes() <= 2 * arrived + chunk);
    PeerFrameReader::Next next = reader.next();
    for (; next.verdict == PeerFrameReader::Verdict::kFrame; next = reader.next()) {
      CHECK(next.payload.size() <= payload_bytes_max);
      payloads.emplace_back(next.payload);
    }
    if (next.verdict != PeerFrameReader::Verdict::kNeedMore) break;
  }
  return payloads;
}

Hello hello_of(uint32_t server, uint32_t target) {
  Hello hello;
  hello.server = ServerId(server);
  hello.target = ServerId(target);
  hello.run = 1000 + server;
  hello.instance.fill(static_cast<uint8_t>(server));
  hello.nonce.fill(static_cast<uint8_t>(100 + server));
  return hello;
}

struct End {
  End(Side side, uint32_t self, uint32_t other, const std::string& secret)
      : handshake(side, hello_of(self, side == Side::kDialer ? other : 0), {ServerId(other)},
                  node::Secret(secret)) {
    collect();
  }

  void collect() {
    for (std::string& payload : cut(handshake.take_output(), 64, kMaxHandshakeFrameBytes)) {
      said.push_back(std::move(payload));
    }
  }

  [[nodiscard]] bool finished() const {
    return progress == Progress::kOpen || progress == Progress::kRefused;
  }

  void receive(std::string_view payload, const End& other) {
    if (finished()) return;
    heard.emplace_back(payload);
    progress = handshake.receive(payload);
    if (progress == Progress::kVerified) {
      CHECK(heard.size() <= other.said.size());
      CHECK(std::equal(heard.begin(), heard.end(), other.said.begin()));
      progress = handshake.proceed();
    }
    if (progress == Progress::kRefused) {
      CHECK(handshake.refusal() != Refusal::kNone);
      CHECK(handshake.explanation().find("server ") != std::string::npos);
      CHECK(handshake.explanation().find("unguessable") == std::string::npos);
    }
    collect();
  }

  PeerHandshake handshake;
  Progress progress = Progress::kContinues;
  std::vector<std::string> said;
  std::vector<std::string> heard;
  size_t delivered = 0;  // of `said`
};

void deliver(End& from, End& to, uint8_t position, uint8_t change) {
  if (from.delivered == from.said.size()) return;
  std::string payload = from.said[from.delivered++];
  if (change != 0) payload[position % payload.size()] ^= static_cast<char>(change);
  to.receive(payload, from);
}

void run_handshake(Script script) {
  const uint8_t settings = script.byte();
  const bool lower_dials = (settings & 1) != 0;
  const std::string secret = "unguessable";
  End dialer(Side::kDialer, lower_dials ? 1 : 2, lower_dials ? 2 : 1, secret);
  End acceptor(Side::kAcceptor, lower_dials ? 2 : 1, lower_dials ? 1 : 2,
               (settings & 2) != 0 ? "unguessable too" : secret);
  std::array<End*, 2> ends = {&dialer, &acceptor};
  while (!script.empty()) {
    const uint8_t step = script.byte();
    End& end = *ends[step & 1];
    End& other = *ends[1 - (step & 1)];
    switch (step >> 1 & 3) {
      case 0: deliver(other, end, 0, 0); break;
      case 1: {
        const uint8_t position = script.byte();
        deliver(other, end, position, script.byte());
        break;
      }
      case 2: end.receive(script.bytes(script.byte()), other); break;
      case 3: {  // said before, by either end
        const std::vector<std::string>& said = (step & 8) != 0 ? end.said : other.said;
        if (!said.empty()) end.receive(std::string(said[script.byte() % said.size()]), other);
        break;
      }
    }
  }
  if (dialer.progress == Progress::kOpen && acceptor.progress == Progress::kOpen) {
    CHECK((settings & 2) == 0);
    CHECK(dialer.handshake.link_name() == acceptor.handshake.link_name());
  }
}

void run_stream(std::string_view input) {
  const size_t chunk = input.empty() ? 1 : size_t{1} + static_cast<uint8_t>(input.front());
  // As it comes, and as the payload of frames that are right.
  const std::vector<std::string> strange = cut(input, chunk, kMaxHandshakeFrameBytes);
  std::string again;
  for (const std::string& payload : strange) append_peer_frame(again, payload);
  CHECK(input.starts_with(again));
  std::string stream;
  append_peer_frame(stream, input);
  append_peer_frame(stream, {});
  const std::vector<std::string> payloads = cut(stream, chunk, input.size());
  CHECK(payloads.size() == 2 && payloads[0] == input && payloads[1].empty());

  Hello hello;
  if (decode(input, hello) == HelloVerdict::kWhole) CHECK(encode(hello) == input);
}

}  // namespace
}  // namespace topod::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  topod::net::run_stream(input);
  topod::net::run_handshake(topod::net::Script(input));
  return 0;
}
