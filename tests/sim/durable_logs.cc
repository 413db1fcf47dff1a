#include "tests/sim/durable_logs.h"

#include <algorithm>
#include <utility>

#include "tests/sim/history.h"

namespace topod::sim {

void DurableLogs::broken(const char* oracle, ServerId member, const std::string& what) {
  world_.violated(oracle, "server " + std::to_string(member.value()) + " " + what);
}

// ---- a member's log ------------------------------------------------------------------------

void DurableLogs::Log::apply(const Record& record) {
  std::vector<Zxid>& growing = is_installing ? received : zxids;
  switch (record.kind) {
    case LogRecordKind::kTransaction: growing.push_back(record.zxid); break;
    case LogRecordKind::kAcceptedEpoch:
      accepted = Epoch(static_cast<uint32_t>(record.number));
      promises[accepted] = record.leader;
      break;
    case LogRecordKind::kCurrentEpoch:
      current = Epoch(static_cast<uint32_t>(record.number));
      if (!std::exchange(is_installing, false)) break;
      tree = received_tree;
      zxids = std::move(received);
      received.clear();
      break;
    case LogRecordKind::kTruncate:
      is_installing = false;
      while (!zxids.empty() && zxids.back() > record.zxid) zxids.pop_back();
      break;
    case LogRecordKind::kSnapshot:
      is_installing = true;
      received_tree = record.zxid;
      received.clear();
      break;
    default: break;
  }
}

bool DurableLogs::Log::holds(Zxid zxid) const {
  return zxid <= tree || std::binary_search(zxids.begin(), zxids.end(), zxid);
}

bool DurableLogs::Log::is_as(const Found& found) const {
  return accepted == found.accepted && current == found.current &&
         last() == (found.zxids.empty() ? found.tree : found.zxids.back());
}

std::string DurableLogs::Log::describe() const {
  return "epoch " + std::to_string(accepted.value()) + " accepted, " +
         std::to_string(current.value()) + " current, the last transaction " + text_of(last());
}

void DurableLogs::appended(ServerId member, const zab::Append& record, ServerId leader) {
  logs_[member].on_the_way.push_back({record.kind, record.zxid, record.number, leader});
}

void DurableLogs::durable(ServerId member, uint64_t records) {
  Log& log = logs_[member];
  for (; log.durable < records && !log.on_the_way.empty(); ++log.durable) {
    log.apply(log.on_the_way.front());
    log.on_the_way.pop_front();
  }
}

void DurableLogs::started(ServerId member, Found found) {
  Log& log = logs_[member];
  const std::string was = log.describe();
  while (!log.is_as(found) && !log.on_the_way.empty()) {
    log.apply(log.on_the_way.front());
    log.on_the_way.pop_front();
  }
  const bool is_right = log.is_lost || log.is_as(found);
  log.on_the_way.clear();
  log.durable = 0;
  log.is_installing = false;
  log.accepted = found.accepted;
  log.current = found.current;
  log.tree = found.tree;
  log.zxids = std::move(found.zxids);
  if (is_right) return;
  broken("durability", member,
         "starts with " + log.describe() + ", but what had become durable was " + was);
}

void DurableLogs::wiped(ServerId member) {
  logs_[member] = {};
  logs_[member].is_lost = true;
}

void DurableLogs::admitted(ServerId member) { logs_[member].is_lost = false; }

// ---- what they have to suffice for ---------------------------------------------------------

void DurableLogs::promised(ServerId leader, Epoch epoch) {
  const bool is_promised = quorum([&](const Log& log) {
    const auto promise = log.promises.find(epoch);
    return promise != log.promises.end() && promise->second == leader;
  });
  if (is_promised) return;
  broken("promises", leader,
         "counts promises of epoch " + std::to_string(epoch.value()) +
             " that are not on the disks of a quorum, or were made to somebody else");
}

void DurableLogs::established(ServerId leader, Epoch epoch, Zxid last) {
  const bool is_newest = epoch > newest_;
  newest_ = std::max(newest_, epoch);
  const bool is_right = quorum(
      [&](const Log& log) { return log.current >= epoch && (!is_newest || log.holds(last)); });
  if (is_right) return;
  broken("leader completeness", leader,
         "is established in epoch " + std::to_string(epoch.value()) +
             ", but no quorum has the epoch and all up to " + text_of(last) + " on disk");
}

void DurableLogs::committed(ServerId member, Epoch reign, Zxid zxid) {
  const Epoch epoch = std::max(reign, epoch_of(zxid));
  if (quorum([&](const Log& log) { return log.current >= epoch && log.holds(zxid); })) return;
  broken("committed-log durability", member,
         "applies " + text_of(zxid) + " in epoch " + std::to_string(epoch.value()) +
             ", but no quorum has both on disk");
}

}  // namespace topod::sim
