// The operations that workloads consist of. A workload belongs to one thread; its driver gives it
// a slot (one of the operations that a connection may have under way) to start and to carry on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tools/bench/connection.h"
#include "tools/bench/options.h"

namespace topod::bench {

// An operation under way. `number`, `step` and `path` are the workload's own.
struct Slot {
  uint64_t number = 0;  // of the slot, among all slots of the run
  uint32_t tag = 0;     // to be given to Connection::send
  Nanoseconds intended = 0;
  int step = 0;
  std::string path;
};

class Workload {
 public:
  virtual ~Workload() = default;

  // Sends the first request of an operation. False: there is nothing left to do, nothing was sent.
  virtual bool start(Connection& connection, Slot& slot) = 0;

  enum class Progress { kEnded, kContinues };
  // Takes a reply without error; sends the next request if the operation continues.
  virtual Progress proceed(Connection&, Slot&, const Reply&) { return Progress::kEnded; }

  // The error inside a reply whose header says Ok.
  [[nodiscard]] virtual ErrorCode error_in(const Reply&) const { return ErrorCode::kOk; }
  // Operations, as they are counted, in one that was started.
  [[nodiscard]] virtual uint64_t operations() const { return 1; }
};

// The workload of options.command for that thread. REQUIRES: it is one made of requests.
[[nodiscard]] std::unique_ptr<Workload> make_workload(const Options& options, uint32_t thread);

// Where the znodes of a run lie.
[[nodiscard]] std::string znode_prefix(const Options& options);   // of numbered znodes
[[nodiscard]] std::string parent_prefix(const Options& options);  // of numbered parents
// `load` puts this many znodes below each parent.
inline constexpr uint64_t kZnodesPerParent = 1'000;

}  // namespace topod::bench
