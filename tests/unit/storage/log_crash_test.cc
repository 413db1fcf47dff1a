// The power goes before, in the middle of and after every call that changes the disk.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "tests/unit/storage/log_workload.h"

namespace topod::storage {
namespace {

int scaled(int quick, int full) { return std::getenv("FULL") != nullptr ? full : quick; }

std::unique_ptr<SimulatedFileSystem> fresh_disk(uint64_t seed) {
  auto disk = std::make_unique<SimulatedFileSystem>(seed);
  EXPECT_TRUE(disk->make_dir("/data").has_value());
  EXPECT_TRUE(disk->sync_dir("/").has_value());
  return disk;
}

constexpr int kSteps = 80;

uint64_t calls_of_workload(uint64_t seed) {
  const auto disk = fresh_disk(seed);
  LogWorkload workload(seed);
  EXPECT_TRUE(workload.open(*disk));
  workload.run(kSteps);
  EXPECT_GT(workload.batches(), 20U) << "seed " << seed;
  EXPECT_GT(workload.segments_entered(), 1U) << "seed " << seed;
  return disk->calls();
}

// After the crash the log must open, say what was acknowledged, and be usable: it is filled
// further, and read once more.
void recover_and_go_on(SimulatedFileSystem& disk, LogWorkload& workload) {
  workload.close();
  ASSERT_TRUE(workload.open(disk)) << "the log did not open after a crash";
  workload.run(10);
  workload.close();
  disk.restart();
  ASSERT_TRUE(workload.open(disk));
}

void crash_everywhere(uint64_t seed, CallPhase phase, bool power) {
  const uint64_t calls = calls_of_workload(seed);
  for (uint64_t call = 3; call <= calls; ++call) {
    const auto disk = fresh_disk(seed * 1'000'003 + call);
    LogWorkload workload(seed);
    disk->crash_at_call(call, phase);
    if (workload.open(*disk)) workload.run(kSteps);
    ASSERT_TRUE(disk->crashed()) << "call " << call << " was not reached";
    const std::string where = "seed " + std::to_string(seed) + ", call " + std::to_string(call) +
                              ", phase " + std::to_string(static_cast<int>(phase)) + ", " +
                              disk->last_call();
    SCOPED_TRACE(where);
    power ? disk->restart() : disk->restart_process();
    recover_and_go_on(*disk, workload);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(LogCrash, PowerLossBeforeAnyCallKeepsWhatWasAcknowledged) {
  for (int seed = 1; seed <= scaled(8, 400); ++seed) {
    crash_everywhere(static_cast<uint64_t>(seed), CallPhase::kBefore, true);
    if (HasFailure()) return;
  }
}

TEST(LogCrash, PowerLossInAnyCallKeepsWhatWasAcknowledged) {
  for (int seed = 1; seed <= scaled(16, 800); ++seed) {
    crash_everywhere(static_cast<uint64_t>(seed), CallPhase::kDuring, true);
    if (HasFailure()) return;
  }
}

TEST(LogCrash, PowerLossAfterAnyCallKeepsWhatWasAcknowledged) {
  for (int seed = 1; seed <= scaled(8, 400); ++seed) {
    crash_everywhere(static_cast<uint64_t>(seed), CallPhase::kAfter, true);
    if (HasFailure()) return;
  }
}

// The process dies between write and flush: what reads well must be made durable before it is
// relied upon, for the power may go next.
TEST(LogCrash, ProcessDeathThenPowerLossKeepsWhatWasRecovered) {
  for (int seed = 1; seed <= scaled(8, 400); ++seed) {
    crash_everywhere(static_cast<uint64_t>(seed), CallPhase::kDuring, false);
    if (HasFailure()) return;
  }
}

// The power goes again while the log is being repaired, and again, at every call of the repair.
TEST(LogCrash, PowerLossDuringRecoveryKeepsWhatWasAcknowledged) {
  const int seeds = scaled(8, 200);
  for (int seed = 1; seed <= seeds; ++seed) {
    const auto number = static_cast<uint64_t>(seed);
    const uint64_t calls = calls_of_workload(number);
    for (uint64_t call = 3; call <= calls; call += 7) {
      const auto disk = fresh_disk(number + call);
      LogWorkload workload(number);
      disk->crash_at_call(call, CallPhase::kDuring);
      if (workload.open(*disk)) workload.run(kSteps);
      disk->restart();
      for (uint64_t next = 1; next <= 12; ++next) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", call " + std::to_string(call) +
                     ", call of the repair " + std::to_string(next));
        workload.close();
        disk->crash_at_call(disk->calls() + next, CallPhase::kDuring);
        if (workload.open(*disk)) break;
        disk->restart();
      }
      disk->clear_faults();
      recover_and_go_on(*disk, workload);
      if (HasFailure()) return;
    }
  }
}

void fail_everywhere(uint64_t seed, int code) {
  const uint64_t calls = calls_of_workload(seed);
  for (uint64_t call = 3; call <= calls; ++call) {
    const auto disk = fresh_disk(seed * 7 + call);
    LogWorkload workload(seed);
    disk->fail_call(call, code);
    // An error ends the use of the log unless it is a full disk while preparing.
    if (workload.open(*disk)) workload.run(kSteps);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", call " + std::to_string(call));
    disk->restart();
    recover_and_go_on(*disk, workload);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(LogCrash, AnInputOutputErrorInAnyCallLosesNothingAcknowledged) {
  for (int seed = 1; seed <= scaled(8, 400); ++seed) {
    fail_everywhere(static_cast<uint64_t>(seed), EIO);
    if (HasFailure()) return;
  }
}

TEST(LogCrash, AFullDiskInAnyCallLosesNothingAcknowledged) {
  for (int seed = 1; seed <= scaled(8, 400); ++seed) {
    fail_everywhere(static_cast<uint64_t>(seed), ENOSPC);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace topod::storage
