// A server of the ensemble: the real node and replica between a simulated disk, a simulated
// network and a clock of its own. What arrives waits for the next turn of its loop, as in the real
// server, so that a process that stands still loses nothing that the kernel holds for it.
//
// It starts from its disk exactly as the real server does, and after every turn what it has
// applied is compared with the history. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/node/interfaces.h"
#include "server/node/node.h"
#include "server/zab/replica.h"
#include "storage/data_dir.h"
#include "tests/sim/disk.h"
#include "tests/sim/durable_logs.h"
#include "tests/sim/history.h"
#include "tests/sim/log_store.h"
#include "tests/sim/network.h"
#include "tests/sim/tree_store.h"

namespace topod::sim {

// What all members have in common.
struct Ensemble {
  std::vector<ServerId> members;  // voters, then observers
  size_t observers = 0;
  std::vector<zab::Voter> voters;  // with their weights and groups
  int32_t tick_ms = 1'000;
  size_t segment_bytes = size_t{256} * 1024;
  size_t retain_bytes = size_t{1} * 1024 * 1024;
  size_t batch_records = 256;  // the most in one flush
  bool read_only_service = false;
  uint64_t turns_per_invariants = 32;  // they take time in proportion to the history
};

class Member final : public StreamHandler, private node::Clock, private node::Entropy {
 public:
  Member(World& world, Network& network, History& history, DurableLogs& durable_logs,
         const Ensemble& ensemble, ServerId id);
  ~Member() override;

  // ---- faults --------------------------------------------------------------------------------
  void start();
  void crash(Stop kind);
  void pause();
  void resume();
  // The disk is replaced by an empty one; it must not be running.
  void wipe();
  // A bit of its log flips, or a sector cannot be read any more. A start that meets the damage
  // begins anew, as a learner.
  void rot();
  void jump_wall_clock(int64_t by_ms) { wall_offset_ms_ += by_ms; }
  // Its monotonic clock stands still for so long, while it goes on.
  void stop_clock(int64_t for_us);
  void free_clock();
  // Called after each turn.
  void set_onlooker(std::function<void()> onlooker) { onlooker_ = std::move(onlooker); }
  void set_drift(int64_t per_million) { drift_per_million_ = per_million; }
  // Nothing more can be allocated until further notice.
  void fill_disk();
  void free_disk() { disk_.set_capacity(UINT64_MAX); }
  // The next write to its log fails, which ends the process.
  void fail_disk(std::function<void()> ended);
  void mend_disk() { disk_.fail_next_write(false); }
  // Dies while it reads and mends its log.
  void crash_in_start();
  DiskSpeed& disk_speed() { return disk_speed_; }

  // ---- for oracles and faults ----------------------------------------------------------------
  [[nodiscard]] ServerId id() const { return id_; }
  [[nodiscard]] Place place() const { return static_cast<Place>(id_.value()); }
  [[nodiscard]] bool is_running() const { return process_ != nullptr; }
  [[nodiscard]] bool is_paused() const { return is_paused_; }
  [[nodiscard]] const zab::Replica* replica() const;
  // Of the batch that is being written to the log; 0: none is.
  [[nodiscard]] size_t flushing_bytes() const;
  [[nodiscard]] size_t applied_count() const { return applied_count_; }
  // Something on its disk has decayed and was not met yet.
  [[nodiscard]] bool is_rotten() const { return is_rotten_; }
  // Its data directory has been admitted, and it will know after any restart.
  [[nodiscard]] bool is_voter() const { return stays_voter_; }
  [[nodiscard]] bool is_observer() const {
    return id_.value() > ensemble_.members.size() - ensemble_.observers;
  }

  bool stream_opened(StreamId stream, Place from) override;
  void stream_received(StreamId stream, std::string bytes) override;
  void stream_closed(StreamId stream) override;

 private:
  struct Process;  // all that a crash destroys
  class Sockets;   // its client port

  // Runs in the next turn of the loop.
  void deliver(std::function<void()> input);
  void schedule_turn();
  void turn();
  void schedule_tick();
  void observe();
  void observe_leader();
  // Of the leader that it is up to date with; 0: there is none.
  [[nodiscard]] Epoch reign() const;

  // start-up
  [[nodiscard]] std::unique_ptr<state::State> load_tree(storage::CheckpointMeta& meta);
  [[nodiscard]] std::unique_ptr<storage::Log> open_log(const storage::CheckpointMeta& meta);
  [[nodiscard]] uint64_t choose_generation();
  void begin_anew_if_damaged();
  void replay(const storage::Log& log, const storage::CheckpointMeta& meta);
  [[nodiscard]] zab::Restored restored(const storage::Log& log,
                                       const storage::CheckpointMeta& meta) const;
  void open_stores(std::unique_ptr<storage::Log> log, const storage::CheckpointMeta& meta);
  void join();
  void logged(const zab::Append& record);
  void begin_checkpoint_if_due();
  [[nodiscard]] storage::LogIdentity log_identity() const;
  [[nodiscard]] storage::CheckpointMeta checkpoint_meta(const state::State& state,
                                                        storage::LogPosition position) const;
  void broken(const char* oracle, const std::string& what);

  [[nodiscard]] zab::Moment now() const override;
  [[nodiscard]] int64_t monotonic_us() const;
  void fill(std::span<uint8_t> bytes) override;
  [[nodiscard]] zab::ReplicaConfig replica_config() const;

  World& world_;
  Network& network_;
  History& history_;
  DurableLogs& durable_logs_;
  const Ensemble& ensemble_;
  ServerId id_;

  // Of the machine.
  Disk disk_;
  DiskSpeed disk_speed_;
  StoredTrees trees_;
  storage::DirectoryIdentity identity_;
  int64_t wall_offset_ms_ = 0;
  int64_t drift_per_million_ = 0;
  // Of the monotonic clock: since when it stands still, until when, and how much it has lost so.
  int64_t clock_stopped_us_ = 0;
  int64_t clock_resumes_us_ = 0;
  int64_t clock_lost_us_ = 0;

  uint64_t life_ = 0;  // of the process
  bool is_paused_ = false;
  bool is_rotten_ = false;
  bool is_voter_ = false;     // has been one since its disk is this one
  bool stays_voter_ = false;  // whatever becomes of the process
  Epoch synchronising_;       // the last epoch in which it led so far
  Epoch established_;
  size_t applied_count_ = 0;
  std::function<void()> onlooker_;
  std::function<void()> disk_failed_;
  uint64_t turns_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace topod::sim
