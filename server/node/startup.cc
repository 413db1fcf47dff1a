#include "server/node/startup.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/node/logging.h"
#include "server/node/system.h"
#include "storage/loader.h"
#include "storage/log_reader.h"
#include "storage/log_repair.h"
#include "storage/log_segment.h"

namespace topod::node {

namespace {

using storage::LogDamage;
using storage::LogPosition;

tl::unexpected<StartupError> io_failure(const storage::IoError& error) {
  return startup_failure(kExitFailed, error.message());
}

// Whether others hold what this server would lose.
bool has_other_voters(const Config& config) {
  const auto voters =
      std::count_if(config.members.begin(), config.members.end(),
                    [](const Member& m) { return m.role == MemberRole::kParticipant; });
  const bool is_voter =
      std::any_of(config.members.begin(), config.members.end(), [&](const Member& m) {
        return m.id == config.server_id && m.role == MemberRole::kParticipant;
      });
  return voters > (is_voter ? 1 : 0);
}

// What only an operator can decide; of no use to a member whose peers hold everything.
constexpr std::string_view kAdviceForLog =
    " To go on without what would be lost, start once with --discard-damaged; "
    "the damaged files are kept";
constexpr std::string_view kAdviceForTree =
    " Restore a backup, or start once with --discard-damaged, which goes on with what the log "
    "still holds; the damaged files are kept";

std::string without_advice(const std::string& what) {
  return what.substr(0, std::min(what.find(kAdviceForLog), what.find(kAdviceForTree)));
}

tl::unexpected<StartupError> damaged_log(const LogDamage& damage) {
  return startup_failure(kExitDamaged, damage.describe() + std::string(kAdviceForLog));
}

tl::unexpected<StartupError> log_failure(const storage::LogOpenError& error) {
  if (const auto* damage = std::get_if<LogDamage>(&error)) return damaged_log(*damage);
  return io_failure(std::get<storage::IoError>(error));
}

// One start: the directory, the tree, the log behind it.
class Opening {
 public:
  Opening(const Config& config, const StartOptions& options, storage::DataDir dir)
      : config_(config),
        options_(options),
        data_(std::move(dir)),
        log_options_{.segment_bytes = options.segment_bytes,
                     .retain_bytes = config.log_retain_bytes} {
    data_.log_files = options.log_files;
    data_.log_dir = config.log_dir.empty() ? data_.dir.wal_path() : config.log_dir;
    data_.log_identity = {data_.identity.instance, data_.identity.server};
  }

  Started<void> run();
  OpenedData take() { return std::move(data_); }
  storage::DataDir take_directory() { return std::move(data_.dir); }

 private:
  Started<void> check_owner();
  Started<void> find_tree();
  Started<uint64_t> current_generation(const std::vector<uint64_t>& generations) const;
  Started<void> check_tree(const storage::CheckpointMeta& meta) const;
  Started<void> check_log() const;
  Started<void> open_behind_tree();
  Started<void> open_without_tree();
  Started<std::optional<LogDamage>> damage_without_tree();
  Started<void> refuse_without_tree(const std::optional<LogDamage>& damage) const;
  Started<void> set_aside_tree();
  Started<void> create_tree();
  Started<void> open_store();
  Started<std::optional<LogPosition>> cut_log(const LogDamage& damage,
                                              const std::optional<storage::LogBase>& base);
  Started<void> repair_log(const LogDamage& damage);
  Started<void> move_checkpoint(std::optional<LogPosition> position);
  Started<std::optional<LogPosition>> where_a_repair_ended() const;
  Started<void> keep_diverged_trees() const;
  Started<void> keep_only_generation(std::optional<uint64_t> generation);
  void take_log(std::unique_ptr<storage::Log> log);
  [[nodiscard]] std::string digest_text() const {
    return hex(static_cast<int64_t>(data_.state->digest.low()));
  }
  [[nodiscard]] auto try_open_log() const {
    return storage::Log::open(*data_.log_files, data_.log_dir, data_.log_identity, log_options_,
                              data_.replay_from);
  }
  [[nodiscard]] storage::Store::Options store_options() const {
    return {.map_bytes = config_.map_bytes};
  }

  const Config& config_;
  const StartOptions& options_;
  OpenedData data_;
  storage::LogOptions log_options_;
  bool tree_exists_ = false;
  std::string tree_damage_;  // empty: it is whole, if it exists
};

storage::DirectoryIdentity fresh_identity(ServerId server, Entropy& entropy) {
  storage::DirectoryIdentity fresh;
  fresh.server = server;
  entropy.fill(fresh.instance);
  std::array<uint8_t, 8> ensemble{};
  entropy.fill(ensemble);
  uint64_t id = 0;
  for (const uint8_t byte : ensemble) id = id << 8 | byte;
  fresh.ensemble = EnsembleId(id);
  return fresh;
}

Started<storage::DataDir> open_directory(const Config& config, Entropy& entropy) {
  storage::FileSystem& files = storage::posix_file_system();
  if (!config.create_data_dir) {
    const auto exists = files.exists(config.data_dir);
    if (!exists) return io_failure(exists.error());
    if (!*exists) {
      return startup_failure(kExitFailed,
                             config.data_dir + " does not exist and datadir.autocreate=false");
    }
  }
  auto dir = storage::DataDir::open_or_create(files, config.data_dir,
                                              fresh_identity(config.server_id, entropy));
  if (!dir) return startup_failure(dir.error());
  return std::move(*dir);
}

Started<void> Opening::run() {
  if (auto checked = check_owner(); !checked) return checked;
  if (auto found = find_tree(); !found) return found;
  const bool whole = tree_exists_ && tree_damage_.empty();
  if (auto opened = whole ? open_behind_tree() : open_without_tree(); !opened) return opened;
  data_.znodes = data_.state->tree.size();
  if (!data_.promises.founding.ParseFromString(data_.log->contents().founding())) {
    return startup_failure(kExitDamaged, data_.log_dir + ": the FOUNDING record cannot be decoded");
  }
  data_.is_alone = !has_other_voters(config_) && data_.promises.founding.voters_size() <= 1;
  if (auto checked = check_log(); !checked) return checked;
  const auto named = storage::name_owner(*data_.log_files, data_.log_dir, data_.identity);
  if (!named) return startup_failure(named.error());
  return {};
}

// ---- whose it is -------------------------------------------------------------------------------

Started<void> Opening::check_owner() {
  storage::FileSystem& files = *data_.log_files;
  const auto exists = files.exists(data_.log_dir);
  if (!exists) return io_failure(exists.error());
  if (!*exists) return {};
  const auto segments = storage::list_segments(files, data_.log_dir);
  if (!segments) return io_failure(segments.error());
  if (segments->empty()) return {};  // there is nothing to own
  const auto owner = storage::check_owner(files, data_.log_dir, data_.identity);
  if (owner) return {};
  const bool damaged = owner.error().kind == storage::StorageError::Kind::kDamaged;
  if (damaged && options_.discard_damaged) return {};
  return startup_failure(owner.error());
}

Started<void> Opening::check_tree(const storage::CheckpointMeta& meta) const {
  if (meta.server == data_.identity.server) return {};
  return startup_failure(kExitFailed,
                         data_.dir.tree_path(data_.generation) + " holds the data of server " +
                             std::to_string(meta.server.value()) + ", this is server " +
                             std::to_string(data_.identity.server.value()));
}

// Whether log and tree belong together, as far as the log can tell.
Started<void> Opening::check_log() const {
  const storage::LogScan& scan = data_.log->recovered();
  const auto& installed = scan.contents.snapshot();
  if (installed && installed->generation > data_.generation) {
    return startup_failure(kExitDamaged, "the log goes on from " +
                                             data_.dir.tree_path(installed->generation) +
                                             ", which is missing");
  }
  if (scan.batches == 0 && data_.state->applied > Zxid() && has_other_voters(config_)) {
    return startup_failure(kExitDamaged, "the log is missing from " + data_.log_dir +
                                             ", and with it what this server has promised");
  }
  return {};
}

// ---- which tree --------------------------------------------------------------------------------

// Of several the one that the log says was installed. One that was received and not installed has
// no place in the log yet.
Started<uint64_t> Opening::current_generation(const std::vector<uint64_t>& generations) const {
  if (generations.size() == 1) return generations.front();
  const auto scan =
      storage::scan_log(*data_.log_files, data_.log_dir, data_.log_identity, std::nullopt);
  if (!scan) return io_failure(scan.error());
  const auto& installed = scan->contents.snapshot();
  if (installed &&
      std::binary_search(generations.begin(), generations.end(), installed->generation)) {
    return installed->generation;
  }
  for (auto it = generations.rbegin(); it != generations.rend(); ++it) {
    const auto meta = storage::read_checkpoint(data_.dir.tree_path(*it));
    if (meta && meta->log_segment > 0) return *it;
  }
  return generations.front();
}

Started<void> Opening::find_tree() {
  const auto generations = data_.dir.generations();
  if (!generations) return startup_failure(generations.error());
  tree_exists_ = !generations->empty();
  if (!tree_exists_) return {};
  const auto current = current_generation(*generations);
  if (!current) return tl::unexpected(current.error());
  data_.generation = *current;
  auto tree = load_stored_tree(data_.dir.tree_path(data_.generation));
  if (!tree) {
    if (tree.error().exit_code != kExitDamaged) return tl::unexpected(tree.error());
    tree_damage_ = tree.error().what;
    return {};
  }
  data_.state = std::move(tree->state);
  const storage::CheckpointMeta& meta = tree->meta;
  if (auto checked = check_tree(meta); !checked) return checked;
  data_.promises.accepted_epoch = meta.accepted_epoch;
  data_.promises.current_epoch = meta.current_epoch;
  if (meta.log_segment > 0) data_.replay_from = {meta.log_segment, meta.log_offset_bytes};
  return {};
}

// ---- with a whole tree: the log must go on where it ends -------------------------------------

Started<void> Opening::open_behind_tree() {
  auto log = try_open_log();
  if (!log) {
    const auto* damage = std::get_if<LogDamage>(&log.error());
    if (damage == nullptr) return log_failure(log.error());
    const auto repaired = where_a_repair_ended();
    if (!repaired) return tl::unexpected(repaired.error());
    if (!*repaired && !options_.discard_damaged) return log_failure(log.error());
    if (auto done = open_store(); !done) return done;
    if (auto done = *repaired ? move_checkpoint(*repaired) : repair_log(*damage); !done) {
      return done;
    }
    log = try_open_log();
    if (!log) return log_failure(log.error());
  }
  if (!data_.store) {
    if (auto done = open_store(); !done) return done;
  }
  take_log(std::move(*log));
  if (auto kept = keep_diverged_trees(); !kept) return kept;
  return keep_only_generation(data_.generation);
}

// The last run may have ended between the installation of a snapshot and this.
Started<void> Opening::keep_diverged_trees() const {
  const std::optional<storage::InstalledSnapshot>& installed = data_.log->contents().snapshot();
  if (!installed || !installed->replaces_diverged) return {};
  const auto generations = data_.dir.generations();
  if (!generations) return startup_failure(generations.error());
  for (const uint64_t generation : *generations) {
    if (generation >= data_.generation) break;
    if (auto done = put_aside_diverged_tree(data_.dir.path(), generation); !done) return done;
  }
  return {};
}

Started<void> Opening::open_store() {
  auto store = storage::Store::open(data_.dir.tree_path(data_.generation), store_options());
  if (!store) return startup_failure(store.error());
  data_.store = std::move(*store);
  return {};
}

// Cuts the log before the damage. If the tree is ahead of what remains, it goes on from the tree.
Started<void> Opening::repair_log(const LogDamage& damage) {
  std::optional<storage::LogBase> base;
  if (data_.replay_from) {
    base = storage::LogBase{.zxid = data_.state->applied,
                            .generation = data_.generation,
                            .digest = digest_text(),
                            .position = *data_.replay_from};
  }
  const auto from = cut_log(damage, base);
  if (!from) return tl::unexpected(from.error());
  return *from == data_.replay_from ? Started<void>() : move_checkpoint(*from);
}

// A crash between the repair of the log and `move_checkpoint` leaves a log that says itself that
// it goes on from exactly this tree.
Started<std::optional<LogPosition>> Opening::where_a_repair_ended() const {
  const auto scan =
      storage::scan_log(*data_.log_files, data_.log_dir, data_.log_identity, std::nullopt);
  if (!scan) return io_failure(scan.error());
  const std::optional<storage::InstalledSnapshot>& base = scan->contents.snapshot();
  if (scan->damage || !base || base->zxid != data_.state->applied ||
      base->generation != data_.generation || base->digest != digest_text()) {
    return std::nullopt;
  }
  return base->place.batch;
}

Started<void> Opening::move_checkpoint(std::optional<LogPosition> position) {
  data_.replay_from = position;
  const auto meta = checkpoint_meta(*data_.state, data_.promises, data_.identity,
                                    position.value_or(LogPosition{}));
  if (auto done = data_.store->commit({}, meta); !done) return startup_failure(done.error());
  return {};
}

// ---- without one: the log must begin with the first entry ever ---------------------------------

Started<void> Opening::open_without_tree() {
  const auto damage = damage_without_tree();
  if (!damage) return tl::unexpected(damage.error());
  if (auto refused = refuse_without_tree(*damage); !refused) return refused;
  // The log first: as long as the damaged tree is there, a start without the order is refused.
  if (*damage) {
    if (auto cut = cut_log(**damage, std::nullopt); !cut) return tl::unexpected(cut.error());
  }
  if (tree_exists_) {
    if (auto done = set_aside_tree(); !done) return done;
  }
  if (auto kept = keep_only_generation(std::nullopt); !kept) return kept;
  auto log = try_open_log();
  if (!log) return log_failure(log.error());
  take_log(std::move(*log));
  return create_tree();
}

// What is wrong with the log, given that all of it is needed. A log whose beginning is gone says
// nothing without the tree that went before it.
Started<std::optional<LogDamage>> Opening::damage_without_tree() {
  storage::FileSystem& files = *data_.log_files;
  const auto exists = files.exists(data_.log_dir);
  if (!exists) return io_failure(exists.error());
  if (!*exists) return std::nullopt;
  auto scan = storage::scan_log(files, data_.log_dir, data_.log_identity, std::nullopt);
  if (!scan) return io_failure(scan.error());
  if (scan->batches == 0) return std::move(scan->damage);
  storage::LogReader reader(files, data_.log_dir, data_.log_identity, *scan, scan->begin);
  const auto first = reader.next();
  if (!first) return startup_failure(kExitDamaged, first.error());
  const storage::LogContents& contents = scan->contents;
  const bool reaches_back =
      *first != nullptr ? (*first)->number == 0 : contents.last_zxid() == Zxid();
  if (reaches_back) return std::move(scan->damage);
  LogDamage headless = scan->damage.value_or(LogDamage{});
  headless.begin = headless.position = scan->begin;
  headless.reason = "it does not reach back to an empty tree";
  headless.last_good_zxid = Zxid();
  headless.batches_behind += scan->batches;
  if (*first != nullptr) headless.first_zxid_behind = (*first)->zxid;
  headless.last_zxid_behind = std::max(headless.last_zxid_behind, contents.last_zxid());
  headless.accepted_epoch_behind =
      std::max(headless.accepted_epoch_behind, contents.accepted_epoch());
  headless.current_epoch_behind = std::max(headless.current_epoch_behind, contents.current_epoch());
  return headless;
}

Started<void> Opening::refuse_without_tree(const std::optional<LogDamage>& damage) const {
  if (options_.discard_damaged || (!tree_exists_ && !damage)) return {};
  std::string what = tree_exists_ ? tree_damage_ + "."
                                  : "the stored tree is missing from " + data_.dir.path() + ".";
  if (damage) {
    what += " Without it the whole log is needed, but " + damage->describe();
  } else {
    what += " The log reaches back to an empty tree and can do without it.";
  }
  return startup_failure(kExitDamaged, what + std::string(kAdviceForTree));
}

Started<void> Opening::set_aside_tree() {
  const auto aside = data_.dir.set_aside("tree." + std::to_string(data_.generation));
  if (!aside) return startup_failure(aside.error());
  log_warn("start", "going on without the damaged tree, as ordered",
           {{"why", tree_damage_}, {"kept", *aside}});
  return {};
}

Started<void> Opening::create_tree() {
  data_.state = state::State::initial();
  auto store =
      create_stored_tree(data_.dir.tree_path(data_.generation), store_options(), *data_.state,
                         checkpoint_meta(*data_.state, data_.promises, data_.identity, {}));
  if (!store) return tl::unexpected(store.error());
  data_.store = std::move(*store);
  data_.created = true;
  return {};
}

// ---- with or without ---------------------------------------------------------------------------

Started<std::optional<LogPosition>> Opening::cut_log(const LogDamage& damage,
                                                     const std::optional<storage::LogBase>& base) {
  storage::FileSystem& files = *data_.log_files;
  const std::string parent = config_.log_dir.empty() ? data_.dir.path() : config_.log_dir;
  const auto aside = storage::make_damaged_folder(files, parent);
  if (!aside) return startup_failure(aside.error());
  const auto from = storage::set_aside_damaged(files, data_.log_dir, *aside, data_.log_identity,
                                               log_options_, damage, base);
  if (!from) return log_failure(from.error());
  log_warn("start", "going on without the damaged part of the log, as ordered",
           {{"why", damage.describe()}, {"kept", *aside}});
  return *from;
}

Started<void> Opening::keep_only_generation(std::optional<uint64_t> generation) {
  if (auto kept = data_.dir.keep_only_generation(generation); !kept) {
    return startup_failure(kept.error());
  }
  return {};
}

void Opening::take_log(std::unique_ptr<storage::Log> log) {
  data_.log = std::move(log);
  const storage::LogContents& contents = data_.log->contents();
  zab::Promises& promises = data_.promises;
  promises.accepted_epoch = std::max(promises.accepted_epoch, contents.accepted_epoch());
  promises.current_epoch = std::max(promises.current_epoch, contents.current_epoch());
}

// ---- a member that has lost something ----------------------------------------------------------

Started<void> move_log(storage::FileSystem& files, const std::string& from,
                       const std::string& parent) {
  const auto exists = files.exists(from);
  if (!exists) return io_failure(exists.error());
  if (!*exists) return {};
  const auto names = files.list(from);
  if (!names) return io_failure(names.error());
  const auto aside = storage::make_damaged_folder(files, parent);
  if (!aside) return startup_failure(aside.error());
  for (const std::string& name : *names) {
    // The folder may hold other things, or be the data directory itself.
    if (!storage::segment_number(name) && name != storage::kSpareName) continue;
    if (auto moved = files.rename(from + "/" + name, *aside + "/" + name); !moved) {
      return io_failure(moved.error());
    }
  }
  for (const std::string& folder : {*aside, from}) {
    if (auto synced = files.sync_dir(folder); !synced) return io_failure(synced.error());
  }
  return {};
}

// Everything goes aside. First of all the directory becomes another one, which no vote counts for:
// whatever a crash leaves of this, nobody takes it for the one that has promised something.
Started<void> begin_anew(const Config& config, const StartOptions& options, storage::DataDir& dir,
                         Entropy& entropy, const std::string& why) {
  log_error("start",
            "this server has lost what it had stored. The rest is put aside; it begins as a blank "
            "learner, and votes again once the others have brought it up to date",
            {{"why", without_advice(why)}, {"dataDir", dir.path()}});
  const auto renamed = dir.replace_identity(fresh_identity(config.server_id, entropy));
  if (!renamed) return startup_failure(renamed.error());
  const auto generations = dir.generations();
  if (!generations) return startup_failure(generations.error());
  for (const uint64_t generation : *generations) {
    const auto aside = dir.set_aside("tree." + std::to_string(generation));
    if (!aside) return startup_failure(aside.error());
  }
  const bool inside = config.log_dir.empty();
  return move_log(*options.log_files, inside ? dir.wal_path() : config.log_dir,
                  inside ? dir.path() : config.log_dir);
}

// A directory of which only the name is left has promised what it no longer knows. Under that name
// the others would count its votes.
Started<void> renounce_empty_identity(const Config& config, const StartOptions& options,
                                      storage::DataDir& dir, Entropy& entropy) {
  if (dir.was_created()) return {};
  const auto generations = dir.generations();
  if (!generations) return startup_failure(generations.error());
  if (!generations->empty()) return {};
  const std::string log_dir = config.log_dir.empty() ? dir.wal_path() : config.log_dir;
  const auto exists = options.log_files->exists(log_dir);
  if (!exists) return io_failure(exists.error());
  if (*exists) {
    const auto segments = storage::list_segments(*options.log_files, log_dir);
    if (!segments) return io_failure(segments.error());
    if (!segments->empty()) return {};
  }
  const auto renamed = dir.replace_identity(fresh_identity(config.server_id, entropy));
  if (!renamed) return startup_failure(renamed.error());
  return {};
}

}  // namespace

Started<OpenedData> open_data(const Config& config, const StartOptions& options, Entropy& entropy) {
  const int64_t began_ms = monotonic_ms();
  auto dir = open_directory(config, entropy);
  if (!dir) return tl::unexpected(dir.error());
  const bool is_replaceable = has_other_voters(config);
  StartOptions judged = options;
  if (is_replaceable) {
    // What the others hold is better than what is left here.
    judged.discard_damaged = false;
    auto renounced = renounce_empty_identity(config, options, *dir, entropy);
    if (!renounced) return tl::unexpected(renounced.error());
  }
  auto opening = std::make_unique<Opening>(config, judged, std::move(*dir));
  auto opened = opening->run();
  if (!opened && opened.error().exit_code == kExitDamaged && is_replaceable) {
    dir = opening->take_directory();
    opening.reset();
    if (auto done = begin_anew(config, options, *dir, entropy, opened.error().what); !done) {
      return tl::unexpected(done.error());
    }
    opening = std::make_unique<Opening>(config, judged, std::move(*dir));
    opened = opening->run();
  }
  if (!opened) return tl::unexpected(opened.error());
  OpenedData data = opening->take();
  data.load_ms = monotonic_ms() - began_ms;
  return data;
}

}  // namespace topod::node
