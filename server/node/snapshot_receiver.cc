#include "server/node/snapshot_receiver.h"

#include <utility>

#include <asio/post.hpp>

#include "proto/limits.h"
#include "server/node/logging.h"
#include "server/node/snapshot_sender.h"
#include "server/node/stored_tree.h"
#include "storage/data_dir.h"

namespace topod::node {

namespace {
// The sender learns of so many stored chunks at once; a fraction of its window.
constexpr uint64_t kChunksPerReport = kSnapshotWindowChunks / 4;
}  // namespace

SnapshotReceiver::SnapshotReceiver(asio::io_context& io, std::string data_dir, uint64_t generation,
                                   ServerId self, const storage::SnapshotSink::Options& options,
                                   Outside outside)
    : io_(io),
      data_dir_(std::move(data_dir)),
      last_generation_(generation),
      self_(self),
      options_(options),
      outside_(std::move(outside)) {}

SnapshotReceiver::~SnapshotReceiver() { stop(); }

void SnapshotReceiver::stop() {
  if (incoming_) incoming_->cancelled = true;
  incoming_.reset();
  thread_.stop();
  thread_.join();
}

// ---- on the loop ---------------------------------------------------------------------------

bool SnapshotReceiver::begin(LinkId link, const peer::SnapshotBegin& part) {
  if (incoming_ && incoming_->link == link) return false;
  if (incoming_) cancel(incoming_->link);
  cancel(link);
  incoming_ = std::make_shared<Incoming>();
  incoming_->link = link;
  incoming_->generation = ++last_generation_;
  incoming_->path = storage::tree_path(data_dir_, incoming_->generation);
  log_info("snapshot", "receiving a whole tree",
           {{"link", link.value()}, {"zxid", hex(part.zxid())}, {"tree", incoming_->path}});
  work(incoming_,
       [this, zxid = Zxid(part.zxid()), meta = part.meta()](const IncomingPtr& incoming) {
         auto sink = storage::SnapshotSink::create(incoming->path, options_, meta, self_);
         if (!sink) return sink.error().what;
         if ((*sink)->meta().zxid != zxid) return std::string("its zxid is not its checkpoint's");
         incoming->sink = std::move(*sink);
         return std::string();
       });
  return true;
}

bool SnapshotReceiver::chunk(LinkId link, const peer::SnapshotChunk& part) {
  if (!incoming_ || incoming_->link != link) return true;  // of one that was given up
  // What waits for the disk stays bounded.
  if (incoming_->ended || part.rows().size() > 2 * limits::kSnapshotChunkBytes ||
      ++incoming_->chunks - incoming_->chunks_stored > kSnapshotWindowChunks) {
    return false;
  }
  storage::SnapshotPiece piece{part.number(), part.rows(), part.hash()};
  work(incoming_, [this, piece = std::move(piece)](const IncomingPtr& incoming) {
    return take(incoming, piece);
  });
  return true;
}

bool SnapshotReceiver::end(LinkId link, const peer::SnapshotEnd& part) {
  if (!incoming_ || incoming_->link != link) return true;
  if (std::exchange(incoming_->ended, true)) return false;
  const storage::SnapshotSums sums{part.chunks(), part.rows(), part.hash()};
  work(incoming_, [this, sums](const IncomingPtr& incoming) { return finish(incoming, sums); });
  return true;
}

void SnapshotReceiver::cancel(LinkId link) {
  if (incoming_ && incoming_->link == link) {
    incoming_->cancelled = true;
    asio::post(thread_, [this, incoming = std::move(incoming_)] {
      const bool whole = incoming->sink == nullptr;
      incoming->sink.reset();
      if (whole) remove(incoming->path);
    });
    incoming_.reset();
  }
  const auto found = received_.find(link);
  if (found == received_.end()) return;
  const uint64_t generation = found->second;
  received_.erase(found);
  if (outside_.is_needed(generation)) return;
  asio::post(thread_, [this, path = storage::tree_path(data_dir_, generation)] { remove(path); });
}

void SnapshotReceiver::reply(const IncomingPtr& incoming, std::function<void()> act) {
  asio::post(io_, [this, incoming, act = std::move(act)] {
    if (incoming_ == incoming) act();
  });
}

// ---- on the receiver's thread --------------------------------------------------------------

void SnapshotReceiver::work(const IncomingPtr& incoming,
                            std::function<std::string(const IncomingPtr&)> step) {
  asio::post(thread_, [this, incoming, step = std::move(step)] {
    if (incoming->cancelled) return;
    const std::string wrong = step(incoming);
    if (wrong.empty()) return;
    incoming->cancelled = true;  // what still waits is not worth anything
    reply(incoming, [this, link = incoming->link, wrong] {
      log_error("snapshot", "a received tree is not used", {{"why", wrong}});
      cancel(link);
      outside_.broken(link, "its snapshot is broken: " + wrong);
    });
  });
}

std::string SnapshotReceiver::take(const IncomingPtr& incoming,
                                   const storage::SnapshotPiece& piece) {
  if (auto added = incoming->sink->add(piece); !added) return added.error().what;
  if (++incoming->chunks_taken % kChunksPerReport == 0) {
    reply(incoming, [this, incoming, chunks = incoming->chunks_taken] {
      incoming->chunks_stored = chunks;
      outside_.stored(incoming->link, chunks);
    });
  }
  return {};
}

std::string SnapshotReceiver::finish(const IncomingPtr& incoming,
                                     const storage::SnapshotSums& sums) {
  if (auto done = incoming->sink->finish(sums); !done) return done.error().what;
  incoming->sink.reset();
  auto tree = load_stored_tree(incoming->path);
  if (!tree) return tree.error().what;
  if (incoming->cancelled) return {};
  auto state = std::make_shared<state::State>(std::move(tree->state));
  reply(incoming, [this, incoming, state, zxid = tree->meta.zxid] {
    zab::ReceivedSnapshot snapshot;
    snapshot.state = std::make_unique<state::State>(std::move(*state));
    snapshot.zxid = zxid;
    snapshot.generation = incoming->generation;
    snapshot.digest = hex(static_cast<int64_t>(snapshot.state->digest.low()));
    const LinkId link = incoming->link;
    received_[link] = incoming->generation;
    incoming_.reset();
    outside_.received(link, std::move(snapshot));
  });
  return {};
}

void SnapshotReceiver::remove(const std::string& path) {
  storage::FileSystem& files = *options_.files;
  const auto exists = files.exists(path);
  if (!exists || !*exists) return;
  if (const auto removed = storage::remove_folder(files, path); !removed) {
    log_warn("snapshot", "a received tree cannot be removed; the next start tries again",
             {{"why", removed.error().what}});
  }
}

}  // namespace topod::node
