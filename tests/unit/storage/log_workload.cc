#include "tests/unit/storage/log_workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace topod::storage {
namespace {

void set_last_zxid(LogState& state, Zxid zxid) {
  state.last_zxid = zxid;
  std::erase_if(state.epoch_ends, [&](Zxid end) { return epoch_of(end) >= epoch_of(zxid); });
  if (zxid != Zxid()) state.epoch_ends.push_back(zxid);
}

// The model: what the records mean, without segments, batches and bytes.
void apply_to(LogState& state, const LogRecord& record) {
  switch (record.kind) {
    case LogRecordKind::kTransaction:
      state.transactions.push_back(record);
      set_last_zxid(state, record.zxid);
      break;
    case LogRecordKind::kAcceptedEpoch:
      state.accepted_epoch = Epoch(static_cast<uint32_t>(record.number));
      break;
    case LogRecordKind::kCurrentEpoch:
      state.current_epoch = Epoch(static_cast<uint32_t>(record.number));
      break;
    case LogRecordKind::kTruncate:
      std::erase_if(state.transactions, [&](const LogRecord& r) { return r.zxid > record.zxid; });
      set_last_zxid(state, std::min(state.last_zxid, record.zxid));
      break;
    case LogRecordKind::kSnapshot:  // only together with its CURRENT_EPOCH in this workload
      state.transactions.clear();
      state.epoch_ends.clear();
      set_last_zxid(state, record.zxid);
      state.generation = record.number;
      break;
    case LogRecordKind::kFounding: state.founding = record.payload; break;
    case LogRecordKind::kCommitted: state.committed = std::max(state.committed, record.zxid); break;
    case LogRecordKind::kEpochEnds:
    case LogRecordKind::kEpochEndsBefore:
    case LogRecordKind::kPendingSnapshot:  // the log's own
    case LogRecordKind::kDiverged:         // not in this workload
      break;
  }
}

void drop_covered(LogState& state, Zxid covered) {
  std::erase_if(state.transactions, [&](const LogRecord& r) { return r.zxid <= covered; });
}

}  // namespace

LogOptions small_log_options() { return {.segment_bytes = 32'768, .retain_bytes = 0}; }

std::ostream& operator<<(std::ostream& out, const LogState& state) {
  out << state.transactions.size() << " transactions";
  if (!state.transactions.empty()) {
    out << " from " << state.transactions.front().zxid.value() << " to "
        << state.transactions.back().zxid.value();
  }
  return out << ", epochs " << state.accepted_epoch.value() << "/" << state.current_epoch.value()
             << ", committed " << state.committed.value() << ", last " << state.last_zxid.value()
             << ", generation " << state.generation << ", founding '" << state.founding << "', "
             << state.epoch_ends.size() << " epochs";
}

tl::expected<LogState, std::string> recovered_state(SimulatedFileSystem& disk, const Log& log,
                                                    std::optional<LogPosition> from) {
  const LogScan& scan = log.recovered();
  const LogContents& contents = log.contents();
  LogState state;
  state.accepted_epoch = contents.accepted_epoch();
  state.current_epoch = contents.current_epoch();
  state.committed = contents.committed();
  state.last_zxid = contents.last_zxid();
  state.founding = contents.founding();
  state.epoch_ends = contents.epoch_ends();
  if (contents.snapshot()) state.generation = contents.snapshot()->generation;
  if (scan.batches == 0) return state;
  LogReader reader(disk, kTestDir, kTestIdentity, scan, from.value_or(scan.begin));
  while (true) {
    const auto next = reader.next();
    if (!next) return tl::make_unexpected(next.error());
    if (*next == nullptr) return state;
    const LogRecordView& record = **next;
    state.transactions.push_back(
        {record.kind, record.zxid, record.number, std::string(record.payload)});
  }
}

bool LogWorkload::open(SimulatedFileSystem& disk) {
  disk_ = &disk;
  auto opened = Log::open(disk, kTestDir, kTestIdentity, small_log_options(), checkpoint_);
  if (!opened) {
    if (const auto* damage = std::get_if<LogDamage>(&opened.error())) {
      ADD_FAILURE() << "a crash was taken for damage: " << damage->describe();
    }
    return false;
  }
  log_ = std::move(*opened);
  const auto found = recovered_state(disk, *log_, checkpoint_);
  if (!found) {
    if (!disk.crashed()) ADD_FAILURE() << found.error();
    return false;
  }
  check_recovered(*found);
  return true;
}

void LogWorkload::check_recovered(const LogState& found) {
  LogState seen = found;
  LogState kept = acknowledged_;
  drop_covered(seen, checkpoint_zxid_);
  drop_covered(kept, checkpoint_zxid_);
  if (in_flight_) {
    LogState more = *in_flight_;
    drop_covered(more, checkpoint_zxid_);
    if (seen == more) {
      acknowledged_ = *in_flight_;
      in_flight_.reset();
      return;
    }
  }
  EXPECT_EQ(seen, kept) << "what was acknowledged is not what was recovered";
  in_flight_.reset();
}

void LogWorkload::run(int steps) {
  for (int i = 0; i < steps; ++i) {
    if (!step()) return;
  }
}

bool LogWorkload::step() {
  switch (random_() % 8) {
    case 0: return log_->seal().has_value();
    case 1: take_checkpoint(); return log_->trim(*checkpoint_).has_value();
    case 2:
    case 3: {
      const auto ready = log_->prepare_spare(size_t{8'192} << (random_() % 3));
      return ready.has_value() || ready.error().no_space();
    }
    default: return append_random();
  }
}

void LogWorkload::take_checkpoint() {
  checkpoint_ = log_->end();
  checkpoint_zxid_ = log_->contents().last_zxid();
}

bool LogWorkload::append_random() {
  std::vector<LogRecord> records;
  const uint64_t choice = random_() % 16;
  if (choice == 0) {
    const uint64_t epoch = acknowledged_.accepted_epoch.value() + 1;
    records.push_back({LogRecordKind::kAcceptedEpoch, Zxid(), epoch, {}});
  } else if (choice == 1) {
    add_truncation(records);
  } else if (choice == 2) {
    return synchronise();
  } else if (choice == 3) {
    records.push_back(
        {LogRecordKind::kFounding, Zxid(), 0, "founding " + std::to_string(random_() % 100)});
  } else {
    add_transactions(records);
    if (choice == 4) records.push_back({LogRecordKind::kCommitted, records.back().zxid, 0, {}});
  }
  return append(records);
}

void LogWorkload::add_transactions(std::vector<LogRecord>& records) {
  Zxid last = acknowledged_.last_zxid;
  for (const LogRecord& record : records) {
    if (record.kind == LogRecordKind::kSnapshot) last = record.zxid;
    if (record.kind == LogRecordKind::kTruncate) last = std::min(last, record.zxid);
  }
  const uint64_t count = 1 + random_() % 5;
  const uint64_t longest = random_() % 4 == 0 ? 3'000 : 200;
  for (uint64_t i = 0; i < count; ++i) {
    const bool next_epoch = random_() % 16 == 0;
    const Zxid zxid = next_epoch ? make_zxid(Epoch(epoch_of(last).value() + 1), 1)
                                 : Zxid(last.value() + 1 + static_cast<int64_t>(random_() % 3));
    std::string payload(random_() % longest, static_cast<char>('a' + random_() % 26));
    records.push_back({LogRecordKind::kTransaction, zxid, static_cast<uint64_t>(last.value()),
                       std::move(payload)});
    last = zxid;
  }
}

void LogWorkload::add_truncation(std::vector<LogRecord>& records) {
  // Never below the checkpoint: what it holds is committed.
  Zxid cut = checkpoint_zxid_;
  const std::vector<LogRecord>& all = acknowledged_.transactions;
  if (!all.empty()) cut = std::max(cut, all[random_() % all.size()].zxid);
  records.push_back({LogRecordKind::kTruncate, cut, 0, {}});
  if (random_() % 2 == 0) add_transactions(records);
}

void LogWorkload::add_synchronisation(std::vector<LogRecord>& records) {
  const Zxid zxid(acknowledged_.last_zxid.value() + 10);
  const uint64_t generation = acknowledged_.generation + 1;
  records.push_back({LogRecordKind::kSnapshot, zxid, generation, "digest"});
  add_transactions(records);
  records.push_back(
      {LogRecordKind::kCurrentEpoch, Zxid(), acknowledged_.current_epoch.value() + 1, {}});
}

// Until its epoch is there, a snapshot changes nothing, whatever follows it.
bool LogWorkload::synchronise() {
  std::vector<LogRecord> records;
  add_synchronisation(records);
  LogState after = acknowledged_;
  for (const LogRecord& record : records) apply_to(after, record);
  if (random_() % 2 == 0) return write(records, after);
  const uint64_t written = batches_;
  const std::vector<LogRecord> epoch = {records.back()};
  records.pop_back();
  if (!write(records, acknowledged_)) return false;
  if (batches_ == written) return true;  // there was no room
  return write(epoch, after) && batches_ == written + 2;
}

bool LogWorkload::append(const std::vector<LogRecord>& records) {
  LogState after = acknowledged_;
  for (const LogRecord& record : records) apply_to(after, record);
  return write(records, after);
}

bool LogWorkload::write(const std::vector<LogRecord>& records, LogState after) {
  RecordBatch batch;
  for (const LogRecord& record : records) {
    batch.add(record.kind, record.zxid, record.number, record.payload);
  }
  while (!log_->has_room(batch.bytes().size())) {
    const auto ready = log_->prepare_spare(16'384);
    if (!ready) return ready.error().no_space();  // it waits; this workload drops it
  }
  in_flight_ = after;
  const uint64_t segment = log_->end().segment;
  const std::string_view piece = batch.bytes();
  if (!log_->append({&piece, 1})) return false;
  acknowledged_ = std::move(after);
  in_flight_.reset();
  ++batches_;
  segments_entered_ += log_->end().segment == segment ? 0 : 1;
  return true;
}

}  // namespace topod::storage
