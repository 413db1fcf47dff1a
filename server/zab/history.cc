#include "server/zab/history.h"

#include "proto/check.h"

namespace topod::zab {

Proposal& History::append(Zxid zxid, uint64_t record_number) {
  CHECK(zxid > last_);
  Proposal& proposal = proposals_.emplace_back();
  proposal.zxid = zxid;
  proposal.predecessor = last_;
  proposal.record_number = record_number;
  last_ = zxid;
  return proposal;
}

}  // namespace topod::zab
