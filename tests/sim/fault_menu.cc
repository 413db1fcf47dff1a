#include "tests/sim/fault_menu.h"

#include <algorithm>
#include <array>

namespace topod::sim {

namespace {

struct Family {
  const char* name;
  bool FaultMenu::*flag;
};
constexpr std::array<Family, 30> kFamilies = {{
    {"crashes", &FaultMenu::crashes},
    {"power-cuts", &FaultMenu::power_cuts},
    {"blackouts", &FaultMenu::blackouts},
    {"leader-losses", &FaultMenu::leader_losses},
    {"discovery-crashes", &FaultMenu::discovery_crashes},
    {"sync-ambushes", &FaultMenu::sync_ambushes},
    {"short-reigns", &FaultMenu::short_reigns},
    {"lone-leaders", &FaultMenu::lone_leaders},
    {"late-followers", &FaultMenu::late_followers},
    {"stalled-successors", &FaultMenu::stalled_successors},
    {"broken-links", &FaultMenu::broken_links},
    {"install-crashes", &FaultMenu::install_crashes},
    {"torn-flushes", &FaultMenu::torn_flushes},
    {"pauses", &FaultMenu::pauses},
    {"partitions", &FaultMenu::partitions},
    {"one-way-cuts", &FaultMenu::one_way_cuts},
    {"client-cuts", &FaultMenu::client_cuts},
    {"resets", &FaultMenu::resets},
    {"slow-disks", &FaultMenu::slow_disks},
    {"full-disks", &FaultMenu::full_disks},
    {"failed-writes", &FaultMenu::failed_writes},
    {"clock-jumps", &FaultMenu::clock_jumps},
    {"drifts", &FaultMenu::drifts},
    {"clock-stops", &FaultMenu::clock_stops},
    {"crashes-in-start", &FaultMenu::crashes_in_start},
    {"wipes", &FaultMenu::wipes},
    {"rot", &FaultMenu::rot},
    {"client-losses", &FaultMenu::client_losses},
    {"client-deaths", &FaultMenu::client_deaths},
    {"late-returns", &FaultMenu::late_returns},
}};

// Per mille: that a family is on.
constexpr uint64_t kOnInMost = 400;
constexpr uint64_t kOnInFew = 80;

}  // namespace

FaultMenu FaultMenu::draw(Random& random) {
  FaultMenu menu;
  // One world in twelve has no faults at all: there, nothing may be late or lost. In one in three
  // an ambush is hardly ever disturbed by other faults.
  const uint64_t die = random.below(12);
  const uint64_t on = die == 0 ? 0 : die <= 4 ? kOnInFew : kOnInMost;
  for (const Family& family : kFamilies) menu.*family.flag = random.chance(on);
  menu.pause_mean_us = random.chance(300) ? random.between(300, 1'000) * kMillisecond
                                          : random.between(1, 12) * kSecond;
  return menu;
}

bool FaultMenu::is_empty() const {
  return std::none_of(kFamilies.begin(), kFamilies.end(),
                      [&](const Family& family) { return this->*family.flag; });
}

std::string FaultMenu::describe() const {
  std::string text;
  for (const Family& family : kFamilies) {
    if (this->*family.flag) text += (text.empty() ? "" : " ") + std::string(family.name);
  }
  return text.empty() ? "none" : text;
}

}  // namespace topod::sim
