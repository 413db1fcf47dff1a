// Whole trees from peers: on a thread of its own, rows go into a tree of the next generation,
// which is checked, made durable and read into a state. The tree in use is not touched; a tree
// that nobody installs is removed.
//
// Loop thread only, but for what is marked.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>

#include "proto/ids.h"
#include "proto/peer.pb.h"
#include "server/zab/follower.h"
#include "storage/snapshot_stream.h"

namespace topod::node {

class SnapshotReceiver {
 public:
  // Called on the loop.
  struct Outside {
    // Generations that must stay: the one in use, and what the log says will be.
    std::function<bool(uint64_t generation)> is_needed;
    std::function<void(LinkId, uint64_t chunks)> stored;
    std::function<void(LinkId, zab::ReceivedSnapshot)> received;
    std::function<void(LinkId, const std::string& why)> broken;
  };

  // Trees appear in `data_dir`, numbered on from `generation`.
  SnapshotReceiver(asio::io_context& io, std::string data_dir, uint64_t generation, ServerId self,
                   const storage::SnapshotSink::Options& options, Outside outside);
  // As `stop`. What the thread had handed to the loop before must have run, or never run.
  ~SnapshotReceiver();
  SnapshotReceiver(const SnapshotReceiver&) = delete;
  SnapshotReceiver& operator=(const SnapshotReceiver&) = delete;

  // False: this makes no sense here.
  [[nodiscard]] bool begin(LinkId link, const peer::SnapshotBegin& part);
  [[nodiscard]] bool chunk(LinkId link, const peer::SnapshotChunk& part);
  [[nodiscard]] bool end(LinkId link, const peer::SnapshotEnd& part);
  void cancel(LinkId link);
  // What is unfinished is removed. No callback comes after it.
  void stop();

 private:
  struct Incoming {
    LinkId link;
    uint64_t generation = 0;
    std::string path;
    std::atomic<bool> cancelled = false;
    // Loop.
    uint64_t chunks = 0;
    uint64_t chunks_stored = 0;
    bool ended = false;
    // Receiver's thread.
    std::unique_ptr<storage::SnapshotSink> sink;
    uint64_t chunks_taken = 0;
  };
  using IncomingPtr = std::shared_ptr<Incoming>;

  // Runs the step on the receiver's thread unless the tree was given up; what it returns is wrong,
  // if anything.
  void work(const IncomingPtr& incoming, std::function<std::string(const IncomingPtr&)> step);
  void reply(const IncomingPtr& incoming, std::function<void()> act);
  // Receiver's thread.
  std::string take(const IncomingPtr& incoming, const storage::SnapshotPiece& piece);
  std::string finish(const IncomingPtr& incoming, const storage::SnapshotSums& sums);
  void remove(const std::string& path);

  asio::io_context& io_;
  const std::string data_dir_;
  uint64_t last_generation_;
  const ServerId self_;
  const storage::SnapshotSink::Options options_;
  const Outside outside_;
  IncomingPtr incoming_;                 // under way
  std::map<LinkId, uint64_t> received_;  // generations that are whole
  asio::thread_pool thread_{1};          // last: its jobs use the rest
};

}  // namespace topod::node
