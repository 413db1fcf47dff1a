// Framing of the client port: a big-endian length, then that many bytes.
//
// FrameReader cuts a byte stream into frames without copying whole frames around: `writable()` is
// where the socket reads into, and `next()` returns views into that which stay valid until the
// next `writable()`. Used by one thread.
//
// Limits: a frame longer than `max_frame_bytes` (jute.maxbuffer) is refused as soon as its header
// has arrived, before memory is given to it. setWatches and setWatches2 may be longer
// (`kMaxSetWatchesFrameBytes`), since the C client sends all its watches in one request; that
// the opcode is one of them is known after 12 bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/limits.h"
#include "proto/receive_buffer.h"

namespace topod {

inline constexpr size_t kFrameHeaderBytes = 4;

class FrameReader {
 public:
  enum class Verdict {
    kFrame,      // `frame` holds a whole payload
    kNeedMore,   // read from the socket again
    kBadLength,  // `length` says what was asked for; close the connection
  };
  struct Next {
    Verdict verdict;
    std::string_view frame;  // payload, without the length
    int32_t length = 0;
  };

  explicit FrameReader(int32_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  // Room for at least `bytes_min` more bytes. Invalidates frames returned before.
  std::span<char> writable(size_t bytes_min) { return buffer_.writable(bytes_min, wanted_); }
  // That many bytes of the last `writable()` have been filled.
  void filled(size_t bytes) { buffer_.filled(bytes); }

  // The next frame in what has been filled.
  Next next();

  // Bytes that have arrived and were not returned yet (a four-letter word is looked for here).
  [[nodiscard]] std::string_view pending() const { return buffer_.pending(); }

 private:
  [[nodiscard]] bool length_is_legal(int32_t length, std::string_view after_header,
                                     bool& undecided) const;

  int32_t max_frame_bytes_;
  ReceiveBuffer buffer_{size_t{256} * 1024};
  size_t wanted_ = 0;  // bytes of the frame that is incomplete, 0 = unknown
};

// Starts a frame in `out` and returns its place for `end_frame`.
[[nodiscard]] size_t begin_frame(std::string& out);
// Writes the length of the frame that began at `place`.
void end_frame(std::string& out, size_t place);

}  // namespace topod
