// The store thread behind the loop's interface: after-images of what changed gather in a
// checkpoint, which is handed over about once a second, at a boundary between two entries, with
// the zxid and the log position that it stands for. Loop thread only, but for the callbacks,
// which only post.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <asio/io_context.hpp>

#include "proto/histogram.h"
#include "server/node/config.h"
#include "server/node/interfaces.h"
#include "server/zab/replica.h"
#include "storage/checkpoint.h"
#include "storage/data_dir.h"
#include "storage/log_format.h"
#include "storage/store_thread.h"

namespace topod::node {

class TreeAdapter final : public TreeStore {
 public:
  // Called on the loop.
  struct Events {
    // The log before this place is needed no more for a restart.
    std::function<void(storage::LogPosition)> log_trimmable;
    std::function<void(bool)> no_space;
    std::function<void(const std::string&)> fatal;
  };

  TreeAdapter(asio::io_context& io, storage::Store store, uint64_t generation, const Config& config,
              const storage::DirectoryIdentity& identity, Events events);
  ~TreeAdapter() override;

  void collect(const state::State& state, const state::Changes& changes) override;
  void switch_generation(uint64_t generation, ReplacedTree replaced) override;
  [[nodiscard]] std::string path() const override {
    return storage::tree_path(config_.data_dir, generation_);
  }
  [[nodiscard]] size_t gathered_bytes() const override { return gathering_.bytes(); }
  [[nodiscard]] DurationFigures checkpoint_times() const override { return checkpoint_times_; }
  [[nodiscard]] const Histogram& checkpoint_durations_us() const { return durations_us_; }
  [[nodiscard]] size_t gathered_entries() const { return gathering_.entries(); }
  // For how long the oldest change has been waiting that no checkpoint on disk holds; 0: all are.
  [[nodiscard]] int64_t checkpoint_age_ms(int64_t now_ms) const;
  [[nodiscard]] std::optional<StoredCheckpoint> last_checkpoint() const override { return last_; }

  [[nodiscard]] uint64_t generation() const { return generation_; }
  // For snapshots on another thread. What holds it may outlive a switch to the next generation.
  [[nodiscard]] std::shared_ptr<const storage::Store> store() const {
    return {thread_, &thread_->store()};
  }

  // A restart with what is applied so far would begin at this place in the log.
  void set_position(storage::LogPosition position) { position_ = position; }
  // Hands over what has gathered, if it is time or too much.
  void checkpoint_if_due(const zab::Replica& replica, int64_t now_ms);
  // Hands over the rest and waits until it is on disk; the thread ends.
  void stop(const zab::Replica& replica);

 private:
  void start(storage::Store store);
  void begin(const zab::Replica& replica);
  void done(int64_t commit_ns);
  // Ends the thread and removes its tree or puts it aside, without keeping the loop waiting.
  void retire(std::shared_ptr<storage::StoreThread> thread, uint64_t generation,
              ReplacedTree replaced);

  asio::io_context& io_;
  const Config& config_;
  storage::DirectoryIdentity identity_;
  Events events_;
  DurationFigures checkpoint_times_;
  Histogram durations_us_;
  std::optional<StoredCheckpoint> last_;
  int64_t gathering_since_ms_ = 0;  // when `gathering_` was first found not to be empty; 0: it is
  int64_t under_way_since_ms_ = 0;  // the same, of the checkpoint being written
  Zxid under_way_zxid_;
  uint64_t generation_;

  storage::Checkpoint gathering_;
  storage::LogPosition position_;
  storage::LogPosition under_way_;  // the position of the checkpoint being written
  storage::LogPosition previous_;   // of the last one that is durable
  bool busy_ = false;
  int64_t last_begin_ms_ = 0;
  std::vector<NodeId> changed_nodes_;  // reused
  std::thread retiring_;
  std::shared_ptr<storage::StoreThread> thread_;  // last: its callbacks use the rest
};

}  // namespace topod::node
