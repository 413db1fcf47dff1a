// What goes wrong in a world. Each family of faults is drawn on or off by the seed (half of them
// are off: some bugs need a fault, others its absence), and each strikes at random moments until
// `heal`, which ends all of them at once. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/member.h"
#include "tests/sim/network.h"
#include "tests/sim/world.h"

namespace topod::sim {

struct FaultMenu {
  bool crashes = false;
  bool power_cuts = false;         // of single machines
  bool blackouts = false;          // of all at once
  bool discovery_crashes = false;  // between a promise and its fulfilment
  bool sync_ambushes = false;      // while somebody is being synchronised
  bool ambushes = false;           // of a leader and of one who knows what it knew
  bool pauses = false;
  bool partitions = false;
  bool one_way_cuts = false;
  bool client_cuts = false;
  bool resets = false;
  bool slow_disks = false;
  bool full_disks = false;
  bool clock_jumps = false;
  bool drifts = false;
  bool crashes_in_start = false;
  bool wipes = false;
  bool client_losses = false;
  bool client_deaths = false;
  int64_t pause_mean_us = 5 * kSecond;  // between two strikes of one family

  [[nodiscard]] static FaultMenu draw(Random& random);
  [[nodiscard]] bool is_empty() const;
  [[nodiscard]] std::string describe() const;
};

class Faults {
 public:
  Faults(World& world, Network& network, std::vector<std::unique_ptr<Member>>& members,
         std::vector<std::unique_ptr<Client>>& clients, const FaultMenu& menu);

  void begin();
  // Ends all faults. `core`: members that run and reach each other from now on; the others may
  // stay dead for good.
  void heal(const std::vector<size_t>& core);

 private:
  using Strike = void (Faults::*)();

  void schedule(Strike strike);
  void crash();
  void cut_power();
  void black_out();
  void ambush();
  void look_at(Member& member);
  void look_at_leader(Member& member, const zab::Leader& leader);
  void away_for_a_while(Member& member, Stop kind, int64_t least_us, int64_t most_us);
  void pause();
  void partition();
  void cut_one_way();
  void cut_clients();
  void reset();
  void slow_disk();
  void fill_disk();
  void jump_clock();
  void wipe();
  void lose_client();
  void kill_client();

  void stop_member(Member& member, Stop kind);
  void start_later(Member& member);
  // Cuts these pairs and heals them after a while.
  void cut_for_a_while(const std::vector<std::pair<Place, Place>>& pairs);
  void later(int64_t min_us, int64_t max_us, std::function<void()> action);
  [[nodiscard]] Member& some_member();
  [[nodiscard]] Client& some_client();

  World& world_;
  Network& network_;
  std::vector<std::unique_ptr<Member>>& members_;
  std::vector<std::unique_ptr<Client>>& clients_;
  FaultMenu menu_;
  bool is_over_ = false;
  int64_t next_look_us_ = 0;
};

}  // namespace topod::sim
