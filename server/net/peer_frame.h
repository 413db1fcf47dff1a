// Framing between members: length of the payload (4 bytes), XXH3-64 of the payload (8), payload;
// numbers are big endian. An empty payload says only that the sender lives.
//
// PeerFrameReader cuts a byte stream into frames. It owns one buffer, `writable()` is where the
// socket reads into, and `next()` returns views into it that stay valid until the next
// `writable()`. A frame longer than allowed is refused as soon as its length has arrived, and
// memory is given to the bytes that arrive, never to a length that was announced. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  std::span<char> writable(size_t bytes_min);
  // That many bytes of the last `writable()` have been filled.
  void filled(size_t bytes);
  [[nodiscard]] Next next();
  // Memory held, for tests of what a stranger can cost.
  [[nodiscard]] size_t buffer_bytes() const { return buffer_.size(); }

 private:
  size_t payload_bytes_max_;
  std::vector<char> buffer_;
  size_t begin_ = 0;   // of what was not returned yet
  size_t end_ = 0;     // of what has been filled
  size_t wanted_ = 0;  // bytes of the frame that is incomplete, 0 = unknown
};

}  // namespace topod::net
