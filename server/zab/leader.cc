#include "server/zab/leader.h"

#include "proto/check.h"
#include "proto/entry.pb.h"

namespace topod::zab {

namespace {
// A new epoch begins long before the counter could run out; the 2^39 transactions that are left
// then are years of work.
constexpr int64_t kCounterOfEpochChange = kZxidCounterMax / 2;
}  // namespace

Leader::Leader(ServerId self, Quorum quorum, History& history, uint64_t& records)
    : self_(self), quorum_(std::move(quorum)), history_(history), records_(records) {
  CHECK(quorum_.is_voter(self_));
}

void Leader::start(Promises promises, Output& output) {
  promises_ = promises;
  if (!promises_.founded) {
    entry::Founding founding;
    founding.set_ensemble(promises_.ensemble.value());
    for (const ServerId voter : quorum_.voters()) {
      entry::Founding::Voter* row = founding.add_voters();
      row->set_server(voter.value());
      row->set_weight(1);
    }
    CHECK(founding.SerializeToString(&founding_));
    output.append.push_back({LogRecordKind::kFounding, {}, 0, founding_});
    ++records_;
    promises_.founded = true;
  }
  log_epoch(output);
  established_at_record_ = records_;
}

// Accepted and current epoch are two promises of Zab; a leader without followers to ask makes
// both at once, in this order, in the one log.
void Leader::log_epoch(Output& output) {
  const uint32_t next = promises_.accepted_epoch.value() + 1;
  CHECK_MSG(next <= kEpochMax, "all epochs are used up: restore a backup with --bootstrap");
  promises_.accepted_epoch = promises_.current_epoch = Epoch(next);
  output.append.push_back({LogRecordKind::kAcceptedEpoch, {}, next, {}});
  output.append.push_back({LogRecordKind::kCurrentEpoch, {}, next, {}});
  records_ += 2;
  counter_ = 0;
}

void Leader::propose(const entry::Entry& entry, Output& output) {
  CHECK(established_);
  if (counter_ >= kCounterOfEpochChange) log_epoch(output);
  ++counter_;
  ++records_;
  Proposal& proposal = history_.append(make_zxid(promises_.current_epoch, counter_), records_);
  CHECK(entry.SerializeToString(&proposal.bytes));
  output.append.push_back({LogRecordKind::kTransaction, proposal.zxid,
                           static_cast<uint64_t>(proposal.predecessor.value()), proposal.bytes});
}

void Leader::durable(uint64_t record_number) {
  CHECK(record_number >= durable_record_ && record_number <= records_);
  durable_record_ = record_number;
  if (durable_record_ >= established_at_record_ && self_suffices()) established_ = true;
}

bool Leader::front_committed() const {
  return !history_.empty() && history_.front().record_number <= durable_record_ && self_suffices();
}

}  // namespace topod::zab
