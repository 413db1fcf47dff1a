// A log under a random but repeatable workload, with a model of what it must hold: for tests that
// break the disk below it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "storage/log.h"
#include "storage/log_reader.h"
#include "tests/unit/storage/simulated_file.h"

namespace topod::storage {

inline constexpr LogIdentity kTestIdentity{{1, 2, 3, 4, 5, 6, 7, 8}, ServerId(1)};
inline const std::string kTestDir = "/data/wal";

// Small segments, nothing kept: every rule about segments is met within a few dozen appends.
[[nodiscard]] LogOptions small_log_options();

// What a log says, as a restart sees it.
struct LogState {
  std::vector<LogRecord> transactions;
  Epoch accepted_epoch;
  Epoch current_epoch;
  Zxid committed;
  Zxid last_zxid;
  uint64_t generation = 0;  // of the installed snapshot; 0 = none
  std::string founding;
  std::vector<Zxid> epoch_ends;
  bool operator==(const LogState&) const = default;
};
std::ostream& operator<<(std::ostream& out, const LogState& state);

// Everything that `log` recovered.
[[nodiscard]] tl::expected<LogState, std::string> recovered_state(SimulatedFileSystem& disk,
                                                                  const Log& log,
                                                                  std::optional<LogPosition> from);

class LogWorkload {
 public:
  explicit LogWorkload(uint64_t seed) : random_(seed) {}

  // Opens the log, checks what it recovered against the model, goes on from there. False if the
  // disk failed meanwhile. Test failures are reported through gtest.
  bool open(SimulatedFileSystem& disk);
  // One random action. False if the disk failed.
  bool step();
  // Until the disk fails, at most so many.
  void run(int steps);
  void close() { log_.reset(); }

  [[nodiscard]] Log& log() { return *log_; }
  [[nodiscard]] const LogState& acknowledged() const { return acknowledged_; }
  [[nodiscard]] uint64_t batches() const { return batches_; }
  [[nodiscard]] uint64_t segments_entered() const { return segments_entered_; }

 private:
  bool append_random();
  bool append(const std::vector<LogRecord>& records);
  bool synchronise();
  // `after`: what the log says when they are written.
  bool write(const std::vector<LogRecord>& records, LogState after);
  void add_transactions(std::vector<LogRecord>& records);
  void add_truncation(std::vector<LogRecord>& records);
  void add_synchronisation(std::vector<LogRecord>& records);
  void take_checkpoint();
  void check_recovered(const LogState& found);

  std::mt19937_64 random_;
  SimulatedFileSystem* disk_ = nullptr;
  std::unique_ptr<Log> log_;
  LogState acknowledged_;
  std::optional<LogState> in_flight_;  // may hold or not after a crash
  // The checkpoint: transactions up to it need not be found again.
  std::optional<LogPosition> checkpoint_;
  Zxid checkpoint_zxid_;
  uint64_t batches_ = 0;
  uint64_t segments_entered_ = 0;
};

}  // namespace topod::storage
