#include "storage/history_thread.h"

#include <algorithm>
#include <utility>

namespace topod::storage {

HistoryThread::HistoryThread(HistoryReader reader, OnAnswer on_answer)
    : reader_(std::move(reader)), on_answer_(std::move(on_answer)), thread_([this] { run(); }) {}

HistoryThread::~HistoryThread() { stop(); }

void HistoryThread::submit(const HistoryRequest& request) {
  const std::lock_guard lock(mutex_);
  const auto same = std::find_if(queue_.begin(), queue_.end(), [&](const HistoryRequest& waiting) {
    return waiting.link == request.link;
  });
  if (same != queue_.end()) {
    *same = request;
  } else {
    queue_.push_back(request);
  }
  wake_.notify_one();
}

void HistoryThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void HistoryThread::run() {
  while (true) {
    HistoryRequest request;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      request = queue_.front();
      queue_.pop_front();
    }
    HistoryAnswer answer = reader_.read(request);
    on_answer_(request, std::move(answer));
  }
}

}  // namespace topod::storage
