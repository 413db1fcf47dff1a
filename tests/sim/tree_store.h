// What LMDB does for a server, as a model: whole checkpoints, each at an exact zxid with its place
// in the log, of which a crash leaves the last that was completed. Generations as on a real disk:
// the next one is a received snapshot. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "server/node/interfaces.h"
#include "storage/checkpoint.h"
#include "tests/sim/world.h"

namespace topod::sim {

// The rows of one tree, encoded as they are stored.
struct StoredTree {
  std::map<NodeId, std::string> nodes;
  std::map<AclId, std::string> acls;
  std::map<SessionId, std::string> sessions;
  std::map<ServerId, std::string> members;
  storage::CheckpointMeta meta;

  void apply(const storage::Checkpoint& checkpoint, const storage::CheckpointMeta& at);
  // The state of these rows; null and a reason if they make no sense.
  [[nodiscard]] std::unique_ptr<state::State> load(std::string& why) const;
};

// After-images of all items of a state.
[[nodiscard]] storage::Checkpoint whole_checkpoint(const state::State& state);
// After-images of what changed, added to what was gathered before.
void gather(storage::Checkpoint& gathering, const state::State& state,
            const state::Changes& changes);

// What survives crashes: the trees of a member by generation.
using StoredTrees = std::map<uint64_t, StoredTree>;

class TreeStore final : public node::TreeStore {
 public:
  struct Events {
    std::function<void(const storage::CheckpointMeta&)> completed;
    // To another generation, whose tree stands there.
    std::function<void(const storage::CheckpointMeta&)> switched;
  };
  TreeStore(World& world, StoredTrees& trees, uint64_t generation, Events events);

  void collect(const state::State& state, const state::Changes& changes) override;
  void switch_generation(uint64_t generation, node::ReplacedTree replaced) override;
  [[nodiscard]] std::string path() const override { return {}; }
  [[nodiscard]] size_t gathered_bytes() const override { return gathering_.bytes(); }
  [[nodiscard]] node::DurationFigures checkpoint_times() const override { return {}; }
  [[nodiscard]] std::optional<node::StoredCheckpoint> last_checkpoint() const override {
    return {};
  }

  // Whether a checkpoint is due now, `begin` being called if so.
  [[nodiscard]] bool is_due() const;
  void begin(const storage::CheckpointMeta& meta);
  [[nodiscard]] const StoredTree& current() const { return trees_.at(generation_); }
  [[nodiscard]] uint64_t generation() const { return generation_; }

 private:
  World& world_;
  StoredTrees& trees_;
  uint64_t generation_;
  Events events_;
  storage::Checkpoint gathering_;
  bool busy_ = false;
  int64_t last_begin_us_ = 0;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace topod::sim
