#include "tools/ctl/backup.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <unordered_map>
#include <utility>

#include "server/state/acl.h"
#include "storage/backup.h"
#include "storage/data_dir.h"
#include "storage/loader.h"
#include "storage/store.h"
#include "tools/ctl/context.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "topod backup 1";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kTree = "tree";

tl::unexpected<Failure> storage_failure(const storage::StorageError& error) {
  using Kind = storage::StorageError::Kind;
  const ExitCode code = error.kind == Kind::kMissing  ? ExitCode::kNotFound
                        : error.kind == Kind::kLocked ? ExitCode::kConflict
                                                      : ExitCode::kFailed;
  return failure(code, error.what);
}

std::string tree_of(const std::string& backup) { return (fs::path(backup) / kTree).string(); }
std::string file_of(const std::string& backup) {
  return tree_of(backup) + "/" + std::string(storage::kTreeFileName);
}

Result<std::string> sha256_of(const std::string& path) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr);
  std::ifstream file(path, std::ios::binary);
  std::vector<char> chunk(size_t{1} << 20);
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    EVP_DigestUpdate(hash.get(), chunk.data(), static_cast<size_t>(file.gcount()));
  }
  if (!file.eof()) return failure(ExitCode::kFailed, path + " cannot be read");
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  EVP_DigestFinal_ex(hash.get(), bytes.data(), &length);
  return to_hex({reinterpret_cast<const char*>(bytes.data()), length});
}

// Reads every row, so that all hashes are compared, and keeps nothing.
class Examiner : public storage::LoadVisitor {
 public:
  bool acl(const storage::AclRow& /*row*/, std::string& /*why*/) override { return true; }
  bool node(const storage::NodeRow& /*row*/, std::string& /*why*/) override { return true; }
  bool session(const storage::SessionRow& /*row*/, std::string& /*why*/) override { return true; }
  bool member(const storage::MemberRow& /*row*/, std::string& /*why*/) override { return true; }
};

std::string now_text() {
  return time_text(std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count());
}

// What the copied tree is, once all of it has been read and found intact.
Result<Manifest> describe(const std::string& backup) {
  Examiner examiner;
  const auto loaded = storage::load_tree(tree_of(backup), examiner);
  if (!loaded) return storage_failure(loaded.error());
  auto sha256 = sha256_of(file_of(backup));
  if (!sha256) return tl::unexpected(sha256.error());
  return Manifest{
      .zxid = loaded->meta.zxid,
      .znodes = loaded->nodes,
      .sessions = loaded->sessions,
      .data_bytes = loaded->meta.data_bytes,
      .file_bytes = fs::file_size(file_of(backup)),
      .digest = fmt::format("{:016x}{:016x}", loaded->meta.digest_high, loaded->meta.digest_low),
      .sha256 = std::move(*sha256),
      .time = now_text()};
}

storage::DirectoryIdentity fresh_identity(uint32_t server_id) {
  std::random_device random;
  storage::DirectoryIdentity identity;
  identity.server = ServerId(server_id);
  identity.ensemble = EnsembleId(uint64_t{random()} << 32 | random());
  for (uint8_t& byte : identity.instance) byte = static_cast<uint8_t>(random());
  return identity;
}

// Rows become znodes with paths: parents come before their children.
class Reader : public storage::LoadVisitor {
 public:
  explicit Reader(Exported& into) : into_(into) {}

  bool acl(const storage::AclRow& row, std::string& why) override {
    const auto acl = state::parse_acl(row.serialized);
    if (!acl) {
      why = "an access control list cannot be decoded";
      return false;
    }
    Acls& acls = acls_[row.id.value()];
    for (const auto& entry : *acl) acls.push_back({entry.perms, entry.scheme, entry.id});
    return true;
  }
  bool node(const storage::NodeRow& row, std::string& why) override {
    std::string path;
    if (row.parent.value() != 0) {
      const auto parent = paths_.find(row.parent.value());
      if (parent == paths_.end()) {
        why = "its parent is missing";
        return false;
      }
      path = parent->second + "/" + std::string(row.name);
    }
    paths_[row.id.value()] = path;
    if (path == "/zookeeper" || is_below(path, "/zookeeper")) return true;
    const auto acls = acls_.find(row.acl.value());
    ExportedNode node;
    if (!row.data_is_null) node.data = std::string(row.data);
    node.acls = acls == acls_.end() ? client::open_acls() : acls->second;
    node.is_ephemeral = row.kind == storage::StoredKind::kEphemeral;
    node.stat.version = row.version;
    node.stat.aversion = row.aversion;
    node.stat.czxid = row.czxid.value();
    node.stat.mzxid = row.mzxid.value();
    node.stat.pzxid = row.pzxid.value();
    node.stat.ctime_ms = row.ctime_ms;
    node.stat.mtime_ms = row.mtime_ms;
    node.stat.data_length = static_cast<int32_t>(row.data.size());
    into_.nodes.emplace(std::move(path), std::move(node));
    return true;
  }
  bool session(const storage::SessionRow& /*row*/, std::string& /*why*/) override { return true; }
  bool member(const storage::MemberRow& /*row*/, std::string& /*why*/) override { return true; }

 private:
  Exported& into_;
  std::unordered_map<uint32_t, Acls> acls_;
  std::unordered_map<uint64_t, std::string> paths_;
};

}  // namespace

Json to_json(const Manifest& manifest) {
  Json json;
  json["format"] = kFormat;
  json["zxid"] = hex_number(manifest.zxid.value());
  json["time"] = manifest.time;
  json["znodes"] = manifest.znodes;
  json["sessions"] = manifest.sessions;
  json["dataBytes"] = manifest.data_bytes;
  json["fileBytes"] = manifest.file_bytes;
  json["digest"] = manifest.digest;
  json["sha256"] = manifest.sha256;
  return json;
}

Result<Manifest> make_backup(const std::string& data_dir, const std::string& out) {
  std::error_code error;
  if (fs::exists(out, error)) return failure(ExitCode::kConflict, out + " exists already");
  const auto tree = storage::current_tree(data_dir);
  if (!tree) return storage_failure(tree.error());
  // It gets its name when it is complete: what bears it is a whole backup.
  const std::string unfinished = out + ".new";
  fs::remove_all(unfinished, error);
  fs::create_directories(unfinished, error);
  if (error) return failure(ExitCode::kFailed, unfinished + ": " + error.message());
  if (auto copied = storage::copy_tree(*tree, tree_of(unfinished)); !copied) {
    return storage_failure(copied.error());
  }
  auto manifest = describe(unfinished);
  if (!manifest) return tl::unexpected(manifest.error());
  const std::string text = json_text(to_json(*manifest)) + "\n";
  if (auto done = write_file((fs::path(unfinished) / kManifest).string(), text); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = storage::posix_file_system().rename(unfinished, out); !done) {
    return failure(ExitCode::kFailed, done.error().message());
  }
  return std::move(*manifest);
}

Result<Manifest> check_backup(const std::string& backup) {
  const auto text = read_file((fs::path(backup) / kManifest).string());
  if (!text) return tl::unexpected(text.error());
  const Json written = Json::parse(*text, nullptr, false);
  if (!written.is_object() || !written.contains("format") || written["format"] != kFormat) {
    return failure(ExitCode::kUsage, backup + " is no backup");
  }
  auto found = describe(backup);
  if (!found) return tl::unexpected(found.error());
  Json now = to_json(*found);
  for (const char* key : {"sha256", "zxid", "znodes", "sessions", "dataBytes", "digest"}) {
    if (!written.contains(key) || written[key] != now[key]) {
      return failure(ExitCode::kFailed,
                     backup + " is damaged: its manifest has another " + key + " than its tree");
    }
  }
  if (written.contains("time") && written["time"].is_string()) found->time = written["time"];
  return found;
}

Result<Manifest> restore_data_dir(const std::string& backup, const std::string& data_dir,
                                  uint32_t server_id) {
  auto manifest = check_backup(backup);
  if (!manifest) return tl::unexpected(manifest.error());
  std::error_code error;
  if (fs::exists(data_dir, error) && !fs::is_empty(data_dir, error)) {
    return failure(ExitCode::kConflict, data_dir + " is not empty");
  }
  const auto directory = storage::DataDir::open_or_create(storage::posix_file_system(), data_dir,
                                                          fresh_identity(server_id));
  if (!directory) return storage_failure(directory.error());
  const std::string copy = data_dir + "/restored" + std::string(storage::kUnfinishedSuffix);
  fs::create_directories(copy, error);
  fs::copy_file(file_of(backup), copy + "/" + std::string(storage::kTreeFileName), error);
  if (error) return failure(ExitCode::kFailed, copy + ": " + error.message());
  if (auto adopted = storage::adopt_tree(*directory, copy); !adopted) {
    return storage_failure(adopted.error());
  }
  return manifest;
}

bool is_backup(const std::string& path) { return fs::exists(fs::path(path) / kManifest); }

Result<Exported> read_backup(const std::string& path) {
  Exported result;
  result.root = "/";
  Reader reader(result);
  const auto loaded = storage::load_tree(tree_of(path), reader);
  if (!loaded) return storage_failure(loaded.error());
  result.zxid = loaded->meta.zxid;
  return result;
}

}  // namespace topod::ctl
