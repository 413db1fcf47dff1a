// The tail of the log that is not applied yet: proposed entries in zxid order, each kept as the
// bytes that are logged, until it is committed and evaluated. Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "proto/ids.h"

namespace topod::zab {

struct Proposal {
  Zxid zxid;
  Zxid predecessor;
  uint64_t record_number = 0;  // of its log record; see output.h
  std::string bytes;           // serialized entry
};

class History {
 public:
  // The last zxid of the log when it was loaded.
  void start(Zxid last) { last_ = last; }

  // The zxid must be above every one before. The reference stays valid until it is popped.
  Proposal& append(Zxid zxid, uint64_t record_number);
  [[nodiscard]] bool empty() const { return proposals_.empty(); }
  [[nodiscard]] size_t size() const { return proposals_.size(); }
  [[nodiscard]] const Proposal& front() const { return proposals_.front(); }
  void pop_front() { proposals_.pop_front(); }
  // Of the last proposal, applied or not.
  [[nodiscard]] Zxid last_zxid() const { return last_; }

 private:
  std::deque<Proposal> proposals_;
  Zxid last_;
};

}  // namespace topod::zab
