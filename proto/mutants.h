// Known bugs, each of them a rule of the protocol that is left out. A build with -DTOPOD_MUTANTS
// can be told to have one of them, so that the simulator shows that it would be found; in any
// other build none of this exists. One thread.
//
// Some rules are braces beside belts; their mutants drop both, for one alone does no harm:
// - CommitBeforeMatch. A leader tells commits only to those who have its history on disk, and a
//   follower believes none before its log is known to match.
// - DuplicateForwards. A server repeats forwards only when all those under way are evaluated, and
//   evaluation ignores a number that it has seen.
// One rule has no mutant: that a promise which was given before does not count again. To do harm,
// two leaders must be promised the same epoch by one server while each keeps a quorum of links, one
// of them with links whose other ends are gone; no world has come to that.
#pragma once

#include <array>
#include <string_view>

namespace topod {

// clang-format off
#define TOPOD_EACH_MUTANT(X)                                                                    \
  X(AckBeforeFlush, "a follower acknowledges what is not on its disk")                          \
  X(LeaderCountsItselfAtOnce, "a leader counts itself before its own flush")                    \
  X(NewLeaderAckBeforeFlush, "a synchronisation is acknowledged before it is on the disk")      \
  X(PromiseBeforeFlush, "an epoch is promised before that is on the disk")                      \
  X(AcceptedEpochForgotten, "a restart forgets the accepted epoch")                             \
  X(EpochBeforeHistory, "the epoch becomes current without the history that belongs to it")     \
  X(EpochInCheckpoint, "a checkpoint repeats an epoch before its history is on the disk")       \
  X(CommitByUnsynchronised, "followers that are not synchronised count for commits")            \
  X(CommitBeforeMatch, "commits are told to followers whose logs are not known to match")       \
  X(TruncationNotLogged, "what is cut from a follower's history stays in its log")              \
  X(SyncPointByLastZxid, "the synchronisation point is the lower of both last zxids")           \
  X(BetterHistoryIgnored, "a leader does not look at the histories of its followers")           \
  X(ElectionIgnoresEpoch, "votes compare zxids without the current epoch, nobody checks")       \
  X(MinorityEstablishes, "a leader is established without a quorum on disk")                    \
  X(BlankVotes, "a wiped data directory votes")                                                 \
  X(CurrentEpochForgotten, "a restart forgets the current epoch")                               \
  X(TailAppliedAtStart, "a start applies what is not known to be committed")                    \
  X(SnapshotWithoutEpoch, "a received tree counts before its synchronisation has ended")        \
  X(SnapshotWithoutSessions, "a tree is sent without its sessions")                             \
  X(CheckpointPlaceTooLate, "a checkpoint has a place in the log that is too late")             \
  X(TornTailKept, "a torn tail is not cleared")                                                 \
  X(DuplicateForwards, "forwards under way are repeated, and each is evaluated")                \
  X(ForwardsNotRepeated, "a new leader is not given what the old one lost")                     \
  X(SyncUnconfirmed, "a leader answers sync without asking whether it still leads")             \
  X(SyncWithoutBarrier, "a follower answers sync from what it has applied")                     \
  X(ReadsOvertakeWrites, "a read does not wait for the writes before it")                       \
  X(EventAfterReply, "watch events leave after the reply that shows the change")                \
  X(WatchFiresTwice, "a one-shot watch is not consumed")                                        \
  X(WatchesNotCaughtUp, "what was missed is not told when watches are set again")               \
  X(MovedSessionWrites, "a connection that a session has left still writes for it")             \
  X(ExpiryIgnoresAttachment, "a session is expired although it has moved on")                   \
  X(NewLeaderExpiresAtOnce, "a new leader does not give sessions their full time")              \
  X(TouchesLost, "a leader does not hear which sessions its followers' clients keep alive")     \
  X(EphemeralsStay, "closing a session leaves its last ephemeral")
// clang-format on

enum class Mutant {
  kNone,
#define TOPOD_NAME_MUTANT(name, bug) k##name,
  TOPOD_EACH_MUTANT(TOPOD_NAME_MUTANT)
#undef TOPOD_NAME_MUTANT
};

struct MutantText {
  Mutant mutant;
  std::string_view name;
  std::string_view bug;
};
inline constexpr MutantText kMutants[] = {
#define TOPOD_TELL_MUTANT(name, bug) {Mutant::k##name, #name, bug},
    TOPOD_EACH_MUTANT(TOPOD_TELL_MUTANT)
#undef TOPOD_TELL_MUTANT
};

#ifdef TOPOD_MUTANTS
inline Mutant active_mutant = Mutant::kNone;
#define MUTANT(name) (::topod::active_mutant == ::topod::Mutant::k##name)
#else
#define MUTANT(name) false
#endif

}  // namespace topod
