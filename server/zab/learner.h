// One server that follows, as its leader sees it. Plain data of `Leader`. Times are monotonic.
#pragma once

#include <cstdint>
#include <deque>

#include "proto/ids.h"

namespace topod::zab {

struct Learner {
  enum class Phase {
    kInfo,           // has said that it follows
    kEpochSent,      // has been asked to promise the epoch
    kSyncing,        // has promised; its log is being brought to the leader's
    kNewLeaderSent,  // has been sent all of the initial history
    kActive,         // has all of it on disk, with the epoch
    kUpToDate,       // has been told to serve
  };

  enum class Sync { kNone, kDifference, kTruncation, kSnapshot };

  ServerId server;
  LinkId link;
  InstanceId instance{};
  uint32_t feature_level = 0;
  Phase phase = Phase::kInfo;
  bool votes = false;  // its acknowledgements count
  Epoch accepted_epoch;
  bool promised = false;
  bool wants_snapshot = false;

  Zxid cursor;           // sent up to here
  Zxid acked;            // on its disk up to here
  Zxid catch_up_to;      // up to date once it has acknowledged this
  Zxid barrier;          // last zxid appended when its link was accepted
  Zxid told_committed;   // the last commit that it was told of
  bool reading = false;  // history is being read from the log for it
  bool snapshotting = false;
  Sync sync = Sync::kNone;  // how its log was brought to the leader's
  bool diverged = false;    // it has applied what this leader does not have; it is to be told
  bool buffers = false;     // it has been sent a snapshot, and acknowledges nothing until NEWLEADER

  struct Sent {
    Zxid last;
    size_t bytes = 0;
  };
  std::deque<Sent> unacked;
  size_t unacked_bytes = 0;

  struct Progress {
    Phase phase = Phase::kInfo;
    Zxid cursor;
    Zxid acked;
    bool operator==(const Progress&) const = default;
  };
  Progress progress;
  int64_t progress_ms = 0;      // when it last changed
  int64_t heard_ms = 0;         // when it last replied
  int64_t echo_us = 0;          // its own time, of its last reply
  int64_t confirmed_token = 0;  // of the last heartbeat that it has answered
};

}  // namespace topod::zab
