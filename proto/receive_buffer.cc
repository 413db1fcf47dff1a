#include "proto/receive_buffer.h"

#include <algorithm>
#include <cstring>

#include "proto/check.h"

namespace topod {

std::span<char> ReceiveBuffer::writable(size_t bytes_min, size_t frame_bytes) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (bytes_.size() > keep_bytes_) {
      bytes_.clear();
      bytes_.shrink_to_fit();
    }
  }
  const size_t arrived = end_ - begin_;
  const size_t missing = frame_bytes > arrived ? frame_bytes - arrived : 0;
  // At most twice what is there.
  const size_t needed = std::max(bytes_min, std::min(missing, arrived));
  if (bytes_.size() - end_ < needed && begin_ > 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, arrived);
    begin_ = 0;
    end_ = arrived;
  }
  if (bytes_.size() - end_ < needed) bytes_.resize(end_ + needed);
  return {bytes_.data() + end_, bytes_.size() - end_};
}

void ReceiveBuffer::filled(size_t bytes) {
  CHECK(bytes <= bytes_.size() - end_);
  end_ += bytes;
}

void ReceiveBuffer::take(size_t bytes) {
  CHECK(bytes <= end_ - begin_);
  begin_ += bytes;
}

}  // namespace topod
