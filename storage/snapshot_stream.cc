#include "storage/snapshot_stream.h"

#include <cstring>
#include <utility>

#include <xxhash.h>

#include "proto/check.h"
#include "storage/data_dir.h"
#include "storage/row_writer.h"

namespace topod::storage {

namespace {

constexpr size_t kRowHeaderBytes = 4;

tl::unexpected<StorageError> broken(const std::string& what) {
  return storage_error(StorageError::Kind::kDamaged, "the received tree: " + what);
}

void append_row(std::string& rows, Table table, std::string_view key, std::string_view value) {
  CHECK(key.size() <= UINT8_MAX && value.size() <= kRowBytesMax);
  const auto value_bytes = static_cast<uint16_t>(value.size());
  rows.push_back(static_cast<char>(table));
  rows.push_back(static_cast<char>(key.size()));
  rows.append(reinterpret_cast<const char*>(&value_bytes), sizeof(value_bytes));
  rows.append(key);
  rows.append(value);
}

void append_hash(std::string& hashes, uint64_t hash) {
  hashes.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
}

std::string hash_of_all(const std::string& hashes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(hashes.data(), hashes.size()));
  return {reinterpret_cast<const char*>(canonical.digest), sizeof(canonical.digest)};
}

}  // namespace

// ---- rows ----------------------------------------------------------------------------------

std::optional<StreamedRow> StreamedRows::next() {
  if (rest_.empty()) return std::nullopt;
  malformed_ = true;
  if (rest_.size() < kRowHeaderBytes) return std::nullopt;
  const auto table = static_cast<uint8_t>(rest_[0]);
  const auto key_bytes = static_cast<uint8_t>(rest_[1]);
  uint16_t value_bytes = 0;
  std::memcpy(&value_bytes, rest_.data() + 2, sizeof(value_bytes));
  const size_t bytes = kRowHeaderBytes + key_bytes + value_bytes;
  if (table >= kCountedTables || key_bytes == 0 || key_bytes > RowKey::kBytesMax ||
      value_bytes > kRowBytesMax || bytes > rest_.size()) {
    return std::nullopt;
  }
  const StreamedRow row{static_cast<Table>(table), rest_.substr(kRowHeaderBytes, key_bytes),
                        rest_.substr(kRowHeaderBytes + key_bytes, value_bytes)};
  if (!row_is_intact(row.table, row.key, row.value)) return std::nullopt;
  rest_.remove_prefix(bytes);
  malformed_ = false;
  return row;
}

// ---- the sender's side ---------------------------------------------------------------------

Expected<SnapshotSource> SnapshotSource::open(Snapshot snapshot, size_t piece_bytes) {
  SnapshotSource source(std::move(snapshot), piece_bytes);
  const auto meta = source.snapshot_.meta();
  if (!meta) return tl::unexpected(meta.error());
  source.meta_ = *meta;
  return source;
}

std::string SnapshotSource::encoded_meta() const {
  std::string row;
  encode(meta_, row);
  seal_row(Table::kMeta, kCheckpointKey, row.data(), row.size());
  return row;
}

Expected<bool> SnapshotSource::next(SnapshotPiece& piece) {
  piece.rows.clear();
  while (table_ < kCountedTables && piece.rows.size() < piece_bytes_) {
    const auto table = static_cast<Table>(table_);
    bool intact = true;
    const auto at_end = snapshot_.scan(table, last_key_, [&](auto key, auto value) {
      intact = row_is_intact(table, key, value);
      if (!intact) return false;
      append_row(piece.rows, table, key, value);
      hash_sum_ += stored_hash(value);
      ++sums_.rows;
      last_key_.assign(key);
      return piece.rows.size() < piece_bytes_;
    });
    if (!at_end) return tl::unexpected(at_end.error());
    if (!intact) {
      return storage_error(StorageError::Kind::kDamaged,
                           std::string("table ") + name_of(table) + " holds a row behind " +
                               hex_of(last_key_) + " whose hash is wrong");
    }
    if (!*at_end) break;
    ++table_;
    last_key_.clear();
  }
  if (piece.rows.empty()) {
    if (auto done = finish(); !done) return tl::unexpected(done.error());
    return false;
  }
  piece.number = ++sums_.pieces;
  piece.hash = XXH3_64bits(piece.rows.data(), piece.rows.size());
  append_hash(hashes_, piece.hash);
  return true;
}

Expected<void> SnapshotSource::finish() {
  const auto totals = snapshot_.totals();
  if (!totals) return tl::unexpected(totals.error());
  uint64_t rows = 0;
  for (const uint64_t count : totals->rows) rows += count;
  if (rows != sums_.rows || totals->hash_sum != hash_sum_) {
    return storage_error(StorageError::Kind::kDamaged,
                         "the rows of the stored tree do not add up to what was written");
  }
  sums_.hash = hash_of_all(hashes_);
  return {};
}

// ---- the receiver's side -------------------------------------------------------------------

Expected<std::unique_ptr<SnapshotSink>> SnapshotSink::create(std::string tree_dir,
                                                             const Options& options,
                                                             std::string_view encoded_meta,
                                                             ServerId self) {
  if (!row_is_intact(Table::kMeta, kCheckpointKey, encoded_meta)) {
    return broken("the hash of its checkpoint is wrong");
  }
  const auto meta = decode_checkpoint(encoded_meta);
  if (!meta) return broken(meta.error());
  if (meta->format_version != kTreeFormatVersion) {
    return storage_error(StorageError::Kind::kNewerVersion,
                         "the received tree has format " + std::to_string(meta->format_version) +
                             ", this topod knows " + std::to_string(kTreeFormatVersion));
  }
  std::unique_ptr<SnapshotSink> sink(new SnapshotSink(std::move(tree_dir), options));
  sink->meta_ = *meta;
  sink->meta_.server = self;
  sink->meta_.accepted_epoch = sink->meta_.current_epoch = Epoch();
  sink->meta_.log_segment = sink->meta_.log_offset_bytes = 0;
  if (auto done = sink->open_environment(); !done) return tl::unexpected(done.error());
  return sink;
}

Expected<void> SnapshotSink::open_environment() {
  FileSystem& files = *options_.files;
  const auto taken = files.exists(tree_dir_);
  if (!taken) return storage_error(taken.error());
  if (*taken) return storage_error(StorageError::Kind::kSystem, tree_dir_ + " exists already");
  const auto left_over = files.exists(unfinished());
  if (!left_over) return storage_error(left_over.error());
  if (*left_over) {
    if (auto removed = remove_folder(files, unfinished()); !removed) return removed;
  }
  if (auto made = files.make_dir(unfinished()); !made) return storage_error(made.error());
  auto environment = lmdb::Environment::open(unfinished(), {.map_bytes = options_.map_bytes});
  if (!environment) return lmdb::storage_error(environment.error(), unfinished());
  environment_.emplace(std::move(*environment));
  return {};
}

SnapshotSink::~SnapshotSink() {
  if (!environment_) return;
  environment_.reset();
  // If this fails, the next start does it.
  static_cast<void>(remove_folder(*options_.files, unfinished()));
}

Expected<void> SnapshotSink::add(const SnapshotPiece& piece) {
  if (piece.number != sums_.pieces + 1) {
    return broken("piece " + std::to_string(piece.number) + " follows piece " +
                  std::to_string(sums_.pieces));
  }
  if (XXH3_64bits(piece.rows.data(), piece.rows.size()) != piece.hash) {
    return broken("the hash of piece " + std::to_string(piece.number) + " is wrong");
  }
  if (auto checked = check(piece.rows); !checked) return checked;
  ++sums_.pieces;
  append_hash(hashes_, piece.hash);
  pending_ += piece.rows;
  if (pending_rows_ < options_.transaction_rows) return {};
  return write_pending(false);
}

Expected<void> SnapshotSink::check(std::string_view rows) {
  StreamedRows cursor(rows);
  std::string here;
  while (const auto row = cursor.next()) {
    here.assign(1, static_cast<char>(row->table));
    here += row->key;
    if (here <= last_key_) return broken("a row is out of order");
    last_key_.swap(here);
    totals_.hash_sum += stored_hash(row->value);
    ++totals_.rows[static_cast<size_t>(row->table)];
    ++sums_.rows;
    ++pending_rows_;
  }
  return cursor.malformed() ? broken("a row is malformed or its hash is wrong") : Expected<void>();
}

Expected<void> SnapshotSink::write_pending(bool last) {
  while (true) {
    const lmdb::Result<void> written = write_once(last);
    if (written) break;
    if (written.error().code != MDB_MAP_FULL) {
      return lmdb::storage_error(written.error(), unfinished());
    }
    const size_t bytes = environment_->map_bytes() * 2;
    if (bytes > limits::kMapBytesMax) return broken("it does not fit in the largest map");
    if (auto grown = environment_->set_map_bytes(bytes); !grown) {
      return lmdb::storage_error(grown.error(), unfinished());
    }
  }
  pending_.clear();
  pending_rows_ = 0;
  return {};
}

lmdb::Result<void> SnapshotSink::write_once(bool last) {
  auto transaction = environment_->begin_write();
  if (!transaction) return tl::unexpected(transaction.error());
  const auto tables = open_tables(*transaction, true);
  if (!tables) return tl::unexpected(tables.error());
  StreamedRows cursor(pending_);
  while (const auto row = cursor.next()) {
    const MDB_dbi table = (*tables)[static_cast<size_t>(row->table)];
    if (auto done = transaction->put(table, row->key, row->value, true); !done) return done;
  }
  if (last) {
    RowWriter writer(*transaction, *tables, totals_);
    if (auto done = writer.finish(meta_); !done) return done;
  }
  return transaction->commit();
}

Expected<void> SnapshotSink::finish(const SnapshotSums& sent) {
  sums_.hash = hash_of_all(hashes_);
  if (sums_ != sent) return broken("it is not what was sent");
  if (totals_.rows[static_cast<size_t>(Table::kNodes)] != meta_.znode_count) {
    return broken("it does not have as many znodes as its checkpoint");
  }
  if (auto written = write_pending(true); !written) return written;
  environment_.reset();
  FileSystem& files = *options_.files;
  const auto named = files.sync_dir(unfinished())
                         .and_then([&] { return files.rename(unfinished(), tree_dir_); })
                         .and_then([&] { return files.sync_dir(parent_of(tree_dir_)); });
  if (!named) {
    static_cast<void>(remove_folder(files, unfinished()));
    return storage_error(named.error());
  }
  return {};
}

}  // namespace topod::storage
