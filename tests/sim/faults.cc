#include "tests/sim/faults.h"

#include <algorithm>
#include <array>
#include <utility>

namespace topod::sim {

void Faults::begin() {
  const std::array<std::pair<bool, Strike>, 17> strikes = {{
      {menu_.crashes, &Faults::crash},
      {menu_.power_cuts, &Faults::cut_power},
      {menu_.blackouts, &Faults::black_out},
      {menu_.pauses, &Faults::pause},
      {menu_.partitions, &Faults::partition},
      {menu_.one_way_cuts, &Faults::cut_one_way},
      {menu_.client_cuts, &Faults::cut_clients},
      {menu_.resets, &Faults::reset},
      {menu_.slow_disks, &Faults::slow_disk},
      {menu_.full_disks, &Faults::fill_disk},
      {menu_.failed_writes, &Faults::fail_disk},
      {menu_.clock_jumps, &Faults::jump_clock},
      {menu_.clock_stops, &Faults::stop_clock},
      {menu_.wipes, &Faults::wipe},
      {menu_.rot, &Faults::rot},
      {menu_.client_losses, &Faults::lose_client},
      {menu_.client_deaths, &Faults::kill_client},
  }};
  for (const auto& [is_on, strike] : strikes) {
    if (is_on) schedule(strike);
  }
  // Up to 5 % fast or slow.
  for (const auto& member : members()) {
    if (menu_.drifts) member->set_drift(random().between(-50'000, 50'000));
  }
  ambushes_.begin();
}

void Faults::schedule(Strike strike) {
  mischief_.later(menu_.pause_mean_us / 4, menu_.pause_mean_us * 7 / 4, [this, strike] {
    (this->*strike)();
    schedule(strike);
  });
}

void Faults::heal(const std::vector<size_t>& core) {
  mischief_.end();
  mischief_.world().note("healing");
  mischief_.network().heal_all();
  for (size_t i = 0; i < members().size(); ++i) {
    Member& member = *members()[i];
    member.resume();
    member.free_clock();
    member.disk_speed() = {};
    member.free_disk();
    member.mend_disk();
    if (std::find(core.begin(), core.end(), i) != core.end()) {
      member.start();
    } else {
      member.crash(Stop::kPower);
    }
  }
}

// ---- servers -------------------------------------------------------------------------------

void Faults::stop_member(Member& member, Stop kind) {
  if (!member.is_running()) return;
  member.crash(kind);
  start_later(member);
}

void Faults::start_later(Member& member) {
  // Most come back soon; some stay away long enough to be behind the others' logs.
  const bool is_long = random().chance(200);
  mischief_.later(20 * kMillisecond, (is_long ? 20'000 : 2'000) * kMillisecond, [this, &member] {
    if (menu_.crashes_in_start && random().chance(300)) {
      member.crash_in_start();
      start_later(member);
    } else {
      member.start();
    }
  });
}

void Faults::crash() { stop_member(mischief_.some_member(), Stop::kProcess); }
void Faults::cut_power() { stop_member(mischief_.some_member(), Stop::kPower); }

void Faults::black_out() {
  for (const auto& member : members()) stop_member(*member, Stop::kPower);
}

void Faults::pause() {
  Member& member = mischief_.some_member();
  member.pause();
  const bool is_long = random().chance(200);
  mischief_.later(5 * kMillisecond, (is_long ? 30'000 : 3'000) * kMillisecond,
                  [&member] { member.resume(); });
}

void Faults::slow_disk() {
  Member& member = mischief_.some_member();
  const int64_t slowest_us = random().chance(200) ? 5 * kSecond : 200 * kMillisecond;
  mischief_.slow_disk_for_a_while(member, {slowest_us / 100, slowest_us}, 500 * kMillisecond,
                                  10 * kSecond);
}

void Faults::fill_disk() {
  Member& member = mischief_.some_member();
  member.fill_disk();
  mischief_.later(500 * kMillisecond, 10 * kSecond, [&member] { member.free_disk(); });
}

void Faults::fail_disk() {
  Member& member = mischief_.some_member();
  if (member.is_running()) member.fail_disk([this, &member] { start_later(member); });
}

void Faults::jump_clock() {
  constexpr int64_t kYearMs = int64_t{365} * 24 * 3'600 * 1'000;
  Member& member = mischief_.some_member();
  const int64_t by_ms =
      random().chance(500) ? random().between(-kYearMs, kYearMs) : random().between(-5'000, 5'000);
  mischief_.world().note("clock jumps", member.id(), by_ms);
  member.jump_wall_clock(by_ms);
}

void Faults::stop_clock() {
  mischief_.some_member().stop_clock(random().skewed(10 * kMillisecond, 20 * kSecond));
}

// Only one disk is lost at a time, and the next when all others vote again and every member has it
// on disk that they do: whatever was committed is then still held by enough of them.
bool Faults::can_do_without(const Member& member) {
  const bool all_are_whole = std::all_of(members().begin(), members().end(), [](const auto& other) {
    return other->is_running() && !other->is_rotten() &&
           (other->is_voter() || other->is_observer()) &&
           other->replica()->membership().is_settled();
  });
  return members().size() >= 3 && all_are_whole &&
         quorum_.reached([&](ServerId server) { return server != member.id(); });
}

void Faults::wipe() {
  Member& member = mischief_.some_member();
  if (!can_do_without(member)) return;
  member.crash(Stop::kPower);
  member.wipe();
  start_later(member);
}

// The log of one member decays, under its feet or while it is down.
void Faults::rot() {
  Member& member = mischief_.some_member();
  if (!can_do_without(member)) return;
  if (random().chance(500)) stop_member(member, Stop::kProcess);
  member.rot();
}

// ---- the network ---------------------------------------------------------------------------

// One alone, halves, a bridge of one that reaches both halves, or a ring.
void Faults::partition() {
  const size_t count = members().size();
  if (count < 3) return;
  const uint64_t shape = random().below(4);
  const size_t alone = random().index(count);
  std::vector<bool> side(count);
  for (size_t i = 0; i < count; ++i) side[i] = random().chance(500);
  Cuts pairs;
  for (size_t a = 0; a < count; ++a) {
    for (size_t b = 0; b < count; ++b) {
      const bool touches = a == alone || b == alone;
      const bool apart = side[a] != side[b];
      const bool neighbours = (a + 1) % count == b || (b + 1) % count == a;
      const bool is_cut = shape == 0   ? touches
                          : shape == 1 ? apart
                          : shape == 2 ? apart && !touches
                                       : !neighbours;
      if (a != b && is_cut) pairs.emplace_back(members()[a]->place(), members()[b]->place());
    }
  }
  mischief_.cut_for_a_while(pairs);
}

void Faults::cut_one_way() {
  if (members().size() < 2) return;
  const Member& from = mischief_.some_member();
  const bool to_all = random().chance(300);
  const Member& only = mischief_.some_member();
  Cuts pairs;
  for (const auto& to : members()) {
    if (to.get() != &from && (to_all || to.get() == &only)) {
      pairs.emplace_back(from.place(), to->place());
    }
  }
  mischief_.cut_for_a_while(pairs);
}

void Faults::cut_clients() {
  const Member& member = mischief_.some_member();
  const bool both = random().chance(700);
  Cuts pairs;
  for (const auto& client : mischief_.clients()) {
    if (!random().chance(400)) continue;
    pairs.emplace_back(client->place(), member.place());
    if (both) pairs.emplace_back(member.place(), client->place());
  }
  mischief_.cut_for_a_while(pairs);
}

void Faults::reset() {
  const std::vector<StreamId> streams = mischief_.network().streams();
  if (!streams.empty()) mischief_.network().reset(streams[random().index(streams.size())]);
}

// ---- clients -------------------------------------------------------------------------------

void Faults::lose_client() { mischief_.some_client().lose_connection(); }
void Faults::kill_client() {
  mischief_.some_client().die(random().between(100 * kMillisecond, 20 * kSecond));
}

}  // namespace topod::sim
