// A crash at each message of discovery and synchronisation, on three servers with two
// transactions: of a follower that needs the difference, a cut, or a snapshot from a leader that
// reigns, and of the first reign after all three have lost power. Exhaustive: each message in
// turn, its sender or its receiver, alone or with everybody else, before or after it is delivered,
// with the disks keeping what was not flushed or not. Clients write all the while, and what was
// acknowledged to them stays.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;
using Kind = peer::Message::KindCase;
using Unflushed = EnsembleDriver::Unflushed;

bool is_of_synchronisation(Kind kind) {
  switch (kind) {
    case Kind::kNotification:
    case Kind::kFollowerInfo:
    case Kind::kNewEpoch:
    case Kind::kAckEpoch:
    case Kind::kTruncate:
    case Kind::kSnapshotBegin:
    case Kind::kSnapshotEnd:
    case Kind::kPropose:
    case Kind::kAck:
    case Kind::kCommit:
    case Kind::kNewLeader:
    case Kind::kAckNewLeader:
    case Kind::kUpToDate: return true;
    default: return false;
  }
}

struct History {
  EnsembleDriver::Options options;
  // Brings the ensemble to where a start of the `victims`, which are down, needs this kind of
  // synchronisation.
  std::function<void(EnsembleDriver&, std::vector<int>& victims)> prepare;
  // A message that must occur, or the history tests something else.
  Kind witness;
};

void write(EnsembleDriver& ensemble, int member, const std::string& path) {
  Client& client = ensemble.connect(member);
  ensemble.run();
  ensemble.create(client, 1, path);
  ensemble.run();
  ASSERT_EQ(client.answers.size(), 1u) << path;
}

History difference() {
  return {{},
          [](EnsembleDriver& ensemble, std::vector<int>& victims) {
            victims = {ensemble.leader() % 3 + 1};
            ensemble.crash(victims[0]);
            write(ensemble, ensemble.leader(), "/one");
            write(ensemble, ensemble.leader(), "/two");
          },
          Kind::kPropose};
}

// The old leader holds two transactions that nobody else has.
History cut() {
  return {{},
          [](EnsembleDriver& ensemble, std::vector<int>& victims) {
            write(ensemble, ensemble.leader(), "/one");
            write(ensemble, ensemble.leader(), "/two");
            const int victim = ensemble.leader();
            victims = {victim};
            Client& client = ensemble.connect(victim);
            ensemble.run();
            ensemble.set_filter([=](int from, int, const peer::Message& message) {
              return from != victim || !message.has_propose();
            });
            ensemble.create(client, 1, "/ghost1");
            ensemble.create(client, 2, "/ghost2");
            ensemble.run();
            ensemble.crash(victim);
            ensemble.set_filter({});
            EXPECT_TRUE(ensemble.await_leader());
            write(ensemble, ensemble.leader(), "/three");
          },
          Kind::kTruncate};
}

History snapshot() {
  EnsembleDriver::Options options;
  options.readable_transactions = 0;
  return {options,
          [](EnsembleDriver& ensemble, std::vector<int>& victims) {
            const int leader = ensemble.leader();
            victims = {leader % 3 + 1};
            ensemble.crash(victims[0]);
            write(ensemble, leader, "/one");
            write(ensemble, leader, "/two");
            // What it keeps in memory goes, too.
            ensemble.crash(leader);
            ensemble.start(leader);
            EXPECT_TRUE(ensemble.await_leader());
          },
          Kind::kSnapshotBegin};
}

// Everybody comes from its disk, and nobody leads. One disk is a transaction behind, another ahead
// of what was committed.
History power_loss() {
  return {{},
          [](EnsembleDriver& ensemble, std::vector<int>& victims) {
            const int leader = ensemble.leader();
            const int behind = leader % 3 + 1;
            const int ahead = 6 - leader - behind;
            write(ensemble, leader, "/one");
            ensemble.crash(behind);
            write(ensemble, leader, "/two");
            Client& client = ensemble.connect(leader);
            ensemble.run();
            ensemble.hold_flushes(leader, true);
            ensemble.create(client, 1, "/open");
            ensemble.run();
            EXPECT_TRUE(client.answers.empty());
            ensemble.crash(leader);
            ensemble.crash(ahead);
            ensemble.hold_flushes(leader, false);
            victims = {1, 2, 3};
          },
          Kind::kNewEpoch};
}

enum class Who { kSender, kReceiver };

struct Crash {
  uint64_t at = 0;  // this message of the synchronisation, from 1
  Who who = Who::kSender;
  bool after = false;  // it has been delivered
  Unflushed unflushed = Unflushed::kLost;
  bool everybody = false;  // goes down with it, and is back before it
};

std::string path(int member, int32_t xid) {
  return "/by" + std::to_string(member) + "-" + std::to_string(xid);
}

void hold_flushes(EnsembleDriver& ensemble, bool hold) {
  for (int member = 1; member <= ensemble.size(); ++member) ensemble.hold_flushes(member, hold);
}

// False: there is no such message.
bool tell(const History& history, const Crash& crash) {
  EnsembleDriver ensemble(history.options);
  ensemble.start_all();
  EXPECT_TRUE(ensemble.await_agreement());
  std::vector<int> victims;
  history.prepare(ensemble, victims);
  uint64_t seen = 0;
  int chosen = 0;
  int to_crash = 0;
  bool witnessed = false;
  ensemble.set_filter([&](int from, int to, const peer::Message& message) {
    // What was to be delivered before the crash has been.
    if (chosen != 0) to_crash = chosen;
    if (to_crash != 0) return false;
    witnessed |= message.kind_case() == history.witness;
    if (!is_of_synchronisation(message.kind_case()) || ++seen < crash.at) return true;
    chosen = crash.who == Who::kSender ? from : to;
    // No disk gets ahead of the crash.
    hold_flushes(ensemble, true);
    if (crash.after) return true;
    to_crash = chosen;
    return false;
  });
  for (const int victim : victims) ensemble.start(victim);
  std::vector<Client*> clients;
  for (int member = 1; member <= ensemble.size(); ++member) {
    clients.push_back(&ensemble.connect(member));
    for (int32_t xid = 1; xid <= 2; ++xid) ensemble.create(*clients.back(), xid, path(member, xid));
  }
  EXPECT_TRUE(ensemble.await([&] {
    return to_crash != 0 || std::all_of(victims.begin(), victims.end(), [&](int victim) {
             return ensemble.replica(victim).serving();
           });
  }));
  const bool crashed = to_crash != 0;
  if (crashed) ensemble.crash(to_crash, crash.unflushed);
  for (int member = 1; crash.everybody && member <= ensemble.size(); ++member) {
    if (!crashed || member == to_crash) continue;
    ensemble.crash(member, crash.unflushed);
  }
  ensemble.set_filter({});
  hold_flushes(ensemble, false);
  if (crashed) {
    // The others first, then with it.
    for (int member = 1; member <= ensemble.size(); ++member) {
      if (member != to_crash && !ensemble.is_up(member)) ensemble.start(member);
    }
    ensemble.advance(500);
    ensemble.start(to_crash);
  }
  EXPECT_TRUE(crashed || witnessed);
  EXPECT_TRUE(ensemble.await_agreement())
      << "message " << crash.at << (crash.who == Who::kSender ? " sender" : " receiver")
      << (crash.everybody ? " and everybody" : "") << (crash.after ? " after" : " before")
      << (crash.unflushed == Unflushed::kKept ? ", kept" : ", lost");
  for (int member = 1; member <= ensemble.size(); ++member) {
    EXPECT_TRUE(ensemble.has(member, "/one") && ensemble.has(member, "/two")) << crash.at;
    EXPECT_FALSE(ensemble.has(member, "/ghost1") || ensemble.has(member, "/ghost2")) << crash.at;
    for (const Client* client : clients) {
      for (const EnsembleDriver::Answer& answer : client->answers) {
        EXPECT_TRUE(ensemble.has(member, path(client->member, answer.xid))) << crash.at;
      }
    }
  }
  return crashed;
}

void crash_everywhere(const History& history, const Crash& first) {
  constexpr uint64_t kMessagesMax = 300;
  Crash crash = first;
  for (crash.at = 1; crash.at < kMessagesMax && tell(history, crash); ++crash.at) {
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(crash.at, 8u);
  EXPECT_LT(crash.at, kMessagesMax);
}

void crash_everywhere(const History& history) {
  for (const Who who : {Who::kSender, Who::kReceiver}) {
    for (const bool after : {false, true}) {
      for (const Unflushed unflushed : {Unflushed::kLost, Unflushed::kKept}) {
        for (const bool everybody : {false, true}) {
          crash_everywhere(history, {1, who, after, unflushed, everybody});
        }
      }
    }
  }
}

TEST(CrashAtEveryMessage, OfASynchronisationByDifferenceLosesNothing) {
  crash_everywhere(difference());
}

// ZOOKEEPER-5094: a cut that was interrupted left a gap on disk.
TEST(CrashAtEveryMessage, OfASynchronisationWithACutLosesNothingAndRevivesNothing) {
  crash_everywhere(cut());
}

TEST(CrashAtEveryMessage, OfASynchronisationBySnapshotLosesNothing) {
  crash_everywhere(snapshot());
}

TEST(CrashAtEveryMessage, OfTheFirstReignAfterAPowerLossLosesNothing) {
  crash_everywhere(power_loss());
}

}  // namespace
}  // namespace topod::zab
