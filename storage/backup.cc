#include "storage/backup.h"

#include <algorithm>
#include <cstdlib>

#include "storage/data_dir.h"
#include "storage/file.h"
#include "storage/lmdb.h"
#include "storage/loader.h"
#include "storage/log.h"
#include "storage/store.h"

namespace topod::storage {

namespace {

constexpr std::string_view kTreePrefix = "tree.";
constexpr uint64_t kGeneration = 1;  // of a directory that is new

Expected<void> make_durable(const std::string& folder) {
  FileSystem& files = posix_file_system();
  auto file = files.open(folder + "/" + std::string(kTreeFileName), {.write = true});
  if (!file) return storage_error(file.error());
  if (auto synced = (*file)->sync(); !synced) return storage_error(synced.error());
  if (auto synced = files.sync_dir(folder); !synced) return storage_error(synced.error());
  return {};
}

// A log that says: what was before is in the tree. As after the installation of a snapshot.
Expected<LogPosition> begin_log(const DataDir& directory, const CheckpointMeta& meta) {
  FileSystem& files = posix_file_system();
  const DirectoryIdentity& identity = directory.identity();
  if (auto made = files.make_dir(directory.wal_path()); !made) return storage_error(made.error());
  auto log = Log::open(files, directory.wal_path(), {identity.instance, identity.server}, {}, {});
  if (!log) {
    return storage_error(StorageError::Kind::kSystem,
                         directory.wal_path() + ": a log cannot be begun");
  }
  const Epoch current = std::max(meta.current_epoch, epoch_of(meta.zxid));
  const Epoch accepted = std::max(meta.accepted_epoch, current);
  RecordBatch batch;
  batch.add(LogRecordKind::kSnapshot, meta.zxid, kGeneration, to_hex(meta.digest_low));
  batch.add(LogRecordKind::kAcceptedEpoch, Zxid(), accepted.value(), {});
  batch.add(LogRecordKind::kCurrentEpoch, Zxid(), current.value(), {});
  const std::string_view piece = batch.bytes();
  if (!(*log)->has_room(piece.size())) {
    if (const auto begun = (*log)->begin_segment(); !begun) return storage_error(begun.error());
  }
  const auto end = (*log)->append({&piece, 1});
  if (!end) return storage_error(end.error());
  if (auto named = name_owner(files, directory.wal_path(), identity); !named) {
    return tl::unexpected(named.error());
  }
  return (*log)->end();
}

}  // namespace

Expected<std::string> current_tree(const std::string& data_dir) {
  const auto names = posix_file_system().list(data_dir);
  if (!names) return storage_error(names.error());
  std::string found;
  uint64_t found_generation = 0;
  for (const std::string& name : *names) {
    if (!name.starts_with(kTreePrefix) || name.ends_with(kUnfinishedSuffix)) continue;
    const uint64_t generation = std::strtoull(name.c_str() + kTreePrefix.size(), nullptr, 10);
    if (generation > found_generation) {
      found = data_dir + "/" + name;
      found_generation = generation;
    }
  }
  if (found.empty()) {
    return storage_error(StorageError::Kind::kMissing, data_dir + " holds no stored tree");
  }
  return found;
}

Expected<void> copy_tree(const std::string& tree_dir, const std::string& to) {
  const auto environment = lmdb::Environment::open(
      tree_dir, {.map_bytes = limits::kMapBytes, .read_only = true, .beside_writer = true});
  if (!environment) return lmdb::storage_error(environment.error(), tree_dir);
  if (auto made = posix_file_system().make_dir(to); !made) return storage_error(made.error());
  if (auto copied = environment->copy_to(to); !copied) {
    return lmdb::storage_error(copied.error(), to);
  }
  return make_durable(to);
}

Expected<void> adopt_tree(const DataDir& directory, const std::string& copy) {
  const auto meta = read_checkpoint(copy);
  if (!meta) return tl::unexpected(meta.error());
  const auto position = begin_log(directory, *meta);
  if (!position) return tl::unexpected(position.error());
  CheckpointMeta adopted = *meta;
  adopted.server = directory.identity().server;
  adopted.log_segment = position->segment;
  adopted.log_offset_bytes = position->offset;
  {
    auto store = Store::open(copy, {});
    if (!store) return tl::unexpected(store.error());
    if (auto done = store->commit(Checkpoint(), adopted); !done) return done;
  }
  FileSystem& files = posix_file_system();
  if (auto done = files.rename(copy, directory.tree_path(kGeneration)); !done) {
    return storage_error(done.error());
  }
  if (auto done = files.sync_dir(directory.path()); !done) return storage_error(done.error());
  return {};
}

}  // namespace topod::storage
