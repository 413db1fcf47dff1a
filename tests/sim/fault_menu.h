// What goes wrong in a world: families of faults, drawn on or off by the seed. In most worlds half
// of them are off, in some all but a few: some bugs need a fault, others its absence.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/world.h"

namespace topod::sim {

struct FaultMenu {
  bool crashes = false;
  bool power_cuts = false;          // of single machines
  bool blackouts = false;           // of all at once
  bool leader_losses = false;       // and of one who knows what it knew
  bool discovery_crashes = false;   // between a promise and its fulfilment
  bool sync_ambushes = false;       // while somebody is being synchronised
  bool short_reigns = false;        // leaders fall with proposals that nobody else has
  bool lone_leaders = false;        // cut off from all others
  bool late_followers = false;      // on whom alone a quorum hangs
  bool stalled_successors = false;  // whose disks stand still when the leader dies
  bool broken_links = false;        // to a leader whose commits are slow
  bool install_crashes = false;     // while a received tree is taken over
  bool torn_flushes = false;        // power cuts in the middle of long writes
  bool pauses = false;
  bool partitions = false;
  bool one_way_cuts = false;
  bool client_cuts = false;
  bool resets = false;
  bool slow_disks = false;
  bool full_disks = false;
  bool failed_writes = false;
  bool clock_jumps = false;
  bool drifts = false;
  bool clock_stops = false;
  bool crashes_in_start = false;
  bool wipes = false;
  bool rot = false;  // of logs: flipped bits, sectors that cannot be read
  bool client_losses = false;
  bool client_deaths = false;
  bool late_returns = false;            // of clients whose sessions are about to expire
  int64_t pause_mean_us = 5 * kSecond;  // between two strikes of one family

  [[nodiscard]] static FaultMenu draw(Random& random);
  [[nodiscard]] bool is_empty() const;
  [[nodiscard]] std::string describe() const;
};

}  // namespace topod::sim
