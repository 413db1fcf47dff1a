// What faults and ambushes are made of: machines that stop and come back, cuts that heal, and
// nothing of it any more once `end` was called. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/member.h"
#include "tests/sim/network.h"
#include "tests/sim/world.h"

namespace topod::sim {

using Members = std::vector<std::unique_ptr<Member>>;
using Clients = std::vector<std::unique_ptr<Client>>;
using Cuts = std::vector<std::pair<Place, Place>>;  // from, to

class Mischief {
 public:
  Mischief(World& world, Network& network, Members& members, Clients& clients)
      : world_(world), network_(network), members_(members), clients_(clients) {}

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] Random& random() { return world_.random(); }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] Members& members() { return members_; }
  [[nodiscard]] Clients& clients() { return clients_; }
  [[nodiscard]] Member& some_member() { return *members_[random().index(members_.size())]; }
  [[nodiscard]] Client& some_client() { return *clients_[random().index(clients_.size())]; }
  // nullptr: there is none that is established.
  [[nodiscard]] Member* leader();

  // Does this after a while, unless everything has ended.
  void later(int64_t least_us, int64_t most_us, std::function<void()> action);
  void away_for_a_while(Member& member, Stop kind, int64_t least_us, int64_t most_us);
  void cut_for_a_while(const Cuts& cuts, int64_t least_us = 50 * kMillisecond,
                       int64_t most_us = 12 * kSecond);
  void heal(const Cuts& cuts);
  void slow_disk_for_a_while(Member& member, const DiskSpeed& speed, int64_t least_us,
                             int64_t most_us);
  // From a member to all others, or both ways.
  [[nodiscard]] Cuts cuts_around(const Member& member, bool both_ways) const;

  void end() { is_over_ = true; }
  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  World& world_;
  Network& network_;
  Members& members_;
  Clients& clients_;
  bool is_over_ = false;
};

}  // namespace topod::sim
