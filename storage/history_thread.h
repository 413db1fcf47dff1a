// The thread that reads history for peers, so that neither the loop nor the log thread waits for
// the disk. One other thread, the loop, calls the public functions; the callback runs on this
// thread and must only post. A link has one request at a time: a second one replaces the first.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/history_reader.h"

namespace topod::storage {

class HistoryThread {
 public:
  using OnAnswer = std::function<void(const HistoryRequest&, HistoryAnswer)>;

  HistoryThread(HistoryReader reader, OnAnswer on_answer);
  // As `stop`.
  ~HistoryThread();
  HistoryThread(const HistoryThread&) = delete;
  HistoryThread& operator=(const HistoryThread&) = delete;

  void submit(const HistoryRequest& request);
  // Drops what waits, ends the thread. No callback comes after it.
  void stop();

 private:
  void run();

  HistoryReader reader_;  // of its thread alone
  const OnAnswer on_answer_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<HistoryRequest> queue_;
  bool stopping_ = false;
  std::thread thread_;  // last: everything else exists when it starts
};

}  // namespace topod::storage
