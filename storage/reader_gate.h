// Lets readers in, or keeps them out while the map of an LMDB environment is replaced: LMDB
// demands that no transaction be open then. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace topod::storage {

class ReaderGate {
 public:
  // Waits while the gate is closed.
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !closed_; });
    ++inside_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --inside_;
    changed_.notify_all();
  }
  // Waits until everybody has left; only one thread may close.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.wait(lock, [this] { return inside_ == 0; });
  }
  [[nodiscard]] bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace topod::storage
