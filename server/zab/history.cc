#include "server/zab/history.h"

#include <algorithm>

#include "proto/check.h"
#include "proto/limits.h"

namespace topod::zab {

void History::start(std::vector<EpochEnd> ends, Zxid applied, Zxid begin) {
  CHECK(proposals_.empty());
  ends_ = std::move(ends);
  window_begin_ = last_ = applied;
  log_begin_ = begin;
  // What the ends say beyond `applied` comes again as it is restored.
  while (!ends_.empty() && ends_.back().epoch > epoch_of(applied)) ends_.pop_back();
  if (applied > Zxid(0)) note_end(applied);
}

void History::restart(Zxid snapshot) {
  for (Proposal& proposal : proposals_) dropped_.push_back(std::move(proposal.bytes));
  proposals_.clear();
  applied_ = durable_ = applied_bytes_ = 0;
  ends_.clear();
  window_begin_ = log_begin_ = last_ = snapshot;
  if (snapshot > Zxid(0)) note_end(snapshot);
}

Proposal& History::append(Zxid zxid, uint64_t record_number) {
  CHECK(zxid > last_);
  Proposal& proposal = proposals_.emplace_back();
  proposal.zxid = zxid;
  proposal.predecessor = last_;
  proposal.record_number = record_number;
  last_ = zxid;
  note_end(zxid);
  return proposal;
}

void History::truncate(Zxid last) {
  CHECK(last >= applied_zxid());
  while (!proposals_.empty() && proposals_.back().zxid > last) {
    CHECK(proposals_.size() > applied_);
    dropped_.push_back(std::move(proposals_.back().bytes));
    proposals_.pop_back();
  }
  durable_ = std::min(durable_, proposals_.size());
  last_ = proposals_.empty() ? window_begin_ : proposals_.back().zxid;
  while (!ends_.empty() && ends_.back().epoch > epoch_of(last_)) ends_.pop_back();
  if (!ends_.empty()) ends_.back().counter = counter_of(last_);
}

void History::durable(uint64_t record_number) {
  while (durable_ < proposals_.size() && proposals_[durable_].record_number <= record_number) {
    ++durable_;
  }
}

void History::applied_next() {
  CHECK(applied_ < durable_);
  applied_bytes_ += proposals_[applied_].bytes.size();
  ++applied_;
  trim();
}

size_t History::first_above(Zxid zxid) const {
  const auto it =
      std::upper_bound(proposals_.begin(), proposals_.end(), zxid,
                       [](Zxid value, const Proposal& proposal) { return value < proposal.zxid; });
  return static_cast<size_t>(it - proposals_.begin());
}

void History::note_end(Zxid zxid) {
  const Epoch epoch = epoch_of(zxid);
  if (ends_.empty() || ends_.back().epoch != epoch) {
    ends_.push_back({epoch, counter_of(zxid)});
  } else {
    ends_.back().counter = counter_of(zxid);
  }
}

void History::trim() {
  const size_t limit = keeps_window_ ? limits::kHistoryWindowBytes : 0;
  while (applied_ > 0 && (limit == 0 || applied_bytes_ > limit)) {
    applied_bytes_ -= proposals_.front().bytes.size();
    window_begin_ = proposals_.front().zxid;
    proposals_.pop_front();
    --applied_;
    --durable_;
  }
}

}  // namespace topod::zab
