// From a simulated disk to a running member, in the steps of the real start: tree, log, replay.
#include <utility>

#include "proto/check.h"
#include "storage/log_reader.h"
#include "tests/sim/process.h"

namespace topod::sim {

namespace {
constexpr const char* kLogDir = "/wal";
}  // namespace

zab::ReplicaConfig Member::replica_config() const {
  zab::ReplicaConfig config;
  config.self = id_;
  config.tick_ms = ensemble_.tick_ms;
  config.min_session_timeout_ms = 2 * ensemble_.tick_ms;
  config.max_session_timeout_ms = 20 * ensemble_.tick_ms;
  return config;
}

void Member::start() {
  if (process_ != nullptr) return;
  ++life_;
  process_ = std::make_unique<Process>(*this);
  storage::CheckpointMeta meta;
  auto state = load_tree(meta);
  auto log = state == nullptr ? nullptr : open_log(meta);
  if (log == nullptr) {
    process_.reset();
    return;
  }
  world_.note("start", id_, state->applied, log->contents().last_zxid());
  Incarnation incarnation(world_.random().next());
  const auto count = history_.count_at(state->applied);
  if (!count) broken("durability", "its checkpoint holds what was never applied");
  applied_count_ = count.value_or(0);
  history_.has_digest(id_, applied_count_, state->digest);
  process_->replica.emplace(replica_config(), std::move(*state), incarnation);
  replay(*log, meta);
  join(std::move(log), meta);
}

std::unique_ptr<state::State> Member::load_tree(storage::CheckpointMeta& meta) {
  if (trees_.empty()) {
    const state::State initial = state::State::initial();
    meta = checkpoint_meta(initial, {});
    trees_[1].apply(whole_checkpoint(initial), meta);
  }
  const auto& [generation, tree] = *trees_.rbegin();
  meta = tree.meta;
  std::string why;
  auto state = tree.load(why);
  if (state == nullptr) broken("durability", "its tree cannot be loaded: " + why);
  process_->tree = std::make_unique<TreeStore>(
      world_, trees_, generation, [this](const storage::CheckpointMeta& done) {
        // The log is kept back to the checkpoint before, as the real server does.
        if (process_->previous_checkpoint) process_->log->trim(*process_->previous_checkpoint);
        process_->previous_checkpoint = {done.log_segment, done.log_offset_bytes};
      });
  return state;
}

std::unique_ptr<storage::Log> Member::open_log(const storage::CheckpointMeta& meta) {
  const storage::LogOptions options{.segment_bytes = ensemble_.segment_bytes,
                                    .retain_bytes = ensemble_.retain_bytes};
  std::optional<storage::LogPosition> from;
  if (meta.log_segment > 0) from = {meta.log_segment, meta.log_offset_bytes};
  disk_.begin_operation();
  auto log = storage::Log::open(disk_, kLogDir, log_identity(), options, from);
  disk_.end_operation();
  if (log) return std::move(*log);
  if (const auto* damage = std::get_if<storage::LogDamage>(&log.error())) {
    broken("durability", damage->describe());
  } else {
    broken("durability", std::get<storage::IoError>(log.error()).message());
  }
  return nullptr;
}

void Member::replay(const storage::Log& log, const storage::CheckpointMeta& meta) {
  const storage::LogScan& scan = log.recovered();
  zab::Replica& replica = *process_->replica;
  if (scan.batches == 0) return;
  storage::LogPosition from = scan.begin;
  if (meta.log_segment > 0) from = {meta.log_segment, meta.log_offset_bytes};
  storage::LogReader reader(disk_, kLogDir, log_identity(), scan, from);
  while (true) {
    const auto record = reader.next();
    if (!record) return broken("durability", record.error());
    if (*record == nullptr) break;
    const storage::LogRecordView& view = **record;
    if (view.zxid <= replica.state().applied) continue;
    if (Zxid(static_cast<int64_t>(view.number)) != replica.state().applied) {
      return broken("durability", "the log does not go on where the tree ends");
    }
    if (!replica.replay(view.zxid, view.payload)) {
      return broken("durability", "a log entry cannot be decoded");
    }
    history_.applied(id_, applied_count_, view.zxid, view.payload);
  }
  history_.has_digest(id_, applied_count_, replica.state().digest);
}

void Member::join(std::unique_ptr<storage::Log> log, const storage::CheckpointMeta& meta) {
  const storage::LogContents& contents = log->contents();
  zab::Promises promises;
  promises.accepted_epoch = std::max(meta.accepted_epoch, contents.accepted_epoch());
  promises.current_epoch = std::max(meta.current_epoch, contents.current_epoch());
  promises.founded = !contents.founding().empty();
  Process& process = *process_;
  process.tree->collect(process.replica->state(), process.replica->changes());
  process.replica->changes().clear();
  process.log = std::make_unique<LogStore>(
      world_, disk_, std::move(log), disk_speed_,
      storage::LogPosition{meta.log_segment, meta.log_offset_bytes},
      LogStore::Events{.durable =
                           [this](uint64_t last) {
                             deliver([this, last] { process_->node->log_durable(last); });
                           },
                       .failed =
                           [this](const storage::IoError&) {
                             world_.after(0, [this, life = life_] {
                               if (life == life_) crash(Stop::kProcess);
                             });
                           },
                       .no_space = [this](bool none) { process_->replica->set_no_log_space(none); },
                       .added = [this](const zab::Append& record) { logged(record); }});
  const node::Clock& clock = *this;
  node::Entropy& entropy = *this;
  process.node.emplace(node::NodeLimits{}, *process.replica, process.sockets, *process.log,
                       *process.tree, clock, entropy);
  process.replica->start(promises, now());
  process.node->end_turn();
  schedule_tick();
}

// Entries wait here until they are applied.
void Member::logged(const zab::Append& record) {
  auto& logged = process_->logged;
  switch (record.kind) {
    case LogRecordKind::kTransaction:
      logged.emplace_back(record.zxid, std::string(record.payload));
      break;
    case LogRecordKind::kTruncate:
      while (!logged.empty() && logged.back().first > record.zxid) logged.pop_back();
      break;
    default: break;
  }
}

storage::LogIdentity Member::log_identity() const { return {identity_.instance, id_}; }

storage::CheckpointMeta Member::checkpoint_meta(const state::State& state,
                                                storage::LogPosition position) const {
  storage::CheckpointMeta meta;
  meta.feature_level = state.feature_level;
  meta.server = id_;
  meta.acl_counter = state.acls.counter();
  meta.ensemble = identity_.ensemble;
  meta.zxid = state.applied;
  if (process_->replica) {
    meta.accepted_epoch = process_->replica->promises().accepted_epoch;
    meta.current_epoch = process_->replica->promises().current_epoch;
  }
  meta.log_segment = position.segment;
  meta.log_offset_bytes = position.offset;
  meta.digest_low = state.digest.low();
  meta.digest_high = state.digest.high();
  meta.znode_count = state.tree.size();
  meta.data_bytes = state.tree.data_bytes();
  meta.next_node_id = state.tree.next_node_id();
  return meta;
}

}  // namespace topod::sim
