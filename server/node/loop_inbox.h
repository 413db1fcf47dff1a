// Values from another thread to the loop. Instead of asio::post, which wakes the loop while it
// still holds the mutex that the loop needs first: on few cores the woken loop takes the
// processor from the poster, finds the mutex locked and sleeps again, at every flush of the log.
//
// `put`: any thread. The rest, and the handler: loop thread only. Must not outlive the
// io_context; values that were not handled when it goes are dropped.
#pragma once

#include <sys/eventfd.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "proto/check.h"

namespace topod::node {

template <class Value>
class LoopInbox {
 public:
  LoopInbox(asio::io_context& io, std::function<void(const Value&)> handle)
      : handle_(std::move(handle)), bell_(io, new_event()) {
    wait();
  }
  LoopInbox(const LoopInbox&) = delete;
  LoopInbox& operator=(const LoopInbox&) = delete;

  void put(Value value) {
    {
      const std::lock_guard lock(mutex_);
      // If others wait, the bell has been rung for them.
      const bool first = values_.empty();
      values_.push_back(std::move(value));
      if (!first) return;
    }
    CHECK(eventfd_write(bell_.native_handle(), 1) == 0);
  }

 private:
  static int new_event() {
    const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK_MSG(event >= 0, "no eventfd: out of file descriptors?");
    return event;
  }

  void wait() {
    bell_.async_read_some(asio::buffer(&rings_, sizeof rings_),
                          [this](const asio::error_code& error, size_t) {
                            if (error) return;
                            take();
                            wait();
                          });
  }

  void take() {
    taken_.clear();
    {
      const std::lock_guard lock(mutex_);
      taken_.swap(values_);
    }
    for (const Value& value : taken_) handle_(value);
  }

  const std::function<void(const Value&)> handle_;
  asio::posix::stream_descriptor bell_;
  uint64_t rings_ = 0;
  std::vector<Value> taken_;

  std::mutex mutex_;
  std::vector<Value> values_;  // under the mutex
};

}  // namespace topod::node
