#include "proto/frame.h"

#include "proto/codes.h"
#include "proto/jute.h"

namespace topod {

namespace {
// length + xid: the opcode follows.
constexpr size_t kOpCodeOffset = 4;
constexpr size_t kOpCodeEnd = 8;
}  // namespace

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
  buffer_.take(kFrameHeaderBytes + payload);
  return {Verdict::kFrame, reader.rest().substr(0, payload), length};
}

size_t begin_frame(std::string& out) {
  const size_t place = out.size();
  out.append(kFrameHeaderBytes, '\0');
  return place;
}

void end_frame(std::string& out, size_t place) {
  JuteWriter(out).patch_int(place, static_cast<int32_t>(out.size() - place - kFrameHeaderBytes));
}

}  // namespace topod
