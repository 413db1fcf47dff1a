#include "server/net/peer_frame.h"

#include <xxhash.h>

#include "proto/check.h"
#include "proto/jute.h"
#include "proto/limits.h"

namespace topod::net {

void append_peer_frame(std::string& out, std::string_view payload) {
  CHECK_MSG(payload.size() <= limits::kMaxPeerFrameBytes, "no peer would read this frame");
  JuteWriter writer(out);
  writer.write_int(static_cast<int32_t>(payload.size()));
  writer.write_long(static_cast<int64_t>(XXH3_64bits(payload.data(), payload.size())));
  writer.write_raw(payload);
}

PeerFrameReader::Next PeerFrameReader::next() {
  wanted_ = 0;
  JuteReader reader(buffer_.pending());
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
  buffer_.take(kPeerFrameHeaderBytes + payload_bytes);
  return {Verdict::kFrame, payload};
}

}  // namespace topod::net
