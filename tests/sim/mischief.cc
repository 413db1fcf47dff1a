#include "tests/sim/mischief.h"

#include <algorithm>

namespace topod::sim {

Member* Mischief::leader() {
  const auto found = std::find_if(members_.begin(), members_.end(), [](const auto& member) {
    return member->is_running() && member->replica()->leading() != nullptr &&
           member->replica()->leading()->established();
  });
  return found == members_.end() ? nullptr : found->get();
}

void Mischief::later(int64_t least_us, int64_t most_us, std::function<void()> action) {
  world_.after(random().between(least_us, most_us), [this, moved = std::move(action)] {
    if (!is_over_) moved();
  });
}

void Mischief::away_for_a_while(Member& member, Stop kind, int64_t least_us, int64_t most_us) {
  if (!member.is_running()) return;
  member.crash(kind);
  later(least_us, most_us, [&member] { member.start(); });
}

void Mischief::cut_for_a_while(const Cuts& cuts, int64_t least_us, int64_t most_us) {
  for (const auto& [from, to] : cuts) {
    world_.note("cut", from, to);
    network_.cut(from, to);
  }
  later(least_us, most_us, [this, cuts] { heal(cuts); });
}

void Mischief::heal(const Cuts& cuts) {
  for (const auto& [from, to] : cuts) {
    world_.note("heal", from, to);
    network_.heal(from, to);
  }
}

void Mischief::slow_disk_for_a_while(Member& member, const DiskSpeed& speed, int64_t least_us,
                                     int64_t most_us) {
  world_.note("slow disk", member.id(), speed.flush_max_us);
  member.disk_speed() = speed;
  later(least_us, most_us, [&member] { member.disk_speed() = {}; });
}

Cuts Mischief::cuts_around(const Member& member, bool both_ways) const {
  Cuts cuts;
  for (const auto& other : members_) {
    if (other.get() == &member) continue;
    cuts.emplace_back(member.place(), other->place());
    if (both_ways) cuts.emplace_back(other->place(), member.place());
  }
  return cuts;
}

}  // namespace topod::sim
