// Whole trees for peers: reads them from a frozen image of the stored tree on a thread of its own,
// and feeds each link only as fast as it takes them, so that what else is said over the link hardly
// waits. A frozen image keeps pages from being used again: a stream that takes too long, lets the
// file grow too far or is in the way of a larger map is ended, and the peer tries again.
//
// Loop thread only, but for what is marked. Times in milliseconds.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "proto/limits.h"
#include "server/node/interfaces.h"
#include "storage/log_format.h"
#include "storage/snapshot_stream.h"
#include "storage/store.h"

namespace topod::node {

// Chunks that the receiver has not yet reported as stored.
inline constexpr uint64_t kSnapshotWindowChunks = 32;

struct SnapshotLimits {
  size_t chunk_bytes = limits::kSnapshotChunkBytes;
  size_t queue_bytes = limits::kSnapshotQueueBytes;
  int streams = limits::kSnapshotStreams;
  size_t bytes_per_second = limits::kSnapshotBytesPerSecond;
  int64_t max_ms = limits::kSnapshotMaxMs;
  size_t max_growth_bytes = limits::kSnapshotMaxGrowthBytes;
};

class SnapshotSender {
 public:
  // Called on the loop.
  struct Outside {
    std::function<std::shared_ptr<const storage::Store>()> store;  // the one in use
    // The log from there on is needed by this peer; then, not much longer.
    std::function<void(LinkId, storage::LogPosition)> hold_log;
    std::function<void(LinkId)> end_hold;
    std::function<void(LinkId, Zxid, bool ok)> sent;
  };

  SnapshotSender(asio::io_context& io, PeerNet& net, Outside outside,
                 const SnapshotLimits& limits = {});
  // As `stop`. What the thread had handed to the loop before must have run, or never run.
  ~SnapshotSender();
  SnapshotSender(const SnapshotSender&) = delete;
  SnapshotSender& operator=(const SnapshotSender&) = delete;

  void send(LinkId link);
  // The receiver has stored so many chunks. False: it cannot have.
  [[nodiscard]] bool progress(LinkId link, uint64_t chunks);
  void cancel(LinkId link);
  // No callback comes after it.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  struct Part {
    enum class Kind : uint8_t { kBegin, kChunk, kEnd, kFailed };
    Kind kind = Kind::kFailed;
    std::string message;  // serialized
    Zxid zxid;
    storage::LogPosition position;  // of the tree in the log
    std::string why;                // it failed
  };
  struct Stream {
    LinkId link;
    std::atomic<bool> cancelled = false;
    Clock::time_point began = Clock::now();
    std::shared_ptr<const storage::Store> store;
    size_t used_bytes = 0;  // when it began
    // Sender's thread. After `store`, so that it goes first.
    std::optional<storage::SnapshotSource> source;
  };
  // What the loop knows of it.
  struct Outgoing {
    std::shared_ptr<Stream> stream;
    Zxid zxid;
    std::deque<Part> ready;
    bool producing = false;
    bool complete = false;  // the last part has been produced
    uint64_t chunks_sent = 0;
    uint64_t chunks_stored = 0;
  };

  void start_waiting();
  void ask_for_more(Outgoing& outgoing);
  void produced(const std::shared_ptr<Stream>& stream, Part part);
  void pump();
  // True: the link or the rate allows no more now. Afterwards the stream may be gone.
  bool pump(LinkId link, Outgoing& outgoing);
  void look_again(Clock::duration after);
  [[nodiscard]] std::string limit_reached(const Stream& stream) const;
  void fail(LinkId link, const std::string& why);
  void finish(LinkId link, bool ok);
  void refill();

  // Sender's thread.
  [[nodiscard]] Part next_part(Stream& stream) const;
  [[nodiscard]] Part first_part(Stream& stream) const;

  asio::io_context& io_;
  PeerNet& net_;
  const Outside outside_;
  const SnapshotLimits limits_;
  std::map<LinkId, Outgoing> streams_;
  std::deque<LinkId> waiting_;
  double allowance_bytes_ = 0;
  Clock::time_point refilled_ = Clock::now();
  asio::steady_timer timer_;
  asio::thread_pool thread_{1};  // last: its jobs use the rest
};

}  // namespace topod::node
