// Faults that strike at random moments, each family of a world's menu for itself, until `heal`,
// which ends all of them at once. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/ambushes.h"
#include "tests/sim/fault_menu.h"
#include "tests/sim/mischief.h"

namespace topod::sim {

class Faults {
 public:
  Faults(World& world, Network& network, Members& members, Clients& clients,
         const zab::Quorum& quorum, const FaultMenu& menu)
      : menu_(menu),
        quorum_(quorum),
        mischief_(world, network, members, clients),
        ambushes_(mischief_, menu_) {}
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

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
  void pause();
  void partition();
  void cut_one_way();
  void cut_clients();
  void reset();
  void slow_disk();
  void fill_disk();
  void fail_disk();
  void jump_clock();
  void stop_clock();
  void wipe();
  void rot();
  void lose_client();
  void kill_client();

  void stop_member(Member& member, Stop kind);
  // Whether all disks are whole, and the others are enough without this one.
  [[nodiscard]] bool can_do_without(const Member& member);
  void start_later(Member& member);
  [[nodiscard]] Random& random() { return mischief_.random(); }
  [[nodiscard]] Members& members() { return mischief_.members(); }

  FaultMenu menu_;
  const zab::Quorum& quorum_;
  Mischief mischief_;
  Ambushes ambushes_;
};

}  // namespace topod::sim
