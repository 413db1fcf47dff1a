// From a simulated disk to a running member, in the steps of the real start: which tree, the tree,
// the log, replay.
#include <algorithm>
#include <utility>

#include "proto/check.h"
#include "proto/mutants.h"
#include "storage/log_reader.h"
#include "tests/sim/process.h"

namespace topod::sim {

namespace {
constexpr int64_t kStartAgainUs = 500 * kMillisecond;
}  // namespace

zab::ReplicaConfig Member::replica_config() const {
  zab::ReplicaConfig config;
  config.self = id_;
  config.instance = identity_.instance;
  config.fresh_ensemble = EnsembleId(world_.random().next() | 1);
  for (const ServerId member : ensemble_.members) {
    zab::PeerConfig peer;
    peer.id = member;
    peer.observer = member.value() > ensemble_.voters.size();
    if (!peer.observer) {
      peer.weight = ensemble_.voters[member.value() - 1].weight;
      peer.group = ensemble_.voters[member.value() - 1].group;
    }
    config.members.push_back(peer);
  }
  config.read_only_enabled = ensemble_.read_only_service;
  config.tick_ms = ensemble_.tick_ms;
  config.container_check_interval_ms = 3 * ensemble_.tick_ms;
  config.container_max_never_used_ms = 10 * ensemble_.tick_ms;
  config.init_limit_ms = 10 * ensemble_.tick_ms;
  config.sync_limit_ms = 5 * ensemble_.tick_ms;
  config.min_session_timeout_ms = 2 * ensemble_.tick_ms;
  config.max_session_timeout_ms = 20 * ensemble_.tick_ms;
  return config;
}

void Member::start() {
  if (process_ != nullptr) return;
  begin_anew_if_damaged();
  ++life_;
  process_ = std::make_unique<Process>(*this);
  storage::CheckpointMeta meta;
  auto state = load_tree(meta);
  disk_.begin_operation();
  auto log = state == nullptr ? nullptr : open_log(meta);
  disk_.end_operation();
  if (log == nullptr) {
    process_.reset();
    return;
  }
  world_.note("start", id_, state->applied, log->contents().committed(),
              log->contents().last_zxid());
  const Incarnation incarnation(world_.random().next());
  const auto count = history_.count_at(state->applied);
  if (!count) broken("durability", "its checkpoint holds what was never applied");
  applied_count_ = count.value_or(0);
  history_.has_digest(id_, applied_count_, state->digest);
  process_->replica.emplace(replica_config(), std::move(*state), incarnation);
  replay(*log, meta);
  open_stores(std::move(log), meta);
  join();
}

// Somewhere in the log: the real server meets what stands before its checkpoint later, when it
// reads for others.
void Member::begin_anew_if_damaged() {
  if (!is_rotten_) return;
  const auto scan = storage::scan_log(disk_, kLogDir, log_identity(), std::nullopt);
  if (scan && !scan->damage) {
    is_rotten_ = false;  // what had decayed is not there any more
    return;
  }
  world_.note("its log is damaged", id_);
  wipe();
}

void Member::crash_in_start() {
  if (process_ != nullptr) return;
  begin_anew_if_damaged();
  storage::CheckpointMeta meta;
  process_ = std::make_unique<Process>(*this);
  const bool has_tree = load_tree(meta) != nullptr;
  disk_.begin_operation();
  if (has_tree) static_cast<void>(open_log(meta));
  world_.note("crash in start", id_);
  process_.reset();
  disk_.stop(world_.random().chance(500) ? Stop::kPower : Stop::kProcess);
}

// A received tree counts if the log says that it was installed.
uint64_t Member::choose_generation() {
  CHECK(!trees_.empty());
  const auto scan = storage::scan_log(disk_, kLogDir, log_identity(), std::nullopt);
  if (scan && scan->contents.snapshot()) return scan->contents.snapshot()->generation;
  return trees_.begin()->first;
}

std::unique_ptr<state::State> Member::load_tree(storage::CheckpointMeta& meta) {
  if (trees_.empty()) {
    const state::State initial = state::State::initial();
    trees_[1].apply(whole_checkpoint(initial), checkpoint_meta(initial, {}));
  }
  const uint64_t generation = choose_generation();
  std::erase_if(trees_, [&](const auto& tree) { return tree.first != generation; });
  const auto tree = trees_.find(generation);
  if (tree == trees_.end()) {
    broken("durability", "the tree that the log has installed is missing");
    return nullptr;
  }
  meta = tree->second.meta;
  std::string why;
  auto state = tree->second.load(why);
  if (state == nullptr) broken("durability", "its tree cannot be loaded: " + why);
  process_->tree = std::make_unique<TreeStore>(
      world_, trees_, generation,
      TreeStore::Events{.completed =
                            [this](const storage::CheckpointMeta& done) {
                              // The log is kept back to the checkpoint before, as the real server
                              // does.
                              auto& previous = process_->previous_checkpoint;
                              if (previous && previous->segment > 0) process_->log->trim(*previous);
                              previous = {done.log_segment, done.log_offset_bytes};
                            },
                        .switched =
                            [this](const storage::CheckpointMeta& installed) {
                              process_->previous_checkpoint.reset();
                              const auto count = history_.count_at(installed.zxid);
                              if (!count) broken("durability", "installs what was never applied");
                              applied_count_ = count.value_or(0);
                            }});
  return state;
}

std::unique_ptr<storage::Log> Member::open_log(const storage::CheckpointMeta& meta) {
  const storage::LogOptions options{.segment_bytes = ensemble_.segment_bytes,
                                    .retain_bytes = ensemble_.retain_bytes};
  std::optional<storage::LogPosition> from;
  if (meta.log_segment > 0) from = {meta.log_segment, meta.log_offset_bytes};
  auto log = storage::Log::open(disk_, kLogDir, log_identity(), options, from);
  if (log) return std::move(*log);
  if (const auto* damage = std::get_if<storage::LogDamage>(&log.error())) {
    broken("durability", damage->describe());
  } else if (std::get<storage::IoError>(log.error()).no_space()) {
    world_.note("no space to start", id_);
    world_.after(kStartAgainUs, [this] { start(); });
  } else {
    broken("durability", std::get<storage::IoError>(log.error()).message());
  }
  return nullptr;
}

// What is known to be committed is applied; the rest waits for a leader. Alone, all is.
void Member::replay(const storage::Log& log, const storage::CheckpointMeta& meta) {
  const storage::LogScan& scan = log.recovered();
  zab::Replica& replica = *process_->replica;
  zab::Restored restored = this->restored(log, meta);
  DurableLogs::Found found{
      restored.promises.accepted_epoch, restored.promises.current_epoch, meta.zxid, {}};
  const bool is_alone = ensemble_.members.size() == 1;
  bool is_prepared = false;
  const auto prepare = [&] {
    if (!std::exchange(is_prepared, true)) replica.prepare(std::move(restored));
  };
  storage::LogPosition from = scan.begin;
  if (meta.log_segment > 0) from = {meta.log_segment, meta.log_offset_bytes};
  if (scan.batches > 0) {
    storage::LogReader reader(disk_, kLogDir, log_identity(), scan, from);
    Zxid before = replica.state().applied;
    while (true) {
      const auto record = reader.next();
      if (!record) return broken("durability", record.error());
      if (*record == nullptr) break;
      const storage::LogRecordView& view = **record;
      if (view.zxid <= before) continue;
      const Zxid predecessor(static_cast<int64_t>(view.number));
      if (predecessor != before) {
        return broken("durability", "the log goes on at " + text_of(view.zxid) + " after " +
                                        text_of(predecessor) + ", but what is before it ends at " +
                                        text_of(before));
      }
      before = view.zxid;
      found.zxids.push_back(view.zxid);
      if (is_alone || view.zxid <= log.contents().committed() || MUTANT(TailAppliedAtStart)) {
        CHECK(replica.replay(view.zxid, view.payload));
        history_.applied(id_, applied_count_, view.zxid, view.payload);
      } else {
        prepare();
        replica.restore(view.zxid, predecessor, view.payload);
        process_->logged.emplace_back(view.zxid, std::string(view.payload));
      }
    }
  }
  prepare();
  durable_logs_.started(id_, std::move(found));
  history_.has_digest(id_, applied_count_, replica.state().digest);
}

zab::Restored Member::restored(const storage::Log& log, const storage::CheckpointMeta& meta) const {
  const storage::LogContents& contents = log.contents();
  zab::Restored restored;
  restored.promises.accepted_epoch = std::max(meta.accepted_epoch, contents.accepted_epoch());
  restored.promises.current_epoch = std::max(meta.current_epoch, contents.current_epoch());
  if (MUTANT(AcceptedEpochForgotten)) {
    restored.promises.accepted_epoch = restored.promises.current_epoch;
  }
  if (MUTANT(CurrentEpochForgotten)) restored.promises.current_epoch = Epoch{};
  restored.diverged = contents.diverged().has_value();
  if (!contents.founding().empty()) {
    CHECK(restored.promises.founding.ParseFromString(contents.founding()));
  }
  for (const Zxid end : contents.epoch_ends()) {
    restored.epoch_ends.push_back({epoch_of(end), counter_of(end)});
  }
  Disk& disk = const_cast<Disk&>(disk_);
  restored.log_begin = storage::history_begin(disk, kLogDir, log_identity(), log.recovered());
  return restored;
}

void Member::open_stores(std::unique_ptr<storage::Log> log, const storage::CheckpointMeta& meta) {
  Process& process = *process_;
  process.tree->collect(process.replica->state(), process.replica->changes());
  process.replica->changes().clear();
  process.log = std::make_unique<LogStore>(
      world_, disk_, std::move(log), disk_speed_, ensemble_.batch_records,
      storage::LogPosition{meta.log_segment, meta.log_offset_bytes},
      storage::HistoryReader(disk_, kLogDir, log_identity()),
      LogStore::Events{.durable =
                           [this](uint64_t last) {
                             durable_logs_.durable(id_, last);
                             deliver([this, last] { process_->node->log_durable(last); });
                           },
                       .failed =
                           [this](const storage::IoError&) {
                             world_.after(0, [this, life = life_] {
                               if (life != life_) return;
                               crash(Stop::kProcess);
                               disk_failed_();
                             });
                           },
                       .history =
                           [this](LinkId link, std::vector<zab::HistoryEntry> entries, bool gone) {
                             deliver([this, link, moved = std::move(entries), gone] {
                               process_->node->history_read(link, moved, gone);
                             });
                           },
                       .no_space =
                           [this](bool none) {
                             world_.note(none ? "no log space" : "log space again", id_);
                             process_->replica->set_no_log_space(none);
                           },
                       .added = [this](const zab::Append& record) { logged(record); }});
  process.snapshots = std::make_unique<Snapshots>(
      world_, process.links, *process.tree, trees_, process.deliver,
      Snapshots::Events{.sent = [this](LinkId link, Zxid zxid,
                                       bool ok) { process_->node->snapshot_sent(link, zxid, ok); },
                        .received =
                            [this](LinkId link, zab::ReceivedSnapshot snapshot) {
                              process_->node->snapshot_received(link, std::move(snapshot));
                            }});
}

void Member::join() {
  Process& process = *process_;
  const node::Clock& clock = *this;
  node::Entropy& entropy = *this;
  process.node.emplace(node::NodeLimits{}, *process.replica, process.sockets, *process.log,
                       *process.tree, clock, entropy);
  if (ensemble_.members.size() > 1) process.node->set_peers(process.links, *process.snapshots);
  process.links.set_handler(*process.node);
  process.replica->start(now());
  process.node->end_turn();
  schedule_tick();
}

// Entries wait here until they are applied.
void Member::logged(const zab::Append& record) {
  const zab::Follower* follower = process_->replica->following();
  durable_logs_.appended(id_, record, follower == nullptr ? id_ : follower->leader());
  auto& logged = process_->logged;
  switch (record.kind) {
    case LogRecordKind::kTransaction:
      logged.emplace_back(record.zxid, std::string(record.payload));
      if (process_->replica->role() == zab::Role::kLeading) {
        history_.proposed(id_, record.zxid, record.payload);
      }
      break;
    case LogRecordKind::kTruncate:
      while (!logged.empty() && logged.back().first > record.zxid) logged.pop_back();
      break;
    case LogRecordKind::kSnapshot: logged.clear(); break;
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
    const zab::Promises promises = MUTANT(EpochInCheckpoint)
                                       ? process_->replica->promises()
                                       : process_->replica->durable_promises();
    meta.accepted_epoch = promises.accepted_epoch;
    meta.current_epoch = promises.current_epoch;
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
