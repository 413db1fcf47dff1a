// Framing between members: length of the payload (4 bytes), XXH3-64 of the payload (8), payload;
// numbers are big endian. An empty payload says only that the sender lives.
//
// PeerFrameReader cuts a byte stream into frames: `writable()` is where the socket reads into, and
// `next()` returns views into that which stay valid until the next `writable()`. A frame longer
// than allowed is refused as soon as its length has arrived. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/receive_buffer.h"

namespace topod::net {

inline constexpr size_t kPeerFrameHeaderBytes = 12;

// Appends one frame to `out`.
void append_peer_frame(std::string& out, std::string_view payload);

class PeerFrameReader {
 public:
  enum class Verdict {
    kFrame,     // `payload` is whole and its hash is right
    kNeedMore,  // read from the socket again
    kTooLong,   // these two: nothing of this stream can be believed any more
    kCorrupted,
  };
  struct Next {
    Verdict verdict;
    std::string_view payload;
  };

  explicit PeerFrameReader(size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}
  void set_payload_bytes_max(size_t bytes) { payload_bytes_max_ = bytes; }

  // Room for at least `bytes_min` more bytes. Invalidates payloads returned before.
  std::span<char> writable(size_t bytes_min) { return buffer_.writable(bytes_min, wanted_); }
  // That many bytes of the last `writable()` have been filled.
  void filled(size_t bytes) { buffer_.filled(bytes); }
  [[nodiscard]] Next next();
  // Memory held, for tests of what a stranger can cost.
  [[nodiscard]] size_t buffer_bytes() const { return buffer_.capacity(); }

 private:
  size_t payload_bytes_max_;
  ReceiveBuffer buffer_{size_t{1} * 1024 * 1024};
  size_t wanted_ = 0;  // bytes of the frame that is incomplete, 0 = unknown
};

}  // namespace topod::net
