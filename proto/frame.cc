#include "proto/frame.h"

#include <algorithm>
#include <cstring>

#include "proto/check.h"
#include "proto/codes.h"
#include "proto/jute.h"

namespace topod {

namespace {
// length + xid: the opcode follows.
constexpr size_t kOpCodeOffset = 4;
constexpr size_t kOpCodeEnd = 8;
// A buffer that has grown for one large frame is given back when it is empty again.
constexpr size_t kKeepBytes = size_t{256} * 1024;
}  // namespace

std::span<char> FrameReader::writable(size_t bytes_min) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kKeepBytes) {
      buffer_.clear();
      buffer_.shrink_to_fit();
    }
  }
  // A frame gets memory as it arrives, twice what is there: ten thousand connections may announce
  // large ones and never send them.
  const size_t arrived = end_ - begin_;
  const size_t missing = wanted_ > arrived ? wanted_ - arrived : 0;
  const size_t needed = std::max(bytes_min, std::min(missing, arrived));
  if (buffer_.size() - end_ < needed && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < needed) buffer_.resize(end_ + needed);
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void FrameReader::filled(size_t bytes) {
  CHECK(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

bool FrameReader::length_is_legal(int32_t length, std::string_view after_header,
                                  bool& undecided) const {
  if (length <= 0) return false;
  if (length <= max_frame_bytes_) return true;
  if (length > limits::kMaxSetWatchesFrameBytes) return false;
  if (after_header.size() < kOpCodeEnd) {
    undecided = true;
    return true;
  }
  JuteReader reader(after_header.substr(kOpCodeOffset));
  const auto op = static_cast<OpCode>(reader.read_int());
  return op == OpCode::kSetWatches || op == OpCode::kSetWatches2;
}

FrameReader::Next FrameReader::next() {
  const std::string_view bytes = pending();
  wanted_ = 0;
  if (bytes.size() < kFrameHeaderBytes) return {Verdict::kNeedMore, {}};
  JuteReader reader(bytes);
  const int32_t length = reader.read_int();
  bool undecided = false;
  if (!length_is_legal(length, reader.rest(), undecided)) return {Verdict::kBadLength, {}, length};
  if (undecided) return {Verdict::kNeedMore, {}};
  const auto payload = static_cast<size_t>(length);
  if (reader.remaining() < payload) {
    wanted_ = kFrameHeaderBytes + payload;
    return {Verdict::kNeedMore, {}};
  }
  begin_ += kFrameHeaderBytes + payload;
  return {Verdict::kFrame, reader.rest().substr(0, payload), length};
}

std::string_view FrameReader::pending() const { return {buffer_.data() + begin_, end_ - begin_}; }

size_t begin_frame(std::string& out) {
  const size_t place = out.size();
  out.append(kFrameHeaderBytes, '\0');
  return place;
}

void end_frame(std::string& out, size_t place) {
  JuteWriter(out).patch_int(place, static_cast<int32_t>(out.size() - place - kFrameHeaderBytes));
}

}  // namespace topod
