// Faults that wait for their moment. Chance alone seldom stops the right machines between a
// message and a flush; these look at the members after each of their turns, or set a scene, and
// strike where a broken rule of the protocol would do harm. Each may happen to a real ensemble,
// and a right one survives all of them. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "tests/sim/fault_menu.h"
#include "tests/sim/mischief.h"

namespace topod::sim {

class Ambushes {
 public:
  Ambushes(Mischief& mischief, const FaultMenu& menu) : mischief_(mischief), menu_(menu) {}

  void begin();

 private:
  using Strike = void (Ambushes::*)();

  void schedule(Strike strike);
  // By the clock.
  void lose_leader();
  void cut_down_leader();
  void begin_storm();
  void isolate_leader();
  void bring_back_follower();
  void break_link();
  void stall_successors();
  void return_late();

  // After each turn of a member.
  void look_at(Member& member);
  void look_at_leader(Member& member, const zab::Leader& leader);
  void look_at_reign(Member& member, const zab::Leader& leader);
  void look_at_return(Member& member, const zab::Leader& leader);
  void look_at_promise(Member& member);
  void look_at_install(Member& member);
  void look_at_flush(Member& member);
  void end_reign(Member& member);
  [[nodiscard]] std::vector<Member*> other_voters(const Member& member) const;
  [[nodiscard]] Stop some_stop() {
    return mischief_.random().chance(500) ? Stop::kPower : Stop::kProcess;
  }

  Mischief& mischief_;
  const FaultMenu& menu_;
  int64_t next_look_us_ = 0;
  // Reigns end early until then.
  int64_t storm_until_us_ = 0;
  std::map<const Member*, std::pair<Epoch, zab::Leader::Phase>> reigns_;  // as last seen
  // A follower that is expected back, and the leader that both will be lost with.
  const Member* awaited_ = nullptr;
  const Member* awaiting_ = nullptr;
};

}  // namespace topod::sim
