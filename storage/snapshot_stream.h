// A whole stored tree on its way to another server: the rows of all tables, but for what the
// receiver knows better (table meta), in key order, cut into pieces. Rows are sent as they are
// stored, hashes included, so that both trees hold the same bytes.
//
// A piece is a run of rows: table u8, bytes of the key u8, bytes of the value u16 (little-endian),
// key, value. Each piece has its XXH3-64, all of them together an XXH3-128 over those hashes.
//
// One thread at a time for each object. What a sink has not finished is removed with it, and at
// the latest by the next start; the tree in use is never touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/lmdb.h"
#include "storage/storage_error.h"
#include "storage/store.h"
#include "storage/tree_schema.h"

namespace topod::storage {

struct SnapshotPiece {
  uint64_t number = 0;  // from 1
  std::string rows;
  uint64_t hash = 0;
};

struct SnapshotSums {
  uint64_t pieces = 0;
  uint64_t rows = 0;
  std::string hash;  // 16 bytes
  bool operator==(const SnapshotSums&) const = default;
};

struct StreamedRow {
  Table table = Table::kNodes;
  std::string_view key;
  std::string_view value;
};

// Steps through the rows of a piece.
class StreamedRows {
 public:
  explicit StreamedRows(std::string_view bytes) : rest_(bytes) {}
  // Nothing at the end, and at bytes that are no intact row: then `malformed` is true.
  [[nodiscard]] std::optional<StreamedRow> next();
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  std::string_view rest_;
  bool malformed_ = false;
};

class SnapshotSource {
 public:
  static Expected<SnapshotSource> open(Snapshot snapshot, size_t piece_bytes);

  [[nodiscard]] const CheckpointMeta& meta() const { return meta_; }
  // As `SnapshotSink::create` takes it.
  [[nodiscard]] std::string encoded_meta() const;
  // False: there is no further piece, and the sums are complete.
  [[nodiscard]] Expected<bool> next(SnapshotPiece& piece);
  [[nodiscard]] const SnapshotSums& sums() const { return sums_; }

 private:
  SnapshotSource(Snapshot snapshot, size_t piece_bytes)
      : snapshot_(std::move(snapshot)), piece_bytes_(piece_bytes) {}
  Expected<void> finish();

  Snapshot snapshot_;
  size_t piece_bytes_;
  CheckpointMeta meta_;
  size_t table_ = 0;  // being read
  std::string last_key_;
  uint64_t hash_sum_ = 0;
  std::string hashes_;
  SnapshotSums sums_;
};

class SnapshotSink {
 public:
  struct Options {
    size_t map_bytes = limits::kMapBytes;
    size_t transaction_rows = 8'192;
    FileSystem* files = &posix_file_system();  // for all but LMDB's own calls
  };
  // The tree appears at `tree_dir` whole or not at all. `encoded_meta` is the sender's; of it,
  // server, epochs and place in the log give way to the receiver's: this server, and none.
  static Expected<std::unique_ptr<SnapshotSink>> create(std::string tree_dir,
                                                        const Options& options,
                                                        std::string_view encoded_meta,
                                                        ServerId self);
  ~SnapshotSink();
  SnapshotSink(const SnapshotSink&) = delete;
  SnapshotSink& operator=(const SnapshotSink&) = delete;

  [[nodiscard]] const CheckpointMeta& meta() const { return meta_; }
  // After an error only destruction is allowed. kDamaged: not what was sent.
  Expected<void> add(const SnapshotPiece& piece);
  // Compares what came with what was sent, makes the tree durable and gives it its name.
  Expected<void> finish(const SnapshotSums& sent);

 private:
  SnapshotSink(std::string tree_dir, const Options& options)
      : tree_dir_(std::move(tree_dir)), options_(options) {}
  [[nodiscard]] std::string unfinished() const {
    return tree_dir_ + std::string(kUnfinishedSuffix);
  }
  Expected<void> open_environment();
  // Counts the rows and checks their order.
  Expected<void> check(std::string_view rows);
  Expected<void> write_pending(bool last);
  lmdb::Result<void> write_once(bool last);

  const std::string tree_dir_;
  const Options options_;
  std::optional<lmdb::Environment> environment_;  // of the unfinished tree
  CheckpointMeta meta_;
  std::string pending_;  // checked, not written
  size_t pending_rows_ = 0;
  std::string last_key_;  // table and key
  Totals totals_;
  std::string hashes_;
  SnapshotSums sums_;
};

}  // namespace topod::storage
