// A crash at each message of discovery and synchronisation, on three servers with two
// transactions, for a follower that needs the difference, a cut, or a snapshot. Exhaustive: each
// message in turn, its sender or its receiver, before or after it is delivered, with the disk
// keeping what was not flushed or not.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;
using Kind = peer::Message::KindCase;

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
  // Brings the ensemble to where a restart of `victim` needs this kind of synchronisation.
  std::function<void(EnsembleDriver&, int& victim)> prepare;
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
          [](EnsembleDriver& ensemble, int& victim) {
            victim = ensemble.leader() % 3 + 1;
            ensemble.crash(victim);
            write(ensemble, ensemble.leader(), "/one");
            write(ensemble, ensemble.leader(), "/two");
          },
          Kind::kPropose};
}

// The old leader holds two transactions that nobody else has.
History cut() {
  return {{},
          [](EnsembleDriver& ensemble, int& victim) {
            write(ensemble, ensemble.leader(), "/one");
            write(ensemble, ensemble.leader(), "/two");
            victim = ensemble.leader();
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
          [](EnsembleDriver& ensemble, int& victim) {
            const int leader = ensemble.leader();
            victim = leader % 3 + 1;
            ensemble.crash(victim);
            write(ensemble, leader, "/one");
            write(ensemble, leader, "/two");
            // What it keeps in memory goes, too.
            ensemble.crash(leader);
            ensemble.start(leader);
            EXPECT_TRUE(ensemble.await_leader());
          },
          Kind::kSnapshotBegin};
}

enum class Who { kSender, kReceiver };

struct Crash {
  uint64_t at = 0;  // this message of the synchronisation, from 1
  Who who = Who::kSender;
  bool after = false;  // it has been delivered
};

// False: there is no such message.
bool tell(const History& history, const Crash& crash) {
  EnsembleDriver ensemble(history.options);
  ensemble.start_all();
  EXPECT_TRUE(ensemble.await_agreement());
  int victim = 0;
  history.prepare(ensemble, victim);
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
  ensemble.start(victim);
  EXPECT_TRUE(ensemble.await([&] { return to_crash != 0 || ensemble.replica(victim).serving(); }));
  const bool crashed = to_crash != 0;
  if (crashed) ensemble.crash(to_crash);
  ensemble.set_filter({});
  if (crashed) {
    // The others first, then with it.
    ensemble.advance(500);
    ensemble.start(to_crash);
  } else {
    EXPECT_TRUE(witnessed);
  }
  EXPECT_TRUE(ensemble.await_agreement())
      << "message " << crash.at << (crash.who == Who::kSender ? " sender" : " receiver")
      << (crash.after ? " after" : " before");
  for (int member = 1; member <= ensemble.size(); ++member) {
    EXPECT_TRUE(ensemble.has(member, "/one") && ensemble.has(member, "/two")) << crash.at;
    EXPECT_FALSE(ensemble.has(member, "/ghost1") || ensemble.has(member, "/ghost2")) << crash.at;
  }
  return crashed;
}

void crash_everywhere(const History& history) {
  constexpr uint64_t kMessagesMax = 300;
  for (const Who who : {Who::kSender, Who::kReceiver}) {
    for (const bool after : {false, true}) {
      uint64_t at = 1;
      while (at < kMessagesMax && tell(history, {at, who, after})) {
        if (testing::Test::HasFailure()) return;
        ++at;
      }
      EXPECT_GT(at, 8u);
      EXPECT_LT(at, kMessagesMax);
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

}  // namespace
}  // namespace topod::zab
