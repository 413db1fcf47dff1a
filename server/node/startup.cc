#include "server/node/startup.h"

#include <chrono>

#include "proto/check.h"
#include "server/node/logging.h"
#include "server/node/state_rows.h"
#include "storage/loader.h"
#include "storage/log_reader.h"
#include "storage/log_repair.h"

namespace topod::node {

namespace {

using storage::StorageError;

// How many entries are replayed between two collections of changes.
constexpr uint64_t kReplayedPerCollection = 4'096;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

tl::unexpected<StartupError> failure(int exit_code, std::string what) {
  return tl::unexpected(StartupError{exit_code, std::move(what)});
}

tl::unexpected<StartupError> failure(const StorageError& error) {
  return failure(error.kind == StorageError::Kind::kDamaged ? kExitDamaged : kExitFailed,
                 error.what);
}

// Rows into the state, in the loader's order.
class StateLoader final : public storage::LoadVisitor {
 public:
  explicit StateLoader(state::State& state) : state_(state) {}
  bool acl(const storage::AclRow& row, std::string& why) override {
    return load_row(state_, row, why);
  }
  bool node(const storage::NodeRow& row, std::string& why) override {
    return load_row(state_, row, why);
  }
  bool session(const storage::SessionRow& row, std::string&) override {
    load_row(state_, row);
    return true;
  }
  bool member(const storage::MemberRow& row, std::string&) override {
    load_row(state_, row);
    return true;
  }

 private:
  state::State& state_;
};

storage::Checkpoint whole_checkpoint(const state::State& state) {
  storage::Checkpoint checkpoint;
  std::vector<state::NodeSlot> todo = {state.tree.root()};
  while (!todo.empty()) {
    const state::NodeSlot slot = todo.back();
    todo.pop_back();
    checkpoint.put_node(row_of(state.tree, slot));
    const AclId acl = state.tree.fields(slot).acl;
    const std::string bytes = state::serialize_acl(state.acls.get(acl));
    checkpoint.put_acl({acl, bytes});
    for (state::NodeSlot child = state.tree.first_child(slot); child != state::kNoNode;
         child = state.tree.next_sibling(child)) {
      todo.push_back(child);
    }
  }
  return checkpoint;
}

Started<storage::DataDir> open_directory(const Config& config, Entropy& entropy) {
  storage::DirectoryIdentity fresh;
  fresh.server = config.server_id;
  entropy.fill(fresh.instance);
  std::array<uint8_t, 8> ensemble{};
  entropy.fill(ensemble);
  uint64_t id = 0;
  for (const uint8_t byte : ensemble) id = id << 8 | byte;
  fresh.ensemble = EnsembleId(id);
  storage::FileSystem& files = storage::posix_file_system();
  if (!config.create_data_dir) {
    const auto exists = files.exists(config.data_dir);
    if (!exists) return failure(kExitFailed, exists.error().message());
    if (!*exists) {
      return failure(kExitFailed, config.data_dir + " does not exist and datadir.autocreate=false");
    }
  }
  auto dir = storage::DataDir::open_or_create(files, config.data_dir, fresh);
  if (!dir) return failure(dir.error());
  return std::move(*dir);
}

tl::unexpected<StartupError> damaged_log(const storage::LogDamage& damage) {
  return failure(kExitDamaged, damage.describe() +
                                   " To go on without what would be lost, start once with "
                                   "--discard-damaged; the damaged files are kept");
}

// Whether the log, if there is any, begins with the first transaction ever: then it can do
// without a tree.
Started<bool> log_reaches_back(const OpenedData& data, bool discard_damaged) {
  storage::FileSystem& files = storage::posix_file_system();
  const auto exists = files.exists(data.log_dir);
  if (!exists) return failure(kExitFailed, exists.error().message());
  if (!*exists) return true;
  const auto scan = storage::scan_log(files, data.log_dir, data.log_identity, std::nullopt);
  if (!scan) return failure(kExitFailed, scan.error().message());
  if (scan->damage && !discard_damaged) return damaged_log(*scan->damage);
  if (scan->batches == 0) return !scan->damage;
  storage::LogReader reader(files, data.log_dir, data.log_identity, *scan, scan->begin);
  const auto first = reader.next();
  if (!first) return failure(kExitDamaged, first.error());
  return *first == nullptr || (*first)->number == 0;
}

// A server that has never got as far as its first checkpoint.
Started<void> create_tree(OpenedData& data, const storage::Store::Options& options) {
  data.state = state::State::initial();
  auto store = storage::Store::create(
      data.dir.tree_path(data.generation), options, whole_checkpoint(*data.state),
      checkpoint_meta(*data.state, data.promises, data.identity, {}));
  if (!store) return failure(store.error());
  data.store = std::move(*store);
  data.created = true;
  return {};
}

Started<void> load(OpenedData& data, const storage::Store::Options& options) {
  const std::string path = data.dir.tree_path(data.generation);
  data.state.emplace();
  StateLoader loader(*data.state);
  const auto loaded = storage::load_tree(path, loader);
  if (!loaded) return failure(loaded.error());
  const storage::CheckpointMeta& meta = loaded->meta;
  if (meta.feature_level > state::kFeatureLevel) {
    return failure(kExitFailed, path + " was written by a newer topod (feature level " +
                                    std::to_string(meta.feature_level) + ", this one knows " +
                                    std::to_string(state::kFeatureLevel) + ")");
  }
  std::string why;
  if (!data.state->finish_loading(meta.zxid, meta.next_node_id, meta.acl_counter,
                                  meta.feature_level, why)) {
    return failure(kExitDamaged, path + ": " + why);
  }
  if (data.state->digest != state::Digest(meta.digest_low, meta.digest_high)) {
    return failure(kExitDamaged, path +
                                     ": the rows do not add up to the digest of their checkpoint"
                                     " at zxid " +
                                     hex(meta.zxid.value()));
  }
  data.promises.accepted_epoch = meta.accepted_epoch;
  data.promises.current_epoch = meta.current_epoch;
  if (meta.log_segment > 0) {
    data.replay_from = storage::LogPosition{meta.log_segment, meta.log_offset_bytes};
  }
  auto store = storage::Store::open(path, options);
  if (!store) return failure(store.error());
  data.store = std::move(*store);
  return {};
}

Started<void> open_tree(OpenedData& data, const Config& config, bool discard_damaged) {
  const auto generations = data.dir.generations();
  if (!generations) return failure(generations.error());
  const bool exists = !generations->empty();
  if (exists) data.generation = generations->back();
  if (auto kept = data.dir.keep_only_generation(exists ? std::optional<uint64_t>(data.generation)
                                                       : std::nullopt);
      !kept) {
    return failure(kept.error());
  }
  const storage::Store::Options options{.map_bytes = config.map_bytes};
  if (!exists) {
    const auto complete = log_reaches_back(data, discard_damaged);
    if (!complete) return tl::unexpected(complete.error());
    if (!*complete && !discard_damaged) {
      return failure(kExitDamaged,
                     "the stored tree is missing from " + data.dir.path() +
                         " and the log does not reach back to its beginning. Restore a backup, or "
                         "start once with --discard-damaged, which begins with an empty tree");
    }
    return create_tree(data, options);
  }
  Started<void> loaded = load(data, options);
  if (loaded || loaded.error().exit_code != kExitDamaged) return loaded;
  if (!discard_damaged) {
    return failure(kExitDamaged,
                   loaded.error().what +
                       "; without the stored tree only what the log still holds can be served. "
                       "Restore a backup, or start once with --discard-damaged");
  }
  data.store.reset();
  const std::string name = "tree." + std::to_string(data.generation);
  const auto aside = data.dir.set_aside(name);
  if (!aside) return failure(aside.error());
  log_warn("start", "going on without the damaged tree, as ordered",
           {{"why", loaded.error().what}, {"kept", *aside}});
  data.replay_from.reset();
  data.promises = {};
  return create_tree(data, options);
}

using LogOpened = tl::expected<std::unique_ptr<storage::Log>, storage::LogOpenError>;

tl::unexpected<StartupError> failure(const storage::LogOpenError& error) {
  if (const auto* damage = std::get_if<storage::LogDamage>(&error)) {
    return damaged_log(*damage);
  }
  return failure(kExitFailed, std::get<storage::IoError>(error).message());
}

// Cuts the log before the damage; what lies behind it is put aside.
Started<void> repair_log(OpenedData& data, const Config& config, const storage::LogOptions& options,
                         const storage::LogDamage& damage) {
  storage::FileSystem& files = storage::posix_file_system();
  const auto aside = storage::make_damaged_folder(
      files, config.log_dir.empty() ? data.dir.path() : config.log_dir);
  if (!aside) return failure(aside.error());
  const state::State& state = *data.state;
  std::optional<storage::LogBase> base;
  if (data.replay_from) {
    base = storage::LogBase{.zxid = state.applied,
                            .generation = data.generation,
                            .digest = hex(static_cast<int64_t>(state.digest.low())),
                            .position = *data.replay_from};
  }
  const auto from = storage::set_aside_damaged(files, data.log_dir, *aside, data.log_identity,
                                               options, damage, base);
  if (!from) return failure(from.error());
  log_warn("start", "going on without the damaged part of the log, as ordered",
           {{"why", damage.describe()}, {"kept", *aside}});
  if (*from == data.replay_from) return {};
  data.replay_from = *from;
  const auto meta = checkpoint_meta(state, data.promises, data.identity, **from);
  if (auto done = data.store->commit({}, meta); !done) return failure(done.error());
  return {};
}

// A log whose beginning is gone says nothing without the tree that went before it.
Started<void> put_aside_headless_log(OpenedData& data, const Config& config,
                                     const storage::LogOptions& options) {
  const auto complete = log_reaches_back(data, true);
  if (!complete) return tl::unexpected(complete.error());
  if (*complete) return {};
  if (!config.log_dir.empty()) {
    return failure(kExitDamaged, data.log_dir +
                                     " does not reach back to its beginning and cannot be used "
                                     "without a tree: move it away");
  }
  data.log.reset();
  const auto aside = data.dir.set_aside("wal");
  if (!aside) return failure(aside.error());
  log_warn("start", "the log does not reach back to an empty tree: starting empty",
           {{"kept", *aside}});
  auto log = storage::Log::open(storage::posix_file_system(), data.log_dir, data.log_identity,
                                options, std::nullopt);
  if (!log) return failure(log.error());
  data.log = std::move(*log);
  return {};
}

Started<void> open_log(OpenedData& data, const Config& config, bool discard_damaged) {
  const storage::LogOptions options{.retain_bytes = config.log_retain_bytes};
  storage::FileSystem& files = storage::posix_file_system();
  const auto open = [&]() -> LogOpened {
    return storage::Log::open(files, data.log_dir, data.log_identity, options, data.replay_from);
  };
  LogOpened log = open();
  if (!log && discard_damaged) {
    if (const auto* damage = std::get_if<storage::LogDamage>(&log.error())) {
      if (auto done = repair_log(data, config, options, *damage); !done) return done;
      log = open();
    }
  }
  if (!log) return failure(log.error());
  data.log = std::move(*log);
  const storage::LogContents& contents = data.log->contents();
  zab::Promises& promises = data.promises;
  promises.accepted_epoch = std::max(promises.accepted_epoch, contents.accepted_epoch());
  promises.current_epoch = std::max(promises.current_epoch, contents.current_epoch());
  if (data.created && data.log->recovered().batches > 0) {
    if (auto done = put_aside_headless_log(data, config, options); !done) return done;
  }
  promises.founded = !data.log->contents().founding().empty();
  promises.ensemble = data.identity.ensemble;
  return {};
}

}  // namespace

storage::CheckpointMeta checkpoint_meta(const state::State& state, const zab::Promises& promises,
                                        const storage::DirectoryIdentity& identity,
                                        storage::LogPosition position) {
  storage::CheckpointMeta meta;
  meta.feature_level = state.feature_level;
  meta.server = identity.server;
  meta.ensemble = identity.ensemble;
  meta.acl_counter = state.acls.counter();
  meta.zxid = state.applied;
  meta.accepted_epoch = promises.accepted_epoch;
  meta.current_epoch = promises.current_epoch;
  meta.log_segment = position.segment;
  meta.log_offset_bytes = position.offset;
  meta.digest_low = state.digest.low();
  meta.digest_high = state.digest.high();
  meta.znode_count = state.tree.size();
  meta.data_bytes = state.tree.data_bytes();
  meta.next_node_id = state.tree.next_node_id();
  return meta;
}

Started<OpenedData> open_data(const Config& config, bool discard_damaged, Entropy& entropy) {
  const int64_t began_ms = now_ms();
  auto dir = open_directory(config, entropy);
  if (!dir) return tl::unexpected(dir.error());
  OpenedData data(std::move(*dir));
  data.log_dir = config.log_dir.empty() ? data.dir.wal_path() : config.log_dir;
  data.log_identity = {data.identity.instance, data.identity.server};
  if (auto tree = open_tree(data, config, discard_damaged); !tree) {
    return tl::unexpected(tree.error());
  }
  data.znodes = data.state->tree.size();
  if (auto log = open_log(data, config, discard_damaged); !log) {
    return tl::unexpected(log.error());
  }
  data.load_ms = now_ms() - began_ms;
  return data;
}

Started<Replayed> replay_log(const OpenedData& data, zab::Replica& replica, TreeStore& tree) {
  const int64_t began_ms = now_ms();
  Replayed replayed;
  const storage::LogScan& scan = data.log->recovered();
  if (scan.batches == 0) return replayed;
  storage::LogReader reader(storage::posix_file_system(), data.log_dir, data.log_identity, scan,
                            data.replay_from.value_or(scan.begin));
  while (true) {
    const auto record = reader.next();
    if (!record) return failure(kExitDamaged, record.error());
    if (*record == nullptr) break;
    const storage::LogRecordView& view = **record;
    const Zxid applied = replica.state().applied;
    if (view.zxid <= applied) continue;  // the checkpoint covers it
    if (Zxid(static_cast<int64_t>(view.number)) != applied) {
      return failure(kExitDamaged, "the log goes on at zxid " + hex(view.zxid.value()) + " after " +
                                       hex(static_cast<int64_t>(view.number)) +
                                       ", but the stored tree ends at " + hex(applied.value()));
    }
    if (!replica.replay(view.zxid, view.payload)) {
      return failure(kExitDamaged,
                     "the log entry at zxid " + hex(view.zxid.value()) + " cannot be decoded");
    }
    if (++replayed.transactions % kReplayedPerCollection == 0) {
      tree.collect(replica.state(), replica.changes());
      replica.changes().clear();
    }
  }
  tree.collect(replica.state(), replica.changes());
  replica.changes().clear();
  replayed.milliseconds = now_ms() - began_ms;
  return replayed;
}

}  // namespace topod::node
