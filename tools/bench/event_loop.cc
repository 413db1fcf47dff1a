#include "tools/bench/event_loop.h"

#include <unistd.h>

#include <algorithm>

#include "proto/check.h"

namespace topod::bench {

namespace {
constexpr size_t kEventsPerTurn = 256;
}  // namespace

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), ready_(kEventsPerTurn) {
  CHECK_MSG(epoll_ >= 0, "epoll_create1");
}

EventLoop::~EventLoop() { ::close(epoll_); }

bool EventLoop::add(int descriptor, Watcher& watcher, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void EventLoop::modify(int descriptor, Watcher& watcher, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  CHECK_MSG(epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0, "epoll_ctl");
}

void EventLoop::turn(Nanoseconds timeout) {
  flush_all();
  const Nanoseconds sleep = may_sleep_ ? std::max<Nanoseconds>(timeout, 0) : 0;
  may_sleep_ = true;
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(sleep / kSecond);
  limit.tv_nsec = static_cast<long>(sleep % kSecond);
  const int count =
      epoll_pwait2(epoll_, ready_.data(), static_cast<int>(ready_.size()), &limit, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_[static_cast<size_t>(i)];
    static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
  }
  flush_all();
}

void EventLoop::flush_all() {
  // A flush can lose a connection, whose handler may open another one: hence the swap.
  flushing_.swap(unflushed_);
  for (Watcher* watcher : flushing_) watcher->flush();
  flushing_.clear();
}

}  // namespace topod::bench
