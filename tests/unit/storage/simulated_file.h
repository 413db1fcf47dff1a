// A disk in memory that can crash, tear, fill up and lie, for tests.
//
// It keeps what is on the medium apart from what was only written: a sector of 512 bytes that was
// not synced survives a crash or not, each by itself; so does every directory operation before
// `sync_dir`. After an injected crash each call fails with EIO and changes nothing, until
// `restart`. Everything random comes from the seed.
//
// Thread-safe. Handles opened before a crash stay dead.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/file.h"

namespace topod::storage {

enum class CallPhase : uint8_t {
  kBefore,  // the call has no effect
  kDuring,  // what it does is done but not durable
  kAfter,   // it is done, durably if it promises so, but the caller never learns
};

class SimulatedFileSystem final : public FileSystem {
 public:
  explicit SimulatedFileSystem(uint64_t seed = 1);
  ~SimulatedFileSystem() override;

  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenFlags flags) override;
  IoResult<void> rename(const std::string& from, const std::string& to) override;
  IoResult<void> remove(const std::string& path) override;
  IoResult<std::vector<std::string>> list(const std::string& dir) override;
  IoResult<bool> exists(const std::string& path) override;
  IoResult<void> make_dir(const std::string& dir) override;
  IoResult<void> sync_dir(const std::string& dir) override;
  IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  IoResult<uint64_t> free_bytes(const std::string& dir) override;

  // ---- faults: calls that change something are numbered from 1 -----------------------------
  [[nodiscard]] uint64_t calls() const;
  // What the last call was, for messages: operation and path.
  [[nodiscard]] std::string last_call() const;
  void crash_at_call(uint64_t number, CallPhase phase);
  // The call fails with this errno. A failed write or sync leaves any part of it on the medium.
  void fail_call(uint64_t number, int code);
  void clear_faults();
  [[nodiscard]] bool crashed() const;

  // The power goes and comes back: unsynced sectors and directory operations survive in a random
  // subset. Clears planned faults.
  void restart();
  // The process dies and comes back; the kernel still holds what was written.
  void restart_process();

  // Files may grow to this sum; beyond it ENOSPC.
  void set_capacity(uint64_t bytes);

  // ---- the medium itself -------------------------------------------------------------------
  [[nodiscard]] std::string contents(const std::string& path) const;
  void set_contents(const std::string& path, const std::string& bytes);
  void flip(const std::string& path, uint64_t offset, uint8_t mask);
  // Reads that touch this sector fail with EIO.
  void make_unreadable(const std::string& path, uint64_t sector);
  // A copy of everything, with the same things still unsynced.
  [[nodiscard]] std::unique_ptr<SimulatedFileSystem> clone(uint64_t seed) const;

 private:
  friend class SimulatedFile;
  friend class SimulatedFileLock;

  static constexpr size_t kSector = 512;
  using Sector = std::array<char, kSector>;

  struct Node {
    bool folder = false;
    std::string bytes;                    // as written
    std::map<uint64_t, Sector> unsynced;  // sector -> what the medium holds instead
    uint64_t durable_size = 0;
    std::set<uint64_t> unreadable;
  };
  using NodePtr = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePtr>;

  // A change of names; an empty name is none.
  struct Operation {
    std::string dir;
    std::string removed;
    std::string added;
    NodePtr node;
  };

  struct Plan {
    uint64_t call = 0;
    std::optional<CallPhase> crash;
    int code = 0;
  };

  // What a planned fault makes of the call that begins now.
  struct Fate {
    int code = 0;         // fail with this; 0 = do not
    bool partly = false;  // ... after doing it, not durably
    bool wholly = false;  // ... after doing it
  };
  Fate begin_call(const char* operation, const std::string& path);
  // Runs a call under the lock: `act` does it, `settle` makes it durable.
  IoResult<void> call(const char* operation, const std::string& path,
                      const std::function<int()>& act, const std::function<void()>& settle);

  void write_bytes(Node& node, uint64_t offset, const std::byte* bytes, size_t size);
  void resolve_sectors(Node& node);
  void apply(Names& names, const Operation& operation) const;
  [[nodiscard]] uint64_t used_bytes() const;
  [[nodiscard]] Node& file_at(const std::string& path) const;

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  Names names_;    // as seen
  Names durable_;  // on the medium
  std::vector<Operation> pending_;
  std::set<std::string> locked_;
  std::optional<Plan> plan_;
  uint64_t calls_ = 0;
  std::string last_call_;
  bool crashed_ = false;
  uint64_t life_ = 1;  // counts restarts; handles of an earlier one are dead
  uint64_t capacity_ = UINT64_MAX;
};

}  // namespace topod::storage
