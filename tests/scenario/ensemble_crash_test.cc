// A crash at each message of discovery and synchronisation, on three servers with two
// transactions: of a follower that needs the difference, a cut, or a snapshot from a leader that
// reigns, and of the first reign after all three have lost power. Exhaustive: each message in
// turn, its sender, its receiver or everybody, before or after it is delivered, with the disks
// keeping what was not flushed or not.
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

enum class Who { kSender, kReceiver, kEverybody };
constexpr const char* kNames[] = {"sender", "receiver", "everybody"};

struct Crash {
  uint64_t at = 0;  // this message of the synchronisation, from 1
  Who who = Who::kSender;
  bool after = false;  // it has been delivered
  Unflushed unflushed = Unflushed::kLost;
};

// False: there is no such message.
bool tell(const History& history, const Crash& crash) {
  EnsembleDriver ensemble(history.options);
  ensemble.start_all();
  EXPECT_TRUE(ensemble.await_agreement());
  std::vector<int> victims;
  history.prepare(ensemble, victims);
  uint64_t seen = 0;
  int to_crash = 0;
  bool witnessed = false;
  bool stop = false;
  ensemble.set_filter([&](int from, int to, const peer::Message& message) {
    if (to_crash != 0) return false;
    witnessed |= message.kind_case() == history.witness;
    if (!is_of_synchronisation(message.kind_case())) return true;
    if (stop) {
      to_crash = crash.who == Who::kSender ? from : to;
      return false;
    }
    if (++seen < crash.at) return true;
    if (crash.after) {
      // Delivered; the next one finds the crash.
      stop = true;
      return true;
    }
    to_crash = crash.who == Who::kSender ? from : to;
    return false;
  });
  for (const int victim : victims) ensemble.start(victim);
  EXPECT_TRUE(ensemble.await([&] {
    return to_crash != 0 || std::all_of(victims.begin(), victims.end(), [&](int victim) {
             return ensemble.replica(victim).serving();
           });
  }));
  const bool crashed = to_crash != 0;
  std::vector<int> down;
  for (int member = 1; crashed && member <= ensemble.size(); ++member) {
    if (member != to_crash && crash.who != Who::kEverybody) continue;
    ensemble.crash(member, crash.unflushed);
    down.push_back(member);
  }
  ensemble.set_filter({});
  // The others first, then with it.
  if (crashed) ensemble.advance(500);
  for (const int member : down) ensemble.start(member);
  EXPECT_TRUE(crashed || witnessed);
  EXPECT_TRUE(ensemble.await_agreement())
      << "message " << crash.at << ' ' << kNames[static_cast<size_t>(crash.who)]
      << (crash.after ? " after" : " before")
      << (crash.unflushed == Unflushed::kKept ? ", kept" : ", lost");
  for (int member = 1; member <= ensemble.size(); ++member) {
    EXPECT_TRUE(ensemble.has(member, "/one") && ensemble.has(member, "/two")) << crash.at;
    EXPECT_FALSE(ensemble.has(member, "/ghost1") || ensemble.has(member, "/ghost2")) << crash.at;
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
  for (const Who who : {Who::kSender, Who::kReceiver, Who::kEverybody}) {
    for (const bool after : {false, true}) {
      for (const Unflushed unflushed : {Unflushed::kLost, Unflushed::kKept}) {
        crash_everywhere(history, {1, who, after, unflushed});
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
