// The data directory of one server: who owns it, and what lies where.
//
//   lock               held while a server or a tool uses the directory; names the process
//   identity           text: whose data this is (see below)
//   wal/               the log, with a copy of identity: it may lie elsewhere
//   tree.<generation>/ the stored tree; the next generation is a snapshot being installed
//   damaged-<n>/       what was put aside, by an operator's order or because the ensemble has
//                      something better; never read again
//
// `identity` is written atomically, once for each change of its content:
//
//   topod data directory
//   format_version 1
//   ensemble_id 0123456789abcdef
//   server_id 1
//   instance 000102030405060708090a0b0c0d0e0f
//   hash 0123456789abcdef
//
// The first two lines and the last one, XXH3-64 of all before it, are the same in every version.
//
// A directory that is not ours, or not yet known to be ours, is left exactly as it is. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "storage/file.h"
#include "storage/storage_error.h"

namespace topod::storage {

inline constexpr uint32_t kDirectoryFormatVersion = 1;

struct DirectoryIdentity {
  // Drawn at random as well: what an ensemble is called that this directory founds. The one that it
  // belongs to stands in its log.
  EnsembleId ensemble;
  ServerId server;
  // Tells this directory from one that replaced it; drawn at random when it is made.
  std::array<uint8_t, 16> instance{};
  bool operator==(const DirectoryIdentity&) const = default;
};

[[nodiscard]] std::string encode(const DirectoryIdentity& identity);
// `path` is named in errors.
[[nodiscard]] Expected<DirectoryIdentity> decode_identity(std::string_view text,
                                                          const std::string& path);

inline constexpr std::string_view kDamagedPrefix = "damaged-";
// A fresh damaged-<n>/ in this folder, durable; its path.
[[nodiscard]] Expected<std::string> make_damaged_folder(FileSystem& files,
                                                        const std::string& parent);

// Moves an entry of this folder ("tree.1", "wal") into a fresh damaged-<n>/ of it; its path.
Expected<std::string> set_aside(FileSystem& files, const std::string& folder,
                                const std::string& name);

[[nodiscard]] std::string tree_path(const std::string& data_dir, uint64_t generation);
// With the plain files in it; not durable before the parent is synced.
Expected<void> remove_folder(FileSystem& files, const std::string& path);

// A folder of the data directory that may lie elsewhere (the log) holds a copy of `identity`. What
// is there is compared: kForeign if it names another server, kDamaged if another directory of this
// one; nothing there is no error.
[[nodiscard]] Expected<void> check_owner(FileSystem& files, const std::string& folder,
                                         const DirectoryIdentity& identity);
// Puts it there, durably, unless it is.
Expected<void> name_owner(FileSystem& files, const std::string& folder,
                          const DirectoryIdentity& identity);

class DataDir {
 public:
  // Makes the directory (and its parents) if needed, or opens the one of `if_new.server`, whose
  // ensemble and instance are then those found. kForeign: of another server or another program;
  // kNewerVersion; kDamaged; kLocked: in use, by the process that is named.
  static Expected<DataDir> open_or_create(FileSystem& files, const std::string& path,
                                          const DirectoryIdentity& if_new);
  // One that exists, whichever server it belongs to. Changes nothing but the lock's holder.
  static Expected<DataDir> open_existing(FileSystem& files, const std::string& path);

  [[nodiscard]] const DirectoryIdentity& identity() const { return identity_; }
  [[nodiscard]] bool was_created() const { return was_created_; }
  // Durable when it returns.
  Expected<void> replace_identity(const DirectoryIdentity& identity);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string wal_path() const { return path_ + "/wal"; }
  [[nodiscard]] std::string tree_path(uint64_t generation) const {
    return storage::tree_path(path_, generation);
  }
  // Generations that are there, in ascending order; unfinished ones are not.
  [[nodiscard]] Expected<std::vector<uint64_t>> generations() const;

  // Removes every other generation and every unfinished one. To be called at start, with the
  // generation that the log says is current (nullopt: there is none).
  Expected<void> keep_only_generation(std::optional<uint64_t> current);

  Expected<std::string> set_aside(const std::string& name) {
    return storage::set_aside(*files_, path_, name);
  }

 private:
  DataDir(FileSystem& files, std::string path) : files_(&files), path_(std::move(path)) {}
  Expected<void> take_lock();

  FileSystem* files_;
  std::string path_;
  std::unique_ptr<FileLock> lock_;
  DirectoryIdentity identity_;
  bool was_created_ = false;
};

}  // namespace topod::storage
