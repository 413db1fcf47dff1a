// Wakes the one thread that waits. A semaphore instead of a condition variable: a thread that
// wakes from one takes the mutex as if others waited for it, and giving it back is one more
// system call, at each wake-up, before a record gets to the disk.
//
// `ring`: any thread, and best without a lock that the woken thread wants. The waits: one thread.
// Rings are not lost, nor told from each other: look at what there is to do after every wait.
#pragma once

#include <semaphore.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#include "proto/check.h"

namespace topod::storage {

class Doorbell {
 public:
  Doorbell() { CHECK(sem_init(&rings_, 0, 0) == 0); }
  ~Doorbell() { sem_destroy(&rings_); }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  void ring() { CHECK(sem_post(&rings_) == 0); }

  void wait_until(std::chrono::steady_clock::time_point deadline) {
    const auto since_boot = deadline.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    const std::chrono::nanoseconds rest = since_boot - seconds;
    const timespec at = {.tv_sec = seconds.count(), .tv_nsec = rest.count()};
    CHECK(sem_clockwait(&rings_, CLOCK_MONOTONIC, &at) == 0 || errno == ETIMEDOUT ||
          errno == EINTR);
  }

 private:
  sem_t rings_;
};

}  // namespace topod::storage
