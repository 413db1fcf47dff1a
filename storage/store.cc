#include "storage/store.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"

namespace topod::storage {

namespace {

// Pages that the transaction may take beyond the end of the file, generously: each row may copy
// its leaf and split it, each branch page may be copied once. Should it ever be too few, a full
// disk shows as a failed commit, which ends the process but loses nothing.
size_t pages_estimate(const Checkpoint& checkpoint, size_t branch_pages) {
  constexpr size_t kFixedPages = 128;  // the roots, the free list, the tables' own table
  const size_t chunks = checkpoint.bytes() / limits::kDataChunkBytes;
  return 2 * (checkpoint.entries() + chunks) + branch_pages + kFixedPages;
}

}  // namespace

Snapshot::~Snapshot() = default;

Snapshot::Pass::~Pass() {
  if (gate != nullptr) gate->leave();
}

Expected<CheckpointMeta> Snapshot::meta() const {
  const auto row = transaction_.get(tables_[static_cast<size_t>(Table::kMeta)], kCheckpointKey);
  if (!row) return lmdb::storage_error(row.error(), where_);
  if (!row->has_value() || !row_is_intact(Table::kMeta, kCheckpointKey, **row)) {
    return storage_error(StorageError::Kind::kDamaged, where_ + ": no intact checkpoint row");
  }
  const auto meta = decode_checkpoint(**row);
  if (!meta) return storage_error(StorageError::Kind::kDamaged, where_ + ": " + meta.error());
  return *meta;
}

Expected<Totals> Snapshot::totals() const {
  const auto row = transaction_.get(tables_[static_cast<size_t>(Table::kMeta)], kTotalsKey);
  if (!row) return lmdb::storage_error(row.error(), where_);
  if (!row->has_value() || !row_is_intact(Table::kMeta, kTotalsKey, **row)) {
    return storage_error(StorageError::Kind::kDamaged, where_ + ": no intact totals row");
  }
  const auto totals = decode_totals(**row);
  if (!totals) return storage_error(StorageError::Kind::kDamaged, where_ + ": " + totals.error());
  return *totals;
}

Expected<bool> Snapshot::scan(
    Table table, std::string_view after,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  auto cursor = lmdb::Cursor::open(transaction_, tables_[static_cast<size_t>(table)]);
  if (!cursor) return lmdb::storage_error(cursor.error(), where_);
  auto row = after.empty() ? cursor->next() : cursor->seek(after);
  if (row && row->has_value() && !after.empty() && (*row)->key == after) row = cursor->next();
  while (row && row->has_value()) {
    if (!visit((*row)->key, (*row)->value)) return false;
    row = cursor->next();
  }
  if (!row) return lmdb::storage_error(row.error(), where_);
  return true;
}

Store::Store(std::string dir, const Options& options, lmdb::Environment environment,
             std::unique_ptr<File> file)
    : dir_(std::move(dir)),
      options_(options),
      environment_(std::move(environment)),
      file_(std::move(file)),
      gate_(std::make_shared<ReaderGate>()) {}

Expected<Store> Store::open_environment(const std::string& dir, const Options& options,
                                        bool create) {
  auto environment = lmdb::Environment::open(dir, {.map_bytes = options.map_bytes});
  if (!environment) return lmdb::storage_error(environment.error(), dir);
  OpenFlags flags;
  flags.write = true;
  auto file = options.files->open(dir + "/" + std::string(kTreeFileName), flags);
  if (!file) return storage_error(file.error());
  Store store(dir, options, std::move(*environment), std::move(*file));

  auto transaction = store.environment_.begin_write();
  if (!transaction) return lmdb::storage_error(transaction.error(), dir);
  const auto tables = open_tables(*transaction, create);
  if (!tables) return lmdb::storage_error(tables.error(), dir);
  store.tables_ = *tables;
  if (auto done = transaction->commit(); !done) return lmdb::storage_error(done.error(), dir);
  return store;
}

Expected<Store> Store::create(const std::string& tree_dir, const Options& options,
                              const Checkpoint& first, const CheckpointMeta& meta) {
  FileSystem& files = *options.files;
  const std::string unfinished = tree_dir + std::string(kUnfinishedSuffix);
  CHECK_MSG(!files.exists(unfinished).value_or(true), "the rest of an attempt was not removed");
  if (auto made = files.make_dir(unfinished); !made) return storage_error(made.error());
  {
    Expected<Store> store = open_environment(unfinished, options, true);
    if (!store) return store;
    if (auto done = store->commit(first, meta); !done) return tl::unexpected(done.error());
  }
  if (auto done = files.sync_dir(unfinished); !done) return storage_error(done.error());
  if (auto done = files.rename(unfinished, tree_dir); !done) return storage_error(done.error());
  if (auto done = files.sync_dir(parent_of(tree_dir)); !done) return storage_error(done.error());
  return open(tree_dir, options);
}

Expected<Store> Store::open(const std::string& tree_dir, const Options& options) {
  const auto exists = options.files->exists(tree_dir + "/" + std::string(kTreeFileName));
  if (!exists) return storage_error(exists.error());
  if (!*exists) return storage_error(StorageError::Kind::kMissing, tree_dir + ": no tree here");
  Expected<Store> store = open_environment(tree_dir, options, false);
  if (!store) return store;
  const Expected<Snapshot> snapshot = store->snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  const Expected<Totals> totals = snapshot->totals();
  if (!totals) return tl::unexpected(totals.error());
  store->totals_ = *totals;
  return store;
}

Expected<void> Store::commit(const Checkpoint& checkpoint, const CheckpointMeta& meta) {
  if (auto done = extend_file(checkpoint); !done) return done;
  // A backup that was killed must not make the file grow for ever.
  if (auto done = environment_.forget_dead_readers(); !done) {
    return lmdb::storage_error(done.error(), dir_);
  }
  while (true) {
    const lmdb::Result<void> written = write_once(checkpoint, meta);
    if (written) return {};
    if (written.error().code != MDB_MAP_FULL) return lmdb::storage_error(written.error(), dir_);
    if (auto grown = grow_map(); !grown) return grown;
  }
}

lmdb::Result<void> Store::write_once(const Checkpoint& checkpoint, const CheckpointMeta& meta) {
  auto transaction = environment_.begin_write();
  if (!transaction) return tl::unexpected(transaction.error());
  RowWriter writer(*transaction, tables_, totals_);
  if (auto done = writer.write(checkpoint); !done) return done;
  if (auto done = writer.finish(meta); !done) return done;
  if (auto done = transaction->commit(); !done) return done;
  totals_ = writer.totals();
  return {};
}

Expected<void> Store::extend_file(const Checkpoint& checkpoint) {
  size_t branch_pages = 0;
  {
    const auto transaction = environment_.begin_read();
    if (!transaction) return lmdb::storage_error(transaction.error(), dir_);
    for (const MDB_dbi table : tables_) {
      const auto stat = transaction->stat(table);
      if (!stat) return lmdb::storage_error(stat.error(), dir_);
      branch_pages += stat->ms_branch_pages;
    }
  }
  const size_t pages = environment_.used_pages() + pages_estimate(checkpoint, branch_pages);
  const size_t step = options_.extend_bytes;
  size_t target = (pages * environment_.page_bytes() + step - 1) / step * step;
  if (target <= extended_bytes_) return {};
  const auto size = file_->size();
  if (!size) return storage_error(size.error());
  // A file longer than that may still have holes, if it was copied here.
  target = std::max<size_t>(target, *size);
  if (auto done = file_->allocate(target); !done) return storage_error(done.error());
  extended_bytes_ = target;
  return {};
}

Expected<void> Store::grow_map() {
  const size_t bytes = environment_.map_bytes() * 2;
  if (bytes > limits::kMapBytesMax) {
    return storage_error(StorageError::Kind::kSystem,
                         dir_ + ": the tree does not fit in the largest map");
  }
  gate_->close();
  const lmdb::Result<void> done = environment_.set_map_bytes(bytes);
  gate_->open();
  if (!done) return lmdb::storage_error(done.error(), dir_);
  return {};
}

Expected<Snapshot> Store::snapshot() const {
  gate_->enter();
  Snapshot::Pass pass(gate_);
  auto transaction = environment_.begin_read();
  if (!transaction) return lmdb::storage_error(transaction.error(), dir_);
  return Snapshot(std::move(pass), std::move(*transaction), tables_, dir_);
}

size_t Store::used_bytes() const { return environment_.used_pages() * environment_.page_bytes(); }

}  // namespace topod::storage
