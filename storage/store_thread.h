// The thread that owns the store: writes checkpoints, and between them scrubs all rows at a slow
// pace. One checkpoint is under way at a time; meanwhile the owner gathers the next.
//
// One other thread, the loop, calls the public functions; the callbacks run on the store thread
// and must only post.
//
// Errors: a full disk is a state. The checkpoint is kept and tried again, and nothing is lost,
// for the log still holds what it covers. Any other error of a commit is reported once by
// on_fatal; nothing is written after it, and the process must end. A damaged row that the scrub
// meets is reported by on_damage; what is stored of it is lost, what is in memory is not.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "proto/limits.h"
#include "storage/checkpoint.h"
#include "storage/scrub.h"
#include "storage/storage_error.h"
#include "storage/store.h"

namespace topod::storage {

struct StoreThreadOptions {
  std::chrono::milliseconds scrub_period{limits::kScrubPeriodMs};  // 0: nothing is scrubbed
  std::chrono::milliseconds scrub_slice{1'000};
  std::chrono::milliseconds retry_space_after{1'000};
};

struct StoreCallbacks {
  // The submitted checkpoint is durable; `commit_ns` is what that took.
  std::function<void(const CheckpointMeta&, int64_t commit_ns)> on_checkpoint;
  std::function<void(const StorageError&)> on_fatal;
  std::function<void(bool no_space)> on_no_space;  // when it changes
  std::function<void(const StorageError&)> on_damage;
};

class StoreThread {
 public:
  StoreThread(Store store, const StoreThreadOptions& options, StoreCallbacks callbacks);
  // As `stop`.
  ~StoreThread();
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

  // A checkpoint is submitted and not durable yet.
  [[nodiscard]] bool busy() const;
  // Must not be busy, nor stopped.
  void submit(Checkpoint checkpoint, const CheckpointMeta& meta);
  // Waits until nothing is under way. False: it will not become durable (a fatal error, or no
  // space).
  bool drain();
  // Writes what was submitted (one attempt, if there is no space), ends the thread. No callback
  // comes after it.
  void stop();

  // Any thread, for its snapshots and its sizes in bytes.
  [[nodiscard]] const Store& store() const { return store_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Work {
    Checkpoint checkpoint;
    CheckpointMeta meta;
  };
  enum class Step { kCommit, kScrub, kEnd };

  void run();
  Step wait_for_work();
  void commit();
  void scrub();
  // Large checkpoints leave holes in the heap which malloc would keep. They are given back when
  // the burst is over, since while it lasts they are soon filled again.
  void trim_memory();
  void set_no_space(bool no_space);

  Store store_;
  const StoreThreadOptions options_;
  const StoreCallbacks callbacks_;
  Scrubber scrubber_;  // of the store thread alone, as all up to the mutex
  Clock::time_point scrub_at_;
  Clock::time_point retry_at_;
  size_t committed_bytes_ = 0;  // since the last slice of the scrub
  bool trim_due_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Work> work_;
  bool no_space_ = false;
  bool failed_ = false;
  bool stopping_ = false;
  std::thread thread_;  // last: everything else exists when it starts
};

}  // namespace topod::storage
