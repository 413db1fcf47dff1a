// A disk in memory that loses and tears what was not made durable when the machine stops.
//
// What a process does to it happens at once for the simulator, but takes simulated time: between
// `begin_operation` and `end_operation` nobody can say how far it has come. A stop in between
// leaves a prefix of the calls made since the beginning, the last of them torn between sectors. A
// power cut besides drops any sectors that were written and not synced, and the last changes of
// names that no `sync_dir` followed.
//
// One thread. Sizes in bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/file.h"
#include "tests/sim/random.h"

namespace topod::sim {

enum class Stop : uint8_t {
  kProcess,  // the kernel goes on and keeps what was written
  kPower,
};

class Disk final : public storage::FileSystem {
 public:
  explicit Disk(Random& random) : random_(random) {}

  storage::IoResult<std::unique_ptr<storage::File>> open(const std::string& path,
                                                         storage::OpenFlags flags) override;
  storage::IoResult<void> rename(const std::string& from, const std::string& to) override;
  storage::IoResult<void> remove(const std::string& path) override;
  storage::IoResult<std::vector<std::string>> list(const std::string& dir) override;
  storage::IoResult<bool> exists(const std::string& path) override;
  storage::IoResult<void> make_dir(const std::string& dir) override;
  storage::IoResult<void> sync_dir(const std::string& dir) override;
  storage::IoResult<std::unique_ptr<storage::FileLock>> lock(const std::string& path) override;
  storage::IoResult<uint64_t> free_bytes(const std::string& dir) override;

  // ---- the passing of time -------------------------------------------------------------------
  void begin_operation() { in_progress_ = journal_.size(); }
  void end_operation();
  // Handles that are open now must not be used afterwards.
  void stop(Stop kind);
  // As a new disk.
  void wipe();
  // In a file whose path begins so, a bit of what was written flips, or its sector cannot be read
  // until it is written again. False: nothing was found.
  bool rot(const std::string& prefix);

  // ---- faults --------------------------------------------------------------------------------
  // Files may grow to this sum; beyond it ENOSPC.
  void set_capacity(uint64_t bytes) { capacity_ = bytes; }
  // Of those that are to be durable at once; a part of it is done.
  void fail_next_write(bool fails) { fails_next_write_ = fails; }
  [[nodiscard]] uint64_t used_bytes() const;

 private:
  friend class DiskFile;

  struct Node {
    std::string bytes;
    bool folder = false;
    std::set<uint64_t> unreadable;  // sectors
  };
  using NodePtr = std::shared_ptr<Node>;

  // What was done, and what is needed to undo it.
  struct Step {
    enum class Kind : uint8_t { kWrite, kDurableWrite, kResize, kSync, kNames, kSyncNames };
    Kind kind = Kind::kSync;
    NodePtr node = {};
    uint64_t offset = 0;
    std::string old_bytes = {};  // kWrite: what stood there
    uint64_t old_size = 0;
    std::string removed = {}, added = {};  // kNames
    NodePtr removed_node = {}, replaced_node = {};
  };

  void write(const NodePtr& node, uint64_t offset, std::span<const std::byte> bytes, bool durable);
  void change_names(const std::string& removed, const std::string& added, NodePtr node);
  void undo(Step& step);
  // Any of its sectors may be as before.
  void tear(Step& step);
  void forget_durable();
  void lose_unsynced();

  Random& random_;
  std::map<std::string, NodePtr> names_;
  std::vector<Step> journal_;  // what is not durable yet, in order
  size_t in_progress_ = 0;     // steps from here on may not have happened yet
  uint64_t capacity_ = UINT64_MAX;
  bool fails_next_write_ = false;
};

}  // namespace topod::sim
