// The real log of a member on its simulated disk, with the log thread's rules: one flush in
// flight, and what gathers meanwhile is the next batch. A flush takes a drawn time; in it, the
// disk does not know yet how much of it has happened. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "server/node/interfaces.h"
#include "server/zab/history.h"
#include "storage/history_reader.h"
#include "storage/log.h"
#include "tests/sim/disk.h"
#include "tests/sim/world.h"

namespace topod::sim {

// How long the disk takes, in microseconds.
struct DiskSpeed {
  int64_t flush_min_us = 100;
  int64_t flush_max_us = 2'000;
};

class LogStore final : public node::LogStore {
 public:
  struct Events {
    std::function<void(uint64_t last_sequence)> durable;
    std::function<void(const storage::IoError&)> failed;
    std::function<void(LinkId, std::vector<zab::HistoryEntry>, bool gone)> history;
    std::function<void(bool)> no_space;
    // A record is on its way to the disk.
    std::function<void(const zab::Append&)> added;
  };

  // `batch_records`: the most in one flush. `covered`: where the checkpoint stands from which the
  // server has started.
  LogStore(World& world, Disk& disk, std::unique_ptr<storage::Log> log, const DiskSpeed& speed,
           size_t batch_records, storage::LogPosition covered, storage::HistoryReader reader,
           Events events);

  void add(const zab::Append& record) override;
  void submit() override;
  void read_history(const zab::HistoryRead& read) override;
  [[nodiscard]] size_t queued_bytes() const override { return queued_bytes_; }
  [[nodiscard]] node::DurationFigures flush_times() const override { return {}; }

  // A place before the first record that a state with these transactions applied does not cover.
  [[nodiscard]] storage::LogPosition position_after(Zxid applied);
  void trim(storage::LogPosition keep);
  [[nodiscard]] size_t flushing_bytes() const { return flushing_ ? batch_.bytes().size() : 0; }

 private:
  // Of one flush: where it ends and the greatest transaction in it.
  struct Flushed {
    storage::LogPosition end;
    Zxid greatest;
  };

  void begin_flush();
  [[nodiscard]] bool has_room(size_t bytes);
  void end_flush(uint64_t records, size_t bytes, Flushed flushed);
  // Takes as many whole records as one batch may hold.
  storage::RecordBatch take_batch(Zxid& greatest);
  [[nodiscard]] bool prepare();
  void fail(const storage::IoError& error);
  void try_space_again();
  void seal_when_idle();
  // What comes back later is of this life only.
  World::Action alive(std::function<void()> action);

  World& world_;
  Disk& disk_;
  std::unique_ptr<storage::Log> log_;
  const DiskSpeed& speed_;
  size_t batch_records_;
  Events events_;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);

  storage::HistoryReader reader_;
  storage::LogPosition durable_end_;
  uint64_t revision_ = 0;  // changes when transactions are cut
  // Taken from the queue: being written, or waiting for space.
  storage::RecordBatch batch_;
  Zxid greatest_in_batch_;
  std::deque<LogRecord> queue_;
  size_t submitted_ = 0;  // of the queue
  size_t queued_bytes_ = 0;
  uint64_t durable_ = 0;
  bool flushing_ = false;
  bool failed_ = false;
  bool no_space_ = false;
  std::deque<Flushed> flushed_;  // not covered by `position_`
  storage::LogPosition position_;
};

}  // namespace topod::sim
