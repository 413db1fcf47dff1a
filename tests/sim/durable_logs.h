// What stands on every member's disk, kept beside the members record by record, and what it has to
// suffice for. The promises of the broadcast are about disks: that a transaction is committed means
// that a quorum has it there, under the epoch that commits it. So a promise that is made too early
// is seen when it is made, and not only in the rare world in which the wrong machines stop at the
// wrong moment.
//
// Oracles: no start forgets or invents what was durable; a quorum stands behind each epoch that is
// promised, and has each that is established together with all that was committed before;
// committed-log durability. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "server/zab/output.h"
#include "server/zab/quorum.h"
#include "tests/sim/world.h"

namespace topod::sim {

class DurableLogs {
 public:
  DurableLogs(World& world, zab::Quorum quorum) : world_(world), quorum_(std::move(quorum)) {}

  // ---- a member's log ------------------------------------------------------------------------
  // On its way to the disk. `leader`: whom the member follows, itself perhaps.
  void appended(ServerId member, const zab::Append& record, ServerId leader);
  // So many records of this run are on the disk.
  void durable(ServerId member, uint64_t records);
  struct Found {
    Epoch accepted;
    Epoch current;
    Zxid tree;                // everything up to here is in it
    std::vector<Zxid> zxids;  // of the transactions above
  };
  // What was on its way may be there or not; nothing else may differ.
  void started(ServerId member, Found found);
  // Its disk is another one. What it had promised counts until its new directory is admitted.
  void wiped(ServerId member);
  void admitted(ServerId member);

  // ---- what they have to suffice for ---------------------------------------------------------
  // A leader goes on from discovery.
  void promised(ServerId leader, Epoch epoch);
  // `last`: the last transaction that anybody has applied.
  void established(ServerId leader, Epoch epoch, Zxid last);
  // Nobody has applied it before. `reign`: of the leader that it is up to date with; 0: none.
  void committed(ServerId member, Epoch reign, Zxid zxid);

 private:
  struct Record {
    LogRecordKind kind = LogRecordKind::kTransaction;
    Zxid zxid;
    uint64_t number = 0;
    ServerId leader;
  };
  struct Log {
    Epoch accepted;
    Epoch current;
    std::map<Epoch, ServerId> promises;  // to whom
    Zxid tree;
    std::vector<Zxid> zxids;
    // A received tree and what follows it, until its epoch is there.
    bool is_installing = false;
    Zxid received_tree;
    std::vector<Zxid> received;
    std::deque<Record> on_the_way;
    uint64_t durable = 0;  // of this run's records
    bool is_lost = false;

    void apply(const Record& record);
    [[nodiscard]] Zxid last() const { return zxids.empty() ? tree : zxids.back(); }
    [[nodiscard]] bool holds(Zxid zxid) const;
    [[nodiscard]] bool is_as(const Found& found) const;
    [[nodiscard]] std::string describe() const;
  };

  template <class Suffices>
  [[nodiscard]] bool quorum(const Suffices& suffices) const {
    return quorum_.reached([&](ServerId server) {
      const auto log = logs_.find(server);
      return log != logs_.end() && (log->second.is_lost || suffices(log->second));
    });
  }
  void broken(const char* oracle, ServerId member, const std::string& what);

  World& world_;
  zab::Quorum quorum_;
  std::map<ServerId, Log> logs_;
  Epoch newest_;  // established
};

}  // namespace topod::sim
