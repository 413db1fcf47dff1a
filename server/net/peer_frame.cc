#include "server/net/peer_frame.h"

#include <algorithm>
#include <cstring>

#include <xxhash.h>

#include "proto/check.h"
#include "proto/jute.h"
#include "proto/limits.h"

namespace topod::net {

namespace {
// A buffer that has grown for one large frame is given back when it is empty again.
constexpr size_t kKeepBytes = size_t{1} * 1024 * 1024;
}  // namespace

void append_peer_frame(std::string& out, std::string_view payload) {
  CHECK_MSG(payload.size() <= limits::kMaxPeerFrameBytes, "no peer would read this frame");
  JuteWriter writer(out);
  writer.write_int(static_cast<int32_t>(payload.size()));
  writer.write_long(static_cast<int64_t>(XXH3_64bits(payload.data(), payload.size())));
  writer.write_raw(payload);
}

std::span<char> PeerFrameReader::writable(size_t bytes_min) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kKeepBytes) {
      buffer_.clear();
      buffer_.shrink_to_fit();
    }
  }
  const size_t arrived = end_ - begin_;
  const size_t missing = wanted_ > arrived ? wanted_ - arrived : 0;
  // At most twice what is there.
  const size_t needed = std::max(bytes_min, std::min(missing, arrived));
  if (buffer_.size() - end_ < needed && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, arrived);
    begin_ = 0;
    end_ = arrived;
  }
  if (buffer_.size() - end_ < needed) buffer_.resize(end_ + needed);
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void PeerFrameReader::filled(size_t bytes) {
  CHECK(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

PeerFrameReader::Next PeerFrameReader::next() {
  wanted_ = 0;
  JuteReader reader({buffer_.data() + begin_, end_ - begin_});
  const size_t payload_bytes = static_cast<uint32_t>(reader.read_int());
  if (!reader.ok()) return {Verdict::kNeedMore, {}};
  if (payload_bytes > payload_bytes_max_) return {Verdict::kTooLong, {}};
  const auto hash = static_cast<uint64_t>(reader.read_long());
  if (!reader.ok() || reader.remaining() < payload_bytes) {
    wanted_ = kPeerFrameHeaderBytes + payload_bytes;
    return {Verdict::kNeedMore, {}};
  }
  const std::string_view payload = reader.rest().substr(0, payload_bytes);
  if (XXH3_64bits(payload.data(), payload.size()) != hash) return {Verdict::kCorrupted, {}};
  begin_ += kPeerFrameHeaderBytes + payload_bytes;
  return {Verdict::kFrame, payload};
}

}  // namespace topod::net
