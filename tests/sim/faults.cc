#include "tests/sim/faults.h"

#include <algorithm>
#include <array>
#include <utility>

namespace topod::sim {

namespace {

struct Family {
  const char* name;
  bool FaultMenu::*flag;
};
constexpr std::array<Family, 19> kFamilies = {{
    {"crashes", &FaultMenu::crashes},
    {"power-cuts", &FaultMenu::power_cuts},
    {"blackouts", &FaultMenu::blackouts},
    {"discovery-crashes", &FaultMenu::discovery_crashes},
    {"sync-ambushes", &FaultMenu::sync_ambushes},
    {"ambushes", &FaultMenu::ambushes},
    {"pauses", &FaultMenu::pauses},
    {"partitions", &FaultMenu::partitions},
    {"one-way-cuts", &FaultMenu::one_way_cuts},
    {"client-cuts", &FaultMenu::client_cuts},
    {"resets", &FaultMenu::resets},
    {"slow-disks", &FaultMenu::slow_disks},
    {"full-disks", &FaultMenu::full_disks},
    {"clock-jumps", &FaultMenu::clock_jumps},
    {"drifts", &FaultMenu::drifts},
    {"crashes-in-start", &FaultMenu::crashes_in_start},
    {"wipes", &FaultMenu::wipes},
    {"client-losses", &FaultMenu::client_losses},
    {"client-deaths", &FaultMenu::client_deaths},
}};

}  // namespace

FaultMenu FaultMenu::draw(Random& random) {
  FaultMenu menu;
  // One world in twelve has no faults at all: there, nothing may be late or lost.
  const bool none = random.below(12) == 0;
  for (const Family& family : kFamilies) menu.*family.flag = !none && random.chance(500);
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

Faults::Faults(World& world, Network& network, std::vector<std::unique_ptr<Member>>& members,
               std::vector<std::unique_ptr<Client>>& clients, const FaultMenu& menu)
    : world_(world), network_(network), members_(members), clients_(clients), menu_(menu) {}

void Faults::begin() {
  const std::array<std::pair<bool, Strike>, 15> strikes = {{
      {menu_.crashes, &Faults::crash},
      {menu_.power_cuts, &Faults::cut_power},
      {menu_.blackouts, &Faults::black_out},
      {menu_.ambushes, &Faults::ambush},
      {menu_.pauses, &Faults::pause},
      {menu_.partitions, &Faults::partition},
      {menu_.one_way_cuts, &Faults::cut_one_way},
      {menu_.client_cuts, &Faults::cut_clients},
      {menu_.resets, &Faults::reset},
      {menu_.slow_disks, &Faults::slow_disk},
      {menu_.full_disks, &Faults::fill_disk},
      {menu_.clock_jumps, &Faults::jump_clock},
      {menu_.wipes, &Faults::wipe},
      {menu_.client_losses, &Faults::lose_client},
      {menu_.client_deaths, &Faults::kill_client},
  }};
  for (const auto& [is_on, strike] : strikes) {
    if (is_on) schedule(strike);
  }
  // Up to 5 % fast or slow.
  for (const auto& member : members_) {
    if (menu_.drifts) member->set_drift(world_.random().between(-50'000, 50'000));
    if (menu_.discovery_crashes || menu_.sync_ambushes) {
      member->set_onlooker([this, one = member.get()] { look_at(*one); });
    }
  }
}

void Faults::schedule(Strike strike) {
  later(menu_.pause_mean_us / 4, menu_.pause_mean_us * 7 / 4, [this, strike] {
    (this->*strike)();
    schedule(strike);
  });
}

void Faults::later(int64_t min_us, int64_t max_us, std::function<void()> action) {
  world_.after(world_.random().between(min_us, max_us), [this, moved = std::move(action)] {
    if (!is_over_) moved();
  });
}

Member& Faults::some_member() { return *members_[world_.random().index(members_.size())]; }
Client& Faults::some_client() { return *clients_[world_.random().index(clients_.size())]; }

void Faults::heal(const std::vector<size_t>& core) {
  is_over_ = true;
  world_.note("healing");
  network_.heal_all();
  for (size_t i = 0; i < members_.size(); ++i) {
    Member& member = *members_[i];
    member.resume();
    member.disk_speed() = {};
    member.free_disk();
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
  const bool is_long = world_.random().chance(200);
  later(20 * kMillisecond, (is_long ? 20'000 : 2'000) * kMillisecond, [this, &member] {
    if (menu_.crashes_in_start && world_.random().chance(300)) {
      member.crash_in_start();
      start_later(member);
    } else {
      member.start();
    }
  });
}

void Faults::crash() { stop_member(some_member(), Stop::kProcess); }
void Faults::cut_power() { stop_member(some_member(), Stop::kPower); }

void Faults::black_out() {
  for (const auto& member : members_) stop_member(*member, Stop::kPower);
}

// The leader loses its power and is soon back without what it had not made durable, while one of
// the others, who may have it, is away for longer: the rest must not have been promised anything.
void Faults::ambush() {
  const auto is_leader = [](const auto& member) {
    return member->is_running() && member->replica()->leading() != nullptr &&
           member->replica()->leading()->established();
  };
  const auto leader = std::find_if(members_.begin(), members_.end(), is_leader);
  if (leader == members_.end()) return;
  Member& first = **leader;
  first.crash(Stop::kPower);
  later(5 * kMillisecond, 300 * kMillisecond, [&first] { first.start(); });
  Member& second = some_member();
  if (!second.is_running()) return;
  if (world_.random().chance(500)) {
    second.crash(world_.random().chance(500) ? Stop::kPower : Stop::kProcess);
    later(kSecond, 8 * kSecond, [&second] { second.start(); });
  } else {
    second.pause();
    later(kSecond, 8 * kSecond, [&second] { second.resume(); });
  }
}

void Faults::away_for_a_while(Member& member, Stop kind, int64_t least_us, int64_t most_us) {
  if (!member.is_running()) return;
  member.crash(kind);
  later(least_us, most_us, [&member] { member.start(); });
}

// Who has promised an epoch and not yet made it current dies, and comes back at once, out of reach
// of one of the others: it must not promise the same to the next.
void Faults::look_at(Member& member) {
  if (is_over_ || world_.now_us() < next_look_us_) return;
  if (const zab::Leader* leader = member.replica()->leading(); leader != nullptr) {
    if (menu_.sync_ambushes) look_at_leader(member, *leader);
    return;
  }
  const zab::Promises& promises = member.replica()->promises();
  if (!menu_.discovery_crashes || promises.accepted_epoch == promises.current_epoch ||
      !world_.random().chance(100)) {
    return;
  }
  next_look_us_ = world_.now_us() + menu_.pause_mean_us / 4;
  later(0, 3 * kMillisecond, [this, &member] {
    away_for_a_while(member, world_.random().chance(500) ? Stop::kPower : Stop::kProcess,
                     1 * kMillisecond, 100 * kMillisecond);
    const Member& other = some_member();
    if (&other == &member) return;
    cut_for_a_while({{member.place(), other.place()}, {other.place(), member.place()}});
  });
}

// While a follower is being synchronised, others hear nothing of what the leader goes on to
// propose, and then the leader is gone, and perhaps the follower's power too: what was committed
// meanwhile must not have counted on it too early.
void Faults::look_at_leader(Member& member, const zab::Leader& leader) {
  Member* syncing = nullptr;
  for (const auto& [server, learner] : leader.learners()) {
    if (learner.phase >= zab::Learner::Phase::kSyncing &&
        learner.phase <= zab::Learner::Phase::kActive) {
      syncing = members_[server.value() - 1].get();
    }
  }
  if (syncing == nullptr || !world_.random().chance(150)) return;
  next_look_us_ = world_.now_us() + menu_.pause_mean_us / 4;
  std::vector<std::pair<Place, Place>> pairs;
  for (const auto& other : members_) {
    if (other.get() == syncing || other.get() == &member) continue;
    pairs.emplace_back(member.place(), other->place());
  }
  if (leader.established() && world_.random().chance(700)) cut_for_a_while(pairs);
  later(0, 60 * kMillisecond,
        [this, &member] { away_for_a_while(member, Stop::kPower, kSecond, 6 * kSecond); });
  if (world_.random().chance(500)) return;
  later(0, 60 * kMillisecond, [this, syncing] {
    away_for_a_while(*syncing, Stop::kPower, 1 * kMillisecond, 100 * kMillisecond);
  });
}

void Faults::pause() {
  Member& member = some_member();
  member.pause();
  const bool is_long = world_.random().chance(200);
  later(5 * kMillisecond, (is_long ? 30'000 : 3'000) * kMillisecond,
        [&member] { member.resume(); });
}

void Faults::slow_disk() {
  Member& member = some_member();
  const int64_t slowest_us = world_.random().chance(200) ? 5 * kSecond : 200 * kMillisecond;
  member.disk_speed() = {slowest_us / 100, slowest_us};
  world_.note("slow disk", member.id(), slowest_us);
  later(500 * kMillisecond, 10 * kSecond, [&member] { member.disk_speed() = {}; });
}

void Faults::fill_disk() {
  Member& member = some_member();
  member.fill_disk();
  later(500 * kMillisecond, 10 * kSecond, [&member] { member.free_disk(); });
}

void Faults::jump_clock() {
  constexpr int64_t kYearMs = int64_t{365} * 24 * 3'600 * 1'000;
  Member& member = some_member();
  const int64_t by_ms = world_.random().chance(500) ? world_.random().between(-kYearMs, kYearMs)
                                                    : world_.random().between(-5'000, 5'000);
  world_.note("clock jumps", member.id(), by_ms);
  member.jump_wall_clock(by_ms);
}

// Only one disk is lost at a time, and the next when all others vote again: whatever was committed
// is then still held by enough of them.
void Faults::wipe() {
  if (members_.size() < 3) return;
  const bool all_vote = std::all_of(members_.begin(), members_.end(), [](const auto& member) {
    return member->is_running() && (member->is_voter() || member->is_observer());
  });
  if (!all_vote) return;
  Member& member = some_member();
  member.crash(Stop::kPower);
  member.wipe();
  start_later(member);
}

// ---- the network ---------------------------------------------------------------------------

void Faults::cut_for_a_while(const std::vector<std::pair<Place, Place>>& pairs) {
  for (const auto& [from, to] : pairs) {
    world_.note("cut", from, to);
    network_.cut(from, to);
  }
  later(50 * kMillisecond, 12 * kSecond, [this, pairs] {
    for (const auto& [from, to] : pairs) {
      world_.note("heal", from, to);
      network_.heal(from, to);
    }
  });
}

// One alone, halves, a bridge of one that reaches both halves, or a ring.
void Faults::partition() {
  Random& random = world_.random();
  const size_t count = members_.size();
  if (count < 3) return;
  const uint64_t shape = random.below(4);
  const size_t alone = random.index(count);
  std::vector<bool> side(count);
  for (size_t i = 0; i < count; ++i) side[i] = random.chance(500);
  std::vector<std::pair<Place, Place>> pairs;
  for (size_t a = 0; a < count; ++a) {
    for (size_t b = 0; b < count; ++b) {
      const bool touches = a == alone || b == alone;
      const bool apart = side[a] != side[b];
      const bool neighbours = (a + 1) % count == b || (b + 1) % count == a;
      const bool is_cut = shape == 0   ? touches
                          : shape == 1 ? apart
                          : shape == 2 ? apart && !touches
                                       : !neighbours;
      if (a != b && is_cut) pairs.emplace_back(members_[a]->place(), members_[b]->place());
    }
  }
  cut_for_a_while(pairs);
}

void Faults::cut_one_way() {
  if (members_.size() < 2) return;
  const Member& from = some_member();
  const bool to_all = world_.random().chance(300);
  const Member& only = some_member();
  std::vector<std::pair<Place, Place>> pairs;
  for (const auto& to : members_) {
    if (to.get() != &from && (to_all || to.get() == &only)) {
      pairs.emplace_back(from.place(), to->place());
    }
  }
  cut_for_a_while(pairs);
}

void Faults::cut_clients() {
  const Member& member = some_member();
  const bool both = world_.random().chance(700);
  std::vector<std::pair<Place, Place>> pairs;
  for (const auto& client : clients_) {
    if (!world_.random().chance(400)) continue;
    pairs.emplace_back(client->place(), member.place());
    if (both) pairs.emplace_back(member.place(), client->place());
  }
  cut_for_a_while(pairs);
}

void Faults::reset() {
  const std::vector<StreamId> streams = network_.streams();
  if (!streams.empty()) network_.reset(streams[world_.random().index(streams.size())]);
}

// ---- clients -------------------------------------------------------------------------------

void Faults::lose_client() { some_client().lose_connection(); }
void Faults::kill_client() {
  some_client().die(world_.random().between(100 * kMillisecond, 20 * kSecond));
}

}  // namespace topod::sim
