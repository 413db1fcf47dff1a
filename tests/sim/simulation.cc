#include "tests/sim/simulation.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/faults.h"
#include "tests/sim/history.h"
#include "tests/sim/lock_client.h"
#include "tests/sim/member.h"
#include "tests/sim/network.h"

namespace topod::sim {

namespace {

constexpr size_t kClients = 20;
constexpr size_t kLockClients = 3;
// In a world of locks.
constexpr size_t kClientsBeside = 1;
constexpr size_t kLockClientsMany = 8;
constexpr int64_t kLockWorldUs = 600 * kSecond;
// Healed, a majority has a leader within this time, and everything is answered within that.
constexpr int64_t kLeaderWithinUs = 10 * kSecond;
constexpr int64_t kAnsweredWithinUs = 60 * kSecond;
constexpr int64_t kGlanceUs = 100 * kMillisecond;
constexpr uint64_t kInvariantsAlwaysEvery = 10;  // worlds
constexpr int64_t kStandstillMaxUs = 31 * kSecond;

// All that is drawn before anything happens.
struct Shape {
  Shape(Random& random, const SimulationOptions& options) {
    const uint64_t die = random.below(10);
    members = options.members != 0 ? options.members : die < 1 ? 1 : die < 7 ? 3 : 5;
    if (members > 1 && random.chance(250)) observers = 1 + random.index(2);
    safety_us = random.between(35, 55) * kSecond;
    workload.pause_max_us = random.between(100, 350) * kMillisecond;
    workload.burst_max = 1 + random.below(6);
    workload.write_per_mille = static_cast<uint64_t>(random.between(300, 900));
    workload.watch_per_mille = static_cast<uint64_t>(random.between(0, 500));
    workload.large_per_mille = random.chance(300) ? 30 : 0;
    workload.registers = random.index(20) + 2;
    workload.timeout_ms = static_cast<int32_t>(random.between(4, 10)) * 1'000;
    network.delay_max_us = random.chance(300) ? 20'000 : 600;
    disk.flush_max_us = random.chance(300) ? 20'000 : 1'500;
    // Short logs: who was away needs a whole tree. Short batches: much happens between flushes.
    if (random.chance(300)) retain_bytes = segment_bytes = size_t{128} * 1024;
    if (random.chance(300)) batch_records = 1 + random.index(8);
    read_only_service = random.chance(400);
    draw_voters(random);
    faults = FaultMenu::draw(random);
    if (!options.locks) return;
    clients = kClientsBeside;
    lock_clients = kLockClientsMany;
    safety_us = kLockWorldUs;
  }

  // Mostly all are equal; in some worlds they have weights, or stand in groups.
  void draw_voters(Random& random) {
    const bool is_weighted = random.chance(120);
    const bool is_grouped = members == 5 && random.chance(200);
    for (size_t i = 1; i <= members; ++i) {
      zab::Voter& voter = voters.emplace_back();
      voter.id = ServerId(static_cast<uint32_t>(i));
      if (is_weighted) voter.weight = 1 + static_cast<uint32_t>(random.index(3));
      if (is_grouped) voter.group = static_cast<uint32_t>(random.index(3));
    }
  }

  size_t members = 1;  // that vote
  std::vector<zab::Voter> voters;
  size_t observers = 0;
  size_t clients = kClients;
  size_t lock_clients = kLockClients;
  int64_t safety_us = 0;
  Workload workload;
  NetworkSpeed network;
  DiskSpeed disk;
  size_t segment_bytes = size_t{256} * 1024;
  size_t retain_bytes = size_t{1} * 1024 * 1024;
  size_t batch_records = 256;
  bool read_only_service = false;
  FaultMenu faults;
};

class Simulation {
 public:
  Simulation(uint64_t seed, const SimulationOptions& options)
      : world_(seed, options.trace),
        shape_(world_.random(), options),
        network_(world_),
        history_(world_),
        quorum_(shape_.voters),
        durable_logs_(world_, quorum_) {
    network_.set_speed(shape_.network);
    ensemble_.observers = shape_.observers;
    ensemble_.voters = shape_.voters;
    ensemble_.segment_bytes = shape_.segment_bytes;
    ensemble_.retain_bytes = shape_.retain_bytes;
    ensemble_.batch_records = shape_.batch_records;
    ensemble_.read_only_service = shape_.read_only_service;
    if (seed % kInvariantsAlwaysEvery == 0) ensemble_.turns_per_invariants = 1;
    for (size_t i = 1; i <= shape_.members + shape_.observers; ++i) {
      ensemble_.members.emplace_back(static_cast<uint32_t>(i));
    }
    std::vector<Place> places;
    for (const ServerId id : ensemble_.members) {
      members_.push_back(
          std::make_unique<Member>(world_, network_, history_, durable_logs_, ensemble_, id));
      members_.back()->disk_speed() = shape_.disk;
      places.push_back(members_.back()->place());
    }
    Place place = kFirstClient;
    for (size_t i = 0; i < shape_.clients; ++i) {
      clients_.push_back(
          std::make_unique<Client>(world_, network_, history_, place++, places, shape_.workload));
    }
    const bool suffers = options.locks || !shape_.faults.is_empty();
    for (size_t i = 0; i < shape_.lock_clients; ++i) {
      lock_clients_.push_back(std::make_unique<LockClient>(
          world_, network_, history_, place++, places, shape_.workload.timeout_ms, suffers));
    }
  }

  Outcome run() {
    history_.set_calm(shape_.faults.is_empty());
    Faults faults(world_, network_, members_, clients_, quorum_, shape_.faults);
    for (const auto& member : members_) member->start();
    for (const auto& client : clients_) client->start();
    for (const auto& client : lock_clients_) client->start();
    faults.begin();
    if (world_.run_until(shape_.safety_us)) heal(faults);
    return outcome();
  }

 private:
  void heal(Faults& faults) {
    draw_core();
    faults.heal(core_);
    for (const auto& client : clients_) client->use_servers(core_places());
    for (const auto& client : lock_clients_) {
      client->heal();
      client->use_servers(core_places());
    }
    const bool is_led = run_until(kLeaderWithinUs, [&] { return is_led_everywhere(); });
    if (!is_led) return complain("no leader serves " + std::to_string(core_.size()) + " members");
    // A little more work, for which nothing may stand in the way.
    world_.run_until(world_.now_us() + 2 * kSecond);
    for (const auto& client : clients_) client->stop_asking();
    for (const auto& client : lock_clients_) client->stop_asking();
    const bool is_answered = run_until(kAnsweredWithinUs, [&] { return is_quiet(); });
    if (!is_answered) return complain(describe_waiting());
    expire_the_dead();
    survive_blackout(faults);
  }

  // The sessions of those who are no more end within their timeout and two ticks; time in which the
  // leader stood still or its disk was full does not count.
  void expire_the_dead() {
    world_.run_until(world_.now_us() + shape_.workload.timeout_ms * kMillisecond +
                     3 * ensemble_.tick_ms * kMillisecond +
                     (shape_.faults.is_empty() ? 0 : kStandstillMaxUs));
    std::set<SessionId> alive;
    for (const auto& client : clients_) alive.insert(client->session());
    for (const auto& client : lock_clients_) alive.insert(client->session());
    for (const auto& [id, session] : history_.reference().sessions) {
      if (!alive.contains(id)) complain("session " + text_of(Zxid(id.value())) + " lives on");
    }
    // All have left their queues, or ended.
    const std::string left = history_.witness().somebody_waiting();
    if (!left.empty()) complain("nobody knows of the place in a queue " + left);
  }

  // What was answered is on the disks of a majority, and nowhere else need it be.
  void survive_blackout(Faults& faults) {
    const size_t entries = history_.size();
    for (const size_t i : core_) members_[i]->crash(Stop::kPower);
    faults.heal(core_);
    const bool is_back = run_until(kLeaderWithinUs, [&] {
      return is_led_everywhere() && std::all_of(core_.begin(), core_.end(), [&](size_t i) {
               return members_[i]->applied_count() >= entries;
             });
    });
    if (!is_back) complain("the core does not come back from a blackout with all that it had");
  }

  // All, or fewer with a quorum of those who vote.
  void draw_core() {
    for (size_t i = 0; i < members_.size(); ++i) core_.push_back(i);
    while (world_.random().chance(400)) {
      std::vector<size_t> fewer = core_;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(world_.random().index(fewer.size())));
      const bool suffice = quorum_.reached([&](ServerId id) {
        const size_t i = id.value() - 1;
        // What has decayed will not vote after the next start.
        return members_[i]->is_voter() && !members_[i]->is_rotten() &&
               std::find(fewer.begin(), fewer.end(), i) != fewer.end();
      });
      if (!suffice) return;
      core_ = fewer;
    }
  }
  [[nodiscard]] std::vector<Place> core_places() const {
    std::vector<Place> places;
    for (const size_t i : core_) places.push_back(members_[i]->place());
    return places;
  }

  template <class Condition>
  bool run_until(int64_t within_us, Condition condition) {
    const int64_t deadline_us = world_.now_us() + within_us;
    while (!condition()) {
      if (world_.now_us() >= deadline_us) return false;
      if (!world_.run_until(world_.now_us() + kGlanceUs)) return true;  // spoken already
    }
    return true;
  }
  [[nodiscard]] bool is_led_everywhere() const {
    return std::all_of(core_.begin(), core_.end(), [&](size_t i) {
      return members_[i]->is_running() && members_[i]->replica()->serving();
    });
  }
  // Nothing is asked or under way, and all members agree on all of it.
  [[nodiscard]] bool is_quiet() const {
    return std::all_of(clients_.begin(), clients_.end(),
                       [](const auto& c) { return c->is_live() && !c->is_waiting(); }) &&
           std::all_of(lock_clients_.begin(), lock_clients_.end(),
                       [](const auto& c) { return c->is_quiet(); }) &&
           std::all_of(core_.begin(), core_.end(),
                       [&](size_t i) { return members_[i]->applied_count() == history_.size(); });
  }

  void complain(std::string what) {
    if (!world_.violation()) world_.violated("liveness", std::move(what));
  }
  [[nodiscard]] std::string describe_waiting() const {
    for (const auto& client : clients_) {
      if (!client->is_live() || client->is_waiting()) return client->describe() + " still waits";
    }
    for (const auto& client : lock_clients_) {
      if (!client->is_quiet()) return client->describe() + " still waits";
    }
    return "not all members have applied everything";
  }

  Outcome outcome() {
    Outcome outcome;
    outcome.violation = world_.violation();
    outcome.shape = std::to_string(shape_.members) + " members, " +
                    std::to_string(shape_.observers) + " observers" +
                    (is_plain() ? "" : ", weighted") + ", faults: " + shape_.faults.describe();
    outcome.trace_hash = world_.trace().hash();
    outcome.events = world_.events();
    outcome.simulated_us = world_.now_us();
    outcome.entries = history_.size();
    outcome.writes = history_.answered_writes();
    outcome.reads = history_.reads_checked();
    outcome.locks = history_.witness().locks_used();
    return outcome;
  }

  [[nodiscard]] bool is_plain() const {
    return std::all_of(shape_.voters.begin(), shape_.voters.end(), [](const zab::Voter& voter) {
      return voter.weight == 1 && voter.group == 0;
    });
  }

  World world_;
  Shape shape_;
  Network network_;
  History history_;
  zab::Quorum quorum_;
  DurableLogs durable_logs_;
  Ensemble ensemble_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<LockClient>> lock_clients_;
  std::vector<size_t> core_;
};

}  // namespace

Outcome simulate(uint64_t seed, const SimulationOptions& options) {
  return Simulation(seed, options).run();
}

}  // namespace topod::sim
