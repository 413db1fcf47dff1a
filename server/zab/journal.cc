#include "server/zab/journal.h"

#include "proto/check.h"

namespace topod::zab {

void Journal::start(Promises promises) {
  promises_ = std::move(promises);
  epochs_ = {{appended_, promises_.accepted_epoch, promises_.current_epoch}};
}

Promises Journal::durable_promises() const {
  Promises promises = promises_;
  promises.accepted_epoch = epochs_.front().accepted;
  promises.current_epoch = epochs_.front().current;
  return promises;
}

uint64_t Journal::accept_epoch(Epoch epoch) {
  CHECK(epoch > promises_.accepted_epoch);
  CHECK_MSG(epoch.value() <= kEpochMax,
            "all epochs are used up: this ensemble can elect no leader any more");
  promises_.accepted_epoch = epoch;
  return add_epoch(LogRecordKind::kAcceptedEpoch, epoch);
}

uint64_t Journal::set_current_epoch(Epoch epoch) {
  CHECK(epoch >= promises_.current_epoch && epoch == promises_.accepted_epoch);
  promises_.current_epoch = epoch;
  return add_epoch(LogRecordKind::kCurrentEpoch, epoch);
}

uint64_t Journal::add_epoch(LogRecordKind kind, Epoch epoch) {
  const uint64_t record = add(kind, {}, epoch.value(), {});
  epochs_.push_back({record, promises_.accepted_epoch, promises_.current_epoch});
  return record;
}

uint64_t Journal::found(entry::Founding founding) {
  promises_.founding = std::move(founding);
  std::string& bytes = payloads_.emplace_back();
  CHECK(promises_.founding.SerializeToString(&bytes));
  return add(LogRecordKind::kFounding, {}, 0, bytes);
}

uint64_t Journal::install(Zxid zxid, uint64_t generation, std::string digest) {
  return add(LogRecordKind::kSnapshot, zxid, generation, payloads_.emplace_back(std::move(digest)));
}

void Journal::transaction(const Proposal& proposal) {
  CHECK(proposal.record_number == next_number());
  add(LogRecordKind::kTransaction, proposal.zxid,
      static_cast<uint64_t>(proposal.predecessor.value()), proposal.bytes);
}

void Journal::durable(uint64_t number) {
  CHECK(number >= durable_ && number <= appended_);
  durable_ = number;
  while (epochs_.size() > 1 && epochs_[1].record <= durable_) epochs_.pop_front();
}

uint64_t Journal::add(LogRecordKind kind, Zxid zxid, uint64_t number, std::string_view payload) {
  output_.append.push_back({kind, zxid, number, payload});
  return ++appended_;
}

}  // namespace topod::zab
