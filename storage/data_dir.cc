#include "storage/data_dir.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <utility>

#include <xxhash.h>

#include "proto/check.h"
#include "storage/store.h"
#include "storage/tree_schema.h"

namespace topod::storage {

namespace {

constexpr std::string_view kFirstLine = "topod data directory";
constexpr std::string_view kLockName = "lock";
constexpr std::string_view kIdentityName = "identity";
constexpr std::string_view kIdentityDraftName = "identity.new";
constexpr std::string_view kTreePrefix = "tree.";
constexpr size_t kSmallFileBytes = 4'096;

std::string hex64(uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

std::string hash_line(std::string_view before) {
  return "hash " + hex64(XXH3_64bits(before.data(), before.size())) + "\n";
}

// Takes "<name> <value>\n" off the front of `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') {
    return std::nullopt;
  }
  return line.substr(name.size() + 1);
}

template <class Number>
bool parse_number(std::string_view text, int base, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool parse_instance(std::string_view text, std::array<uint8_t, 16>& instance) {
  if (text.size() != 2 * instance.size()) return false;
  for (size_t index = 0; index < instance.size(); ++index) {
    if (!parse_number(text.substr(2 * index, 2), 16, instance[index])) return false;
  }
  return true;
}

Expected<std::string> read_small_file(FileSystem& files, const std::string& path) {
  const auto file = files.open(path, {});
  if (!file) return storage_error(file.error());
  std::string text(kSmallFileBytes, '\0');
  const auto bytes = (*file)->read(0, std::as_writable_bytes(std::span(text)));
  if (!bytes) return storage_error(bytes.error());
  text.resize(*bytes);
  return text;
}

Expected<void> write_small_file(FileSystem& files, const std::string& path, OpenFlags flags,
                                std::string_view text) {
  const auto file = files.open(path, flags);
  if (!file) return storage_error(file.error());
  if (auto done = (*file)->write(0, std::as_bytes(std::span(text))); !done) {
    return storage_error(done.error());
  }
  if (auto done = (*file)->sync(); !done) return storage_error(done.error());
  return {};
}

// Each missing folder on the way is made, and made durable.
Expected<void> make_dirs(FileSystem& files, const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    const auto exists = files.exists(part);
    if (!exists) return storage_error(exists.error());
    if (!*exists) {
      if (auto made = files.make_dir(part); !made) return storage_error(made.error());
      const size_t cut = part.rfind('/');
      const std::string parent = cut == std::string::npos ? "." : part.substr(0, cut + 1);
      if (auto done = files.sync_dir(parent); !done) return storage_error(done.error());
    }
    if (slash == std::string::npos) return {};
  }
}

// What may lie in a directory that becomes ours: an interrupted creation of ours, the file with
// the server's number, and what file systems put into their roots.
bool is_harmless(std::string_view name) {
  return name == kLockName || name == kIdentityDraftName || name == "myid" || name == "lost+found";
}

Expected<void> refuse_foreign(FileSystem& files, const std::string& path) {
  const auto names = files.list(path);
  if (!names) return storage_error(names.error());
  const auto is_ours = std::find(names->begin(), names->end(), kIdentityName);
  if (is_ours != names->end()) return {};
  const auto foreign = std::find_if_not(names->begin(), names->end(), is_harmless);
  if (foreign == names->end()) return {};
  std::string what =
      path + " is no data directory of topod: it has no file \"identity\" but \"" + *foreign + "\"";
  if (*foreign == "version-2") what += " (the data of an Apache ZooKeeper server)";
  return storage_error(StorageError::Kind::kForeign, what + "; give an empty directory");
}

std::optional<uint64_t> generation_of(std::string_view name) {
  uint64_t generation = 0;
  if (!name.starts_with(kTreePrefix)) return std::nullopt;
  if (!parse_number(name.substr(kTreePrefix.size()), 10, generation)) return std::nullopt;
  return generation;
}

Expected<std::optional<DirectoryIdentity>> read_identity(FileSystem& files,
                                                         const std::string& folder) {
  const std::string path = folder + "/" + std::string(kIdentityName);
  const auto exists = files.exists(path);
  if (!exists) return storage_error(exists.error());
  if (!*exists) return std::optional<DirectoryIdentity>();
  const Expected<std::string> text = read_small_file(files, path);
  if (!text) return tl::unexpected(text.error());
  const Expected<DirectoryIdentity> identity = decode_identity(*text, path);
  if (!identity) return tl::unexpected(identity.error());
  return std::optional(*identity);
}

Expected<void> write_identity(FileSystem& files, const std::string& folder,
                              const DirectoryIdentity& identity) {
  const std::string draft = folder + "/" + std::string(kIdentityDraftName);
  const auto exists = files.exists(draft);
  if (!exists) return storage_error(exists.error());
  if (*exists) {
    if (auto done = files.remove(draft); !done) return storage_error(done.error());
  }
  OpenFlags flags;
  flags.write = true;
  flags.create = true;
  if (auto done = write_small_file(files, draft, flags, encode(identity)); !done) return done;
  const std::string path = folder + "/" + std::string(kIdentityName);
  if (auto done = files.rename(draft, path); !done) return storage_error(done.error());
  if (auto done = files.sync_dir(folder); !done) return storage_error(done.error());
  return {};
}

}  // namespace

std::string tree_path(const std::string& data_dir, uint64_t generation) {
  return data_dir + "/" + std::string(kTreePrefix) + std::to_string(generation);
}

Expected<void> remove_folder(FileSystem& files, const std::string& path) {
  const auto names = files.list(path);
  if (!names) return storage_error(names.error());
  for (const std::string& name : *names) {
    if (auto done = files.remove(path + "/" + name); !done) return storage_error(done.error());
  }
  if (auto done = files.remove(path); !done) return storage_error(done.error());
  return {};
}

std::string encode(const DirectoryIdentity& identity) {
  std::string text(kFirstLine);
  text += "\nformat_version " + std::to_string(kDirectoryFormatVersion);
  text += "\nensemble_id " + hex64(identity.ensemble.value());
  text += "\nserver_id " + std::to_string(identity.server.value());
  text += "\ninstance ";
  for (const uint8_t byte : identity.instance) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  text += "\n";
  return text + hash_line(text);
}

Expected<DirectoryIdentity> decode_identity(std::string_view text, const std::string& path) {
  const auto damaged = [&](const char* what) {
    return storage_error(StorageError::Kind::kDamaged, path + ": " + what);
  };
  if (!text.starts_with(kFirstLine)) return damaged("does not begin as an identity of topod");
  const size_t hash_at = text.rfind("\nhash ");
  if (hash_at == std::string_view::npos) return damaged("has no hash");
  const std::string_view hashed = text.substr(0, hash_at + 1);
  if (text.substr(hash_at + 1) != hash_line(hashed)) return damaged("its hash is wrong");

  std::string_view rest = hashed.substr(kFirstLine.size() + 1);
  uint32_t version = 0;
  const auto version_text = take_line(rest, "format_version");
  if (!version_text || !parse_number(*version_text, 10, version)) return damaged("no version");
  if (version > kDirectoryFormatVersion) {
    return storage_error(StorageError::Kind::kNewerVersion,
                         path + ": the directory has format " + std::to_string(version) +
                             " of a newer topod; this one knows formats up to " +
                             std::to_string(kDirectoryFormatVersion));
  }
  uint64_t ensemble = 0;
  uint32_t server = 0;
  DirectoryIdentity identity;
  const auto ensemble_text = take_line(rest, "ensemble_id");
  const auto server_text = take_line(rest, "server_id");
  const auto instance_text = take_line(rest, "instance");
  if (!ensemble_text || !parse_number(*ensemble_text, 16, ensemble)) return damaged("no ensemble");
  if (!server_text || !parse_number(*server_text, 10, server)) return damaged("no server");
  if (!instance_text || !parse_instance(*instance_text, identity.instance)) {
    return damaged("no instance");
  }
  identity.ensemble = EnsembleId(ensemble);
  identity.server = ServerId(server);
  return identity;
}

Expected<DataDir> DataDir::open_or_create(FileSystem& files, const std::string& path,
                                          const DirectoryIdentity& if_new) {
  if (auto done = make_dirs(files, path); !done) return tl::unexpected(done.error());
  if (auto done = refuse_foreign(files, path); !done) return tl::unexpected(done.error());
  DataDir dir(files, path);
  if (auto done = dir.take_lock(); !done) return tl::unexpected(done.error());
  const auto found = read_identity(files, path);
  if (!found) return tl::unexpected(found.error());
  if (!found->has_value()) {
    if (auto done = dir.replace_identity(if_new); !done) return tl::unexpected(done.error());
    dir.was_created_ = true;
  } else if ((*found)->server != if_new.server) {
    return storage_error(StorageError::Kind::kForeign,
                         path + " holds the data of server " +
                             std::to_string((*found)->server.value()) + ", this is server " +
                             std::to_string(if_new.server.value()));
  } else {
    dir.identity_ = **found;
  }
  if (auto made = files.make_dir(dir.wal_path()); !made) return storage_error(made.error());
  if (auto done = files.sync_dir(path); !done) return storage_error(done.error());
  return dir;
}

Expected<DataDir> DataDir::open_existing(FileSystem& files, const std::string& path) {
  const auto exists = files.exists(path + "/" + std::string(kIdentityName));
  if (!exists) return storage_error(exists.error());
  if (!*exists) {
    return storage_error(StorageError::Kind::kMissing,
                         path + " is no data directory of topod: it has no file \"identity\"");
  }
  DataDir dir(files, path);
  if (auto done = dir.take_lock(); !done) return tl::unexpected(done.error());
  const auto found = read_identity(files, path);
  if (!found) return tl::unexpected(found.error());
  CHECK(found->has_value());
  dir.identity_ = **found;
  return dir;
}

Expected<void> DataDir::take_lock() {
  const std::string path = path_ + "/" + std::string(kLockName);
  auto lock = files_->lock(path);
  if (!lock) {
    if (lock.error().code != EWOULDBLOCK) return storage_error(lock.error());
    const auto holder = read_small_file(*files_, path);
    const std::string pid = holder ? holder->substr(0, holder->find_first_of(" \n")) : "";
    return storage_error(StorageError::Kind::kLocked,
                         path_ + " is in use by process " + (pid.empty() ? "(unknown)" : pid));
  }
  lock_ = std::move(*lock);
  // Of fixed length, so that nothing of a longer number stays behind.
  char text[24];
  std::snprintf(text, sizeof text, "%-20d\n", static_cast<int>(::getpid()));
  OpenFlags flags;
  flags.write = true;
  return write_small_file(*files_, path, flags, text);
}

Expected<void> DataDir::replace_identity(const DirectoryIdentity& identity) {
  if (auto done = write_identity(*files_, path_, identity); !done) return done;
  identity_ = identity;
  return {};
}

Expected<void> check_owner(FileSystem& files, const std::string& folder,
                           const DirectoryIdentity& identity) {
  const auto exists = files.exists(folder);
  if (!exists) return storage_error(exists.error());
  if (!*exists) return {};
  const auto owner = read_identity(files, folder);
  if (!owner) return tl::unexpected(owner.error());
  if (!owner->has_value() || **owner == identity) return {};
  const auto name = [](const DirectoryIdentity& of) {
    return "server " + std::to_string(of.server.value()) + " (instance " +
           hex_of({reinterpret_cast<const char*>(of.instance.data()), of.instance.size()}) + ")";
  };
  const bool same_server = (*owner)->server == identity.server;
  return storage_error(same_server ? StorageError::Kind::kDamaged : StorageError::Kind::kForeign,
                       folder + " belongs to the data directory of " + name(**owner) +
                           ", this one is of " + name(identity));
}

Expected<void> name_owner(FileSystem& files, const std::string& folder,
                          const DirectoryIdentity& identity) {
  const auto owner = read_identity(files, folder);
  if (owner && owner->has_value() && **owner == identity) return {};
  return write_identity(files, folder, identity);
}

Expected<std::vector<uint64_t>> DataDir::generations() const {
  const auto names = files_->list(path_);
  if (!names) return storage_error(names.error());
  std::vector<uint64_t> generations;
  for (const std::string& name : *names) {
    if (const auto generation = generation_of(name)) generations.push_back(*generation);
  }
  std::sort(generations.begin(), generations.end());
  return generations;
}

Expected<void> DataDir::keep_only_generation(std::optional<uint64_t> current) {
  const auto names = files_->list(path_);
  if (!names) return storage_error(names.error());
  bool changed = false;
  for (const std::string& name : *names) {
    const auto generation = generation_of(name);
    const bool is_unfinished = name.starts_with(kTreePrefix) && name.ends_with(kUnfinishedSuffix);
    if (!is_unfinished && (!generation || generation == current)) continue;
    if (auto done = remove_folder(*files_, path_ + "/" + name); !done) return done;
    changed = true;
  }
  if (!changed) return {};
  if (auto done = files_->sync_dir(path_); !done) return storage_error(done.error());
  return {};
}

Expected<std::string> make_damaged_folder(FileSystem& files, const std::string& parent) {
  std::string aside;
  for (uint64_t number = 1;; ++number) {
    aside = parent + "/" + std::string(kDamagedPrefix) + std::to_string(number);
    const auto exists = files.exists(aside);
    if (!exists) return storage_error(exists.error());
    if (!*exists) break;
  }
  if (auto made = files.make_dir(aside); !made) return storage_error(made.error());
  // First: else a crash could keep the move of something into it, and lose the folder.
  if (auto done = files.sync_dir(parent); !done) return storage_error(done.error());
  return aside;
}

Expected<std::string> set_aside(FileSystem& files, const std::string& folder,
                                const std::string& name) {
  const auto aside = make_damaged_folder(files, folder);
  if (!aside) return aside;
  if (auto done = files.rename(folder + "/" + name, *aside + "/" + name); !done) {
    return storage_error(done.error());
  }
  for (const std::string& changed : {*aside, folder}) {
    if (auto done = files.sync_dir(changed); !done) return storage_error(done.error());
  }
  return aside;
}

}  // namespace topod::storage
