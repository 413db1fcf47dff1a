// A thin layer over epoll for one thread: readiness of sockets, and writes gathered until the end
// of a turn. Level-triggered. Holds no ownership of what it watches: a watcher unregisters itself
// by closing its descriptor, and must outlive the turn in which it does so.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <vector>

#include "tools/bench/clock.h"

namespace topod::bench {

class EventLoop {
 public:
  class Watcher {
   public:
    virtual void on_ready(uint32_t events) = 0;
    // End of a turn in which `flush_later` was called.
    virtual void flush() = 0;

   protected:
    ~Watcher() = default;
  };

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `events` are epoll's. False (with errno) when the kernel refuses.
  [[nodiscard]] bool add(int descriptor, Watcher& watcher, uint32_t events);
  void modify(int descriptor, Watcher& watcher, uint32_t events);

  // Asks for `watcher.flush()` at the next `flush_all`.
  void flush_later(Watcher& watcher) { unflushed_.push_back(&watcher); }

  // The next turn does not sleep: something has happened that its caller may wait for.
  void do_not_sleep() { may_sleep_ = false; }

  // One turn: writes what waits, sleeps until something is ready or `timeout` has passed, calls
  // the watchers concerned, writes again.
  void turn(Nanoseconds timeout);

 private:
  void flush_all();

  int epoll_;
  bool may_sleep_ = true;
  std::vector<epoll_event> ready_;
  std::vector<Watcher*> unflushed_;
  std::vector<Watcher*> flushing_;
};

}  // namespace topod::bench
