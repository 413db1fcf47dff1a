// The tree at rest: one LMDB environment in DATA_DIR/tree.<generation>. A checkpoint becomes
// durable in one fully synchronous write transaction, together with the zxid and the place in
// the log that it stands for; so after any crash the environment holds exactly the previous
// checkpoint or exactly the new one.
//
// Threads: one thread commits; snapshots may be taken and used by others meanwhile. The Store
// must outlive its snapshots. Only one Store of a directory may exist in a process.
//
// Errors: kNoSpace from `commit` leaves everything as it was, the same checkpoint may be tried
// again. Any other error is final: what the disk holds is unknown until it is read again, so the
// owner ends the process and starts over from the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proto/limits.h"
#include "storage/checkpoint.h"
#include "storage/lmdb.h"
#include "storage/reader_gate.h"
#include "storage/row_writer.h"
#include "storage/storage_error.h"
#include "storage/tree_schema.h"

namespace topod::storage {

// A frozen image of one checkpoint. It pins every page that later checkpoints free, so the file
// grows while it lives: keep it short, or watch the growth.
class Snapshot {
 public:
  Snapshot(Snapshot&&) noexcept = default;
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

  [[nodiscard]] Expected<CheckpointMeta> meta() const;
  [[nodiscard]] Expected<Totals> totals() const;
  // Rows of a table in key order from the first key that is greater than `after` (empty: all),
  // until `visit` says false. Views live as long as the snapshot. True: the end was reached.
  [[nodiscard]] Expected<bool> scan(
      Table table, std::string_view after,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

 private:
  friend class Store;
  // Says when the snapshot is gone; after the transaction, hence declared before it.
  struct Pass {
    explicit Pass(std::shared_ptr<ReaderGate> gate_entered) : gate(std::move(gate_entered)) {}
    Pass(Pass&&) noexcept = default;
    Pass& operator=(Pass&&) = delete;
    ~Pass();
    std::shared_ptr<ReaderGate> gate;
  };
  Snapshot(Pass pass, lmdb::Transaction transaction, const TableHandles& tables, std::string where)
      : pass_(std::move(pass)),
        transaction_(std::move(transaction)),
        tables_(tables),
        where_(std::move(where)) {}

  Pass pass_;
  lmdb::Transaction transaction_;
  TableHandles tables_;
  std::string where_;
};

class Store {
 public:
  struct Options {
    size_t map_bytes = limits::kMapBytes;
    // The file is extended ahead of use in steps of this size, so that a full disk shows before
    // a transaction and not within one.
    size_t extend_bytes = size_t{64} * 1024 * 1024;
    // For all but LMDB's own calls; must outlive the store.
    FileSystem* files = &posix_file_system();
  };

  // A new environment that holds this checkpoint. It appears at `tree_dir` whole or not at all;
  // nothing may be there.
  static Expected<Store> create(const std::string& tree_dir, const Options& options,
                                const Checkpoint& first, const CheckpointMeta& meta);
  // One that `create` made and the loader has found intact.
  static Expected<Store> open(const std::string& tree_dir, const Options& options);

  // If the map is full this waits for all snapshots to end, and doubles it.
  Expected<void> commit(const Checkpoint& checkpoint, const CheckpointMeta& meta);

  [[nodiscard]] Expected<Snapshot> snapshot() const;
  // The map is full: a checkpoint waits for all snapshots to end. Any thread.
  [[nodiscard]] bool awaits_snapshots() const { return gate_->closed(); }

  // For metrics. `used_bytes` includes what checkpoints have freed for later ones.
  [[nodiscard]] size_t used_bytes() const;
  [[nodiscard]] size_t map_bytes() const { return environment_.map_bytes(); }
  [[nodiscard]] const Totals& totals() const { return totals_; }
  [[nodiscard]] const std::string& dir() const { return dir_; }

 private:
  Store(std::string dir, const Options& options, lmdb::Environment environment,
        std::unique_ptr<File> file);
  static Expected<Store> open_environment(const std::string& dir, const Options& options,
                                          bool create);
  lmdb::Result<void> write_once(const Checkpoint& checkpoint, const CheckpointMeta& meta);
  Expected<void> extend_file(const Checkpoint& checkpoint);
  Expected<void> grow_map();

  std::string dir_;
  Options options_;
  lmdb::Environment environment_;
  std::unique_ptr<File> file_;  // data.mdb, to extend it
  size_t extended_bytes_ = 0;
  TableHandles tables_{};
  Totals totals_;
  std::shared_ptr<ReaderGate> gate_;
};

// Name of LMDB's file within the folder of a tree.
inline constexpr std::string_view kTreeFileName = "data.mdb";
// A tree that is being made; one that is found at start is the rest of an interrupted attempt.
inline constexpr std::string_view kUnfinishedSuffix = ".new";

}  // namespace topod::storage
