// Bytes of a stream between the socket and what cuts them into frames: one buffer, so that whole
// frames are views into it and nothing is copied. Used by one thread.
//
// Memory is given to bytes that arrive, never to a length that was announced: ten thousand
// connections may announce large frames and never send them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace topod {

class ReceiveBuffer {
 public:
  // A buffer that has grown beyond `keep_bytes` for one large frame is given back when it is empty.
  explicit ReceiveBuffer(size_t keep_bytes) : keep_bytes_(keep_bytes) {}

  // Room for at least `bytes_min` more bytes, for more if a frame of `frame_bytes` is under way.
  // Invalidates views of `pending`.
  std::span<char> writable(size_t bytes_min, size_t frame_bytes);
  // That many bytes of the last `writable()` have been filled.
  void filled(size_t bytes);
  // What has been filled and not taken.
  [[nodiscard]] std::string_view pending() const { return {bytes_.data() + begin_, end_ - begin_}; }
  void take(size_t bytes);
  // Memory held.
  [[nodiscard]] size_t capacity() const { return bytes_.size(); }

 private:
  size_t keep_bytes_;
  std::vector<char> bytes_;
  size_t begin_ = 0;  // of what was not taken yet
  size_t end_ = 0;    // of what has been filled
};

}  // namespace topod
