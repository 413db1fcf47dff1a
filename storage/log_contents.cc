#include "storage/log_contents.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "proto/mutants.h"

namespace topod::storage {
namespace {

constexpr RecordPlace kEndOfLog{{std::numeric_limits<uint64_t>::max(), 0}, 0};
// Two servers that have less than that in common need a whole tree anyway.
constexpr size_t kEpochEndsMax = 1'024;

void add_ends(RecordBatch& batch, LogRecordKind kind, const std::vector<Zxid>& ends) {
  std::string payload;
  for (const Zxid end : ends) {
    const Zxid::rep value = end.value();
    payload.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  batch.add(kind, Zxid(), 0, payload);
}

tl::expected<std::vector<Zxid>, std::string> read_ends(std::string_view payload) {
  std::vector<Zxid> ends(payload.size() / sizeof(Zxid::rep));
  for (size_t index = 0; index < ends.size(); ++index) {
    Zxid::rep value = 0;
    std::memcpy(&value, payload.data() + index * sizeof(value), sizeof(value));
    ends[index] = Zxid(value);
  }
  if (payload.size() % sizeof(Zxid::rep) != 0 || ends.size() > kEpochEndsMax ||
      std::adjacent_find(ends.begin(), ends.end(), std::greater_equal<>()) != ends.end()) {
    return tl::make_unexpected(std::string("the ends of epochs do not add up"));
  }
  return ends;
}

}  // namespace

void LogContents::start(Zxid last_zxid) {
  epoch_ends_.clear();
  set_last_zxid(last_zxid);
}

void LogContents::set_last_zxid(Zxid zxid) {
  last_zxid_ = zxid;
  while (!epoch_ends_.empty() && epoch_ends_.back() > zxid) epoch_ends_.pop_back();
  if (zxid == Zxid()) return;
  if (!epoch_ends_.empty() && epoch_of(epoch_ends_.back()) == epoch_of(zxid)) {
    epoch_ends_.back() = zxid;
    return;
  }
  if (epoch_ends_.size() == kEpochEndsMax) epoch_ends_.erase(epoch_ends_.begin());
  epoch_ends_.push_back(zxid);
}

tl::expected<void, std::string> LogContents::apply(const LogRecordView& record, RecordPlace place,
                                                   bool repeated) {
  switch (record.kind) {
    case LogRecordKind::kTransaction: return apply_transaction(record);
    case LogRecordKind::kAcceptedEpoch:
    case LogRecordKind::kCurrentEpoch: {
      if (record.number > kEpochMax) {
        return tl::make_unexpected("epoch " + std::to_string(record.number) + " is out of range");
      }
      const Epoch epoch(static_cast<uint32_t>(record.number));
      if (record.kind == LogRecordKind::kCurrentEpoch) {
        apply_current_epoch(epoch, repeated);
      } else {
        accepted_epoch_ = std::max(accepted_epoch_, epoch);
      }
      return {};
    }
    case LogRecordKind::kTruncate: cut(record.zxid, place); return {};
    case LogRecordKind::kSnapshot: apply_snapshot(record, place, repeated); return {};
    case LogRecordKind::kFounding: founding_ = record.payload; return {};
    case LogRecordKind::kCommitted: committed_ = std::max(committed_, record.zxid); return {};
    case LogRecordKind::kDiverged: diverged_ = record.zxid; return {};
    case LogRecordKind::kEpochEnds: return apply_epoch_ends(record.payload, repeated);
    case LogRecordKind::kPendingSnapshot: return apply_pending_snapshot(record, place, repeated);
    case LogRecordKind::kEpochEndsBefore: return apply_ends_before(record.payload, repeated);
  }
  return tl::make_unexpected(std::string("unknown kind of record"));
}

void LogContents::apply_current_epoch(Epoch epoch, bool repeated) {
  current_epoch_ = std::max(current_epoch_, epoch);
  if (!pending_ || repeated) return;
  snapshot_ = std::move(pending_);
  snapshot_->replaces_diverged = diverged_.has_value();
  diverged_.reset();
  pending_.reset();
  std::erase_if(cuts_, [&](const Cut& cut) { return cut.place < snapshot_->place; });
  std::erase_if(voids_, [&](const Void& none) { return none.end < snapshot_->place; });
}

tl::expected<void, std::string> LogContents::apply_transaction(const LogRecordView& record) {
  const auto predecessor = static_cast<uint64_t>(last_zxid_.value());
  if (record.number != predecessor) {
    return tl::make_unexpected("transaction " + to_hex(record.zxid) + " names " +
                               to_hex(record.number) +
                               " as its predecessor, but the one before is " + to_hex(last_zxid_));
  }
  if (record.zxid <= last_zxid_) {
    return tl::make_unexpected("transaction " + to_hex(record.zxid) + " is not above " +
                               to_hex(last_zxid_));
  }
  set_last_zxid(record.zxid);
  return {};
}

void LogContents::apply_snapshot(const LogRecordView& record, RecordPlace place, bool repeated) {
  InstalledSnapshot snapshot{record.zxid, record.number, std::string(record.payload), place};
  if (repeated) {
    // Known already, unless reading began at this segment.
    if (!snapshot_) snapshot_ = std::move(snapshot);
    return;
  }
  if (!pending_) {
    last_before_pending_ = last_zxid_;
    epoch_ends_before_pending_ = std::move(epoch_ends_);
    pending_begin_ = place;
  }
  pending_ = std::move(snapshot);
  if (MUTANT(SnapshotWithoutEpoch)) snapshot_ = std::exchange(pending_, std::nullopt);
  epoch_ends_.clear();
  set_last_zxid(record.zxid);
}

tl::expected<void, std::string> LogContents::apply_pending_snapshot(const LogRecordView& record,
                                                                    RecordPlace place,
                                                                    bool repeated) {
  if (!repeated) return tl::make_unexpected(std::string("a repetition that repeats nothing"));
  if (pending_) return {};
  // Reading began at this segment; what was before the snapshot follows.
  pending_ = InstalledSnapshot{record.zxid, record.number, std::string(record.payload), place};
  pending_begin_ = place;
  return {};
}

tl::expected<void, std::string> LogContents::apply_epoch_ends(std::string_view payload,
                                                              bool repeated) {
  auto ends = read_ends(payload);
  if (!ends) return tl::make_unexpected(ends.error());
  if (!repeated || ends->empty() || ends->back() != last_zxid_) {
    return tl::make_unexpected(std::string("the ends of epochs do not belong here"));
  }
  epoch_ends_ = std::move(*ends);
  return {};
}

tl::expected<void, std::string> LogContents::apply_ends_before(std::string_view payload,
                                                               bool repeated) {
  auto ends = read_ends(payload);
  if (!ends) return tl::make_unexpected(ends.error());
  if (!repeated || !pending_) {
    return tl::make_unexpected(std::string("the ends of epochs do not belong here"));
  }
  last_before_pending_ = ends->empty() ? Zxid() : ends->back();
  epoch_ends_before_pending_ = std::move(*ends);
  return {};
}

void LogContents::cut(Zxid zxid, RecordPlace place) {
  if (pending_) {
    voids_.push_back({pending_begin_, place});
    last_zxid_ = last_before_pending_;
    epoch_ends_ = std::move(epoch_ends_before_pending_);
    pending_.reset();
  }
  set_last_zxid(std::min(last_zxid_, zxid));
  while (!cuts_.empty() && cuts_.back().zxid >= zxid) cuts_.pop_back();
  cuts_.push_back({place, zxid});
}

void LogContents::give_up_pending_snapshot() {
  if (pending_) cut(last_before_pending_, kEndOfLog);
}

bool LogContents::survives(Zxid zxid, RecordPlace place) const {
  if (snapshot_ && place < snapshot_->place) return false;
  for (const Void& none : voids_) {
    if (none.begin < place && place < none.end) return false;
  }
  const auto later =
      std::find_if(cuts_.begin(), cuts_.end(), [&](const Cut& cut) { return cut.place > place; });
  return later == cuts_.end() || zxid <= later->zxid;
}

void LogContents::repeat_into(RecordBatch& batch) const {
  batch.add(LogRecordKind::kAcceptedEpoch, Zxid(), accepted_epoch_.value(), {});
  batch.add(LogRecordKind::kCurrentEpoch, Zxid(), current_epoch_.value(), {});
  batch.add(LogRecordKind::kCommitted, committed_, 0, {});
  if (!founding_.empty()) batch.add(LogRecordKind::kFounding, Zxid(), 0, founding_);
  if (diverged_) batch.add(LogRecordKind::kDiverged, *diverged_, 0, {});
  if (snapshot_) {
    batch.add(LogRecordKind::kSnapshot, snapshot_->zxid, snapshot_->generation, snapshot_->digest);
  }
  if (!epoch_ends_.empty()) add_ends(batch, LogRecordKind::kEpochEnds, epoch_ends_);
  if (pending_) {
    batch.add(LogRecordKind::kPendingSnapshot, pending_->zxid, pending_->generation,
              pending_->digest);
    add_ends(batch, LogRecordKind::kEpochEndsBefore, epoch_ends_before_pending_);
  }
}

}  // namespace topod::storage
