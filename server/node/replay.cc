#include "server/node/replay.h"

#include <algorithm>
#include <utility>

#include "server/node/logging.h"
#include "server/node/system.h"
#include "storage/history_reader.h"
#include "storage/log_reader.h"

namespace topod::node {

namespace {

// How many entries are replayed between two collections of changes.
constexpr uint64_t kReplayedPerCollection = 4'096;

zab::Restored restored_from(const OpenedData& data) {
  const storage::LogScan& scan = data.log->recovered();
  zab::Restored restored;
  restored.promises = data.promises;
  restored.diverged = scan.contents.diverged().has_value();
  for (const Zxid end : scan.contents.epoch_ends()) {
    restored.epoch_ends.push_back({epoch_of(end), counter_of(end)});
  }
  restored.log_begin =
      storage::history_begin(*data.log_files, data.log_dir, data.log_identity, scan);
  return restored;
}

class Replay {
 public:
  Replay(const OpenedData& data, zab::Replica& replica, TreeStore& tree)
      : data_(data),
        replica_(replica),
        tree_(tree),
        // A quorum of one has committed what it has logged.
        committed_(data.is_alone ? data.log->contents().last_zxid()
                                 : data.log->contents().committed()),
        last_(replica.state().applied) {}

  Started<Replayed> run() {
    if (data_.log->recovered().batches > 0) {
      if (auto read = read_log(); !read) return tl::unexpected(read.error());
    }
    if (!prepared_) prepare();
    return replayed_;
  }

 private:
  Started<void> read_log() {
    const storage::LogScan& scan = data_.log->recovered();
    storage::LogReader reader(*data_.log_files, data_.log_dir, data_.log_identity, scan,
                              data_.replay_from.value_or(scan.begin));
    while (true) {
      const auto record = reader.next();
      if (!record) return startup_failure(kExitDamaged, record.error());
      if (*record == nullptr) return {};
      if ((*record)->zxid <= last_) continue;  // the checkpoint covers it
      if (auto taken = take(**record); !taken) return taken;
    }
  }

  Started<void> take(const storage::LogRecordView& record) {
    if (Zxid(static_cast<int64_t>(record.number)) != last_) {
      return startup_failure(kExitDamaged,
                             "the log goes on at zxid " + hex(record.zxid.value()) + " after " +
                                 hex(static_cast<int64_t>(record.number)) +
                                 ", but what is stored before it ends at " + hex(last_.value()) +
                                 ". Restore both from the same backup");
    }
    last_ = record.zxid;
    if (record.zxid > committed_) {
      if (!prepared_) prepare();
      replica_.restore(record.zxid, Zxid(static_cast<int64_t>(record.number)), record.payload);
      ++replayed_.uncommitted;
      return {};
    }
    if (!replica_.replay(record.zxid, record.payload)) {
      return startup_failure(
          kExitDamaged, "the log entry at zxid " + hex(record.zxid.value()) + " cannot be decoded");
    }
    if (++replayed_.transactions % kReplayedPerCollection == 0) collect();
    return {};
  }

  void collect() {
    tree_.collect(replica_.state(), replica_.changes());
    replica_.changes().clear();
  }

  void prepare() {
    collect();
    replica_.prepare(restored_from(data_));
    prepared_ = true;
  }

  const OpenedData& data_;
  zab::Replica& replica_;
  TreeStore& tree_;
  const Zxid committed_;
  Zxid last_;  // read
  bool prepared_ = false;
  Replayed replayed_;
};

}  // namespace

Started<Replayed> replay_log(const OpenedData& data, zab::Replica& replica, TreeStore& tree) {
  const int64_t began_ms = monotonic_ms();
  auto replayed = Replay(data, replica, tree).run();
  if (replayed) replayed->milliseconds = monotonic_ms() - began_ms;
  return replayed;
}

}  // namespace topod::node
