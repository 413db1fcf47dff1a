#include "server/node/snapshot_sender.h"

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

#include "proto/peer.pb.h"
#include "server/node/logging.h"

namespace topod::node {

namespace {

using std::chrono::milliseconds;

// How often a link that was full is looked at again.
constexpr auto kPumpEvery = milliseconds(2);
// How often one that waits for anything else is held against its limits.
constexpr auto kCheckEvery = milliseconds(100);
// Parts that are read ahead.
constexpr size_t kReadAhead = 2;
// After a pause no more than this may be sent at once, in terms of the rate.
constexpr double kBurstSeconds = 0.02;

std::string serialized(const peer::Message& message) { return message.SerializeAsString(); }

}  // namespace

SnapshotSender::SnapshotSender(asio::io_context& io, PeerNet& net, Outside outside,
                               const SnapshotLimits& limits)
    : io_(io), net_(net), outside_(std::move(outside)), limits_(limits), timer_(io) {}

SnapshotSender::~SnapshotSender() { stop(); }

void SnapshotSender::stop() {
  for (auto& [link, outgoing] : streams_) outgoing.stream->cancelled = true;
  thread_.stop();
  thread_.join();
  // What is still queued keeps its stream alive; no image of the tree may be, for a larger map
  // would be waited for in vain.
  for (auto& [link, outgoing] : streams_) outgoing.stream->source.reset();
  streams_.clear();
  waiting_.clear();
  timer_.cancel();
}

// ---- what is asked for ---------------------------------------------------------------------

void SnapshotSender::send(LinkId link) {
  cancel(link);
  waiting_.push_back(link);
  start_waiting();
}

void SnapshotSender::cancel(LinkId link) {
  std::erase(waiting_, link);
  const auto found = streams_.find(link);
  if (found == streams_.end()) return;
  found->second.stream->cancelled = true;
  streams_.erase(found);
  outside_.end_hold(link);
  start_waiting();
}

bool SnapshotSender::progress(LinkId link, uint64_t chunks) {
  const auto found = streams_.find(link);
  if (found == streams_.end()) return true;  // of one that has ended
  Outgoing& outgoing = found->second;
  if (chunks < outgoing.chunks_stored || chunks > outgoing.chunks_sent) return false;
  outgoing.chunks_stored = chunks;
  pump();
  return true;
}

void SnapshotSender::start_waiting() {
  while (!waiting_.empty() && streams_.size() < static_cast<size_t>(limits_.streams)) {
    const LinkId link = waiting_.front();
    waiting_.pop_front();
    // Until it is known where the tree stands in the log, all of it is kept.
    outside_.hold_log(link, {});
    Outgoing& outgoing = streams_[link];
    outgoing.stream = std::make_shared<Stream>();
    outgoing.stream->link = link;
    outgoing.stream->store = outside_.store();
    outgoing.stream->used_bytes = outgoing.stream->store->used_bytes();
    ask_for_more(outgoing);
    look_again(kCheckEvery);
  }
}

void SnapshotSender::ask_for_more(Outgoing& outgoing) {
  if (outgoing.producing || outgoing.complete || outgoing.ready.size() >= kReadAhead) return;
  outgoing.producing = true;
  asio::post(thread_, [this, stream = outgoing.stream] {
    if (stream->cancelled) return;
    asio::post(io_, [this, stream, part = next_part(*stream)]() mutable {
      produced(stream, std::move(part));
    });
  });
}

// ---- what is sent --------------------------------------------------------------------------

void SnapshotSender::produced(const std::shared_ptr<Stream>& stream, Part part) {
  const auto found = streams_.find(stream->link);
  if (found == streams_.end() || found->second.stream != stream) return;
  Outgoing& outgoing = found->second;
  outgoing.producing = false;
  outgoing.complete = part.kind == Part::Kind::kEnd || part.kind == Part::Kind::kFailed;
  if (part.kind == Part::Kind::kBegin) {
    outgoing.zxid = part.zxid;
    outside_.hold_log(stream->link, part.position);
    log_info("snapshot", "streaming the stored tree to a peer",
             {{"link", stream->link.value()}, {"zxid", hex(part.zxid.value())}});
  }
  outgoing.ready.push_back(std::move(part));
  pump();
}

void SnapshotSender::pump() {
  refill();
  std::vector<LinkId> links;
  for (const auto& [link, outgoing] : streams_) links.push_back(link);
  bool soon = false;
  for (const LinkId link : links) {
    const auto found = streams_.find(link);
    if (found == streams_.end()) continue;
    const std::string limit = limit_reached(*found->second.stream);
    if (limit.empty()) {
      soon = pump(link, found->second) || soon;
    } else {
      fail(link, limit);
    }
  }
  if (!streams_.empty()) look_again(soon ? kPumpEvery : kCheckEvery);
}

void SnapshotSender::look_again(Clock::duration after) {
  timer_.expires_after(after);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) pump();
  });
}

bool SnapshotSender::pump(LinkId link, Outgoing& outgoing) {
  while (!outgoing.ready.empty()) {
    Part& part = outgoing.ready.front();
    if (part.kind == Part::Kind::kFailed) {
      fail(link, part.why);
      return false;
    }
    const bool is_chunk = part.kind == Part::Kind::kChunk;
    if (is_chunk && outgoing.chunks_sent - outgoing.chunks_stored >= kSnapshotWindowChunks) {
      return false;
    }
    if (net_.queued_bytes(link) >= limits_.queue_bytes || allowance_bytes_ <= 0) return true;
    net_.send(link, part.message);
    allowance_bytes_ -= static_cast<double>(part.message.size());
    if (is_chunk) ++outgoing.chunks_sent;
    if (part.kind == Part::Kind::kEnd) {
      finish(link, true);
      return false;
    }
    outgoing.ready.pop_front();
    ask_for_more(outgoing);
  }
  return false;
}

void SnapshotSender::fail(LinkId link, const std::string& why) {
  log_warn("snapshot", "the stream of the stored tree to a peer has ended early",
           {{"link", link.value()}, {"why", why}});
  finish(link, false);
}

void SnapshotSender::finish(LinkId link, bool ok) {
  const Zxid zxid = streams_.at(link).zxid;
  cancel(link);
  outside_.sent(link, zxid, ok);
}

std::string SnapshotSender::limit_reached(const Stream& stream) const {
  // First of all: sizes must not be asked for while the map is replaced.
  if (stream.store->awaits_snapshots()) return "the tree needs a larger map";
  if (Clock::now() - stream.began > milliseconds(limits_.max_ms)) return "it takes too long";
  if (stream.store->used_bytes() > stream.used_bytes + limits_.max_growth_bytes) {
    return "the tree's file has grown too far meanwhile";
  }
  return {};
}

void SnapshotSender::refill() {
  const auto now = Clock::now();
  const auto rate = static_cast<double>(limits_.bytes_per_second);
  const double seconds = std::chrono::duration<double>(now - refilled_).count();
  allowance_bytes_ = std::min(allowance_bytes_ + seconds * rate, kBurstSeconds * rate);
  refilled_ = now;
}

// ---- the sender's thread -------------------------------------------------------------------

SnapshotSender::Part SnapshotSender::next_part(Stream& stream) const {
  if (!stream.source) return first_part(stream);
  Part part;
  storage::SnapshotPiece piece;
  const auto more = stream.source->next(piece);
  if (!more) {
    part.why = more.error().what;
    return part;
  }
  peer::Message message;
  if (*more) {
    part.kind = Part::Kind::kChunk;
    peer::SnapshotChunk& chunk = *message.mutable_snapshot_chunk();
    chunk.set_number(piece.number);
    chunk.set_hash(piece.hash);
    *chunk.mutable_rows() = std::move(piece.rows);
  } else {
    part.kind = Part::Kind::kEnd;
    const storage::SnapshotSums& sums = stream.source->sums();
    peer::SnapshotEnd& end = *message.mutable_snapshot_end();
    end.set_chunks(sums.pieces);
    end.set_rows(sums.rows);
    end.set_hash(sums.hash);
    stream.source.reset();  // it pins pages
  }
  part.message = serialized(message);
  return part;
}

SnapshotSender::Part SnapshotSender::first_part(Stream& stream) const {
  Part part;
  auto snapshot = stream.store->snapshot();
  if (!snapshot) {
    part.why = snapshot.error().what;
    return part;
  }
  auto source = storage::SnapshotSource::open(std::move(*snapshot), limits_.chunk_bytes);
  if (!source) {
    part.why = source.error().what;
    return part;
  }
  stream.source.emplace(std::move(*source));
  const storage::CheckpointMeta& meta = stream.source->meta();
  part.kind = Part::Kind::kBegin;
  part.zxid = meta.zxid;
  part.position = {meta.log_segment, meta.log_offset_bytes};
  peer::Message message;
  message.mutable_snapshot_begin()->set_zxid(meta.zxid.value());
  message.mutable_snapshot_begin()->set_meta(stream.source->encoded_meta());
  part.message = serialized(message);
  return part;
}

}  // namespace topod::node
