#include "tests/sim/ambushes.h"

#include <algorithm>
#include <array>
#include <utility>

namespace topod::sim {

namespace {
// As the members are configured (Member::replica_config).
constexpr int64_t kSyncLimitUs = 5 * kSecond;
// A disk that owes something for longer makes its member ineligible.
constexpr int64_t kStallUs = 2 * kSecond;
}  // namespace

void Ambushes::begin() {
  const std::array<std::pair<bool, Strike>, 8> strikes = {{
      {menu_.leader_losses, &Ambushes::lose_leader},
      {menu_.short_reigns, &Ambushes::cut_down_leader},
      {menu_.short_reigns, &Ambushes::begin_storm},
      {menu_.lone_leaders, &Ambushes::isolate_leader},
      {menu_.late_followers, &Ambushes::bring_back_follower},
      {menu_.stalled_successors, &Ambushes::stall_successors},
      {menu_.broken_links, &Ambushes::break_link},
      {menu_.late_returns, &Ambushes::return_late},
  }};
  for (const auto& [is_on, strike] : strikes) {
    if (is_on) schedule(strike);
  }
  const bool looks = menu_.discovery_crashes || menu_.sync_ambushes || menu_.short_reigns ||
                     menu_.late_followers || menu_.install_crashes || menu_.torn_flushes;
  if (!looks) return;
  for (const auto& member : mischief_.members()) {
    member->set_onlooker([this, one = member.get()] { look_at(*one); });
  }
}

void Ambushes::schedule(Strike strike) {
  mischief_.later(menu_.pause_mean_us / 4, menu_.pause_mean_us * 7 / 4, [this, strike] {
    (this->*strike)();
    schedule(strike);
  });
}

std::vector<Member*> Ambushes::other_voters(const Member& member) const {
  std::vector<Member*> others;
  for (const auto& other : mischief_.members()) {
    if (other.get() != &member && !other->is_observer()) others.push_back(other.get());
  }
  return others;
}

// ---- by the clock --------------------------------------------------------------------------

// The leader loses its power and is soon back without what it had not made durable, while one of
// the others, who may have it, is away for longer: the rest must not have been promised anything.
void Ambushes::lose_leader() {
  Member* const leader = mischief_.leader();
  if (leader == nullptr) return;
  mischief_.away_for_a_while(*leader, Stop::kPower, 5 * kMillisecond, 300 * kMillisecond);
  Member& second = mischief_.some_member();
  if (!second.is_running()) return;
  if (mischief_.random().chance(500)) {
    mischief_.away_for_a_while(second, some_stop(), kSecond, 8 * kSecond);
  } else {
    second.pause();
    mischief_.later(kSecond, 8 * kSecond, [&second] { second.resume(); });
  }
}

// What a leader has proposed last is on its own disk alone when it loses its power.
void Ambushes::cut_down_leader() {
  Member* const leader = mischief_.leader();
  if (leader != nullptr) end_reign(*leader);
}

void Ambushes::end_reign(Member& member) {
  const Cuts cuts = mischief_.cuts_around(member, false);
  mischief_.cut_for_a_while(cuts, 500 * kMillisecond, 3 * kSecond);
  const Stop kind = mischief_.random().chance(700) ? Stop::kPower : Stop::kProcess;
  const int64_t away_us = mischief_.random().chance(500) ? 300 * kMillisecond : 4 * kSecond;
  mischief_.later(1 * kMillisecond, 60 * kMillisecond, [this, &member, cuts, kind, away_us] {
    mischief_.away_for_a_while(member, kind, 5 * kMillisecond, away_us);
    mischief_.heal(cuts);
  });
}

void Ambushes::begin_storm() {
  storm_until_us_ = mischief_.world().now_us() + mischief_.random().between(1, 8) * kSecond;
}

// Out of reach of the others it finds out no sooner than they do that they have another, and if it
// or its clock stands still meanwhile, later.
void Ambushes::isolate_leader() {
  Member* const leader = mischief_.leader();
  if (leader == nullptr) return;
  mischief_.cut_for_a_while(mischief_.cuts_around(*leader, true), kSyncLimitUs, 2 * kSyncLimitUs);
  if (mischief_.random().chance(400)) {
    leader->stop_clock(mischief_.random().between(1, 8) * kSecond);
    return;
  }
  mischief_.later(0, 300 * kMillisecond, [this, leader] {
    leader->pause();
    mischief_.later(kSyncLimitUs - 100 * kMillisecond, kSyncLimitUs + 700 * kMillisecond,
                    [leader] { leader->resume(); });
  });
}

// A follower comes back to a leader that it makes a quorum with, for the others have just become
// deaf: `look_at_return` strikes while it is being synchronised.
void Ambushes::bring_back_follower() {
  Member* const leader = mischief_.leader();
  if (leader == nullptr) return;
  std::vector<Member*> others = other_voters(*leader);
  if (others.size() < 2) return;
  std::swap(others.front(), others[mischief_.random().index(others.size())]);
  Member* const back = others.front();
  if (!back->is_running()) return;
  back->crash(Stop::kProcess);
  Cuts cuts;
  for (size_t i = 1 + (others.size() - 2) / 2; i < others.size(); ++i) {
    cuts.emplace_back(leader->place(), others[i]->place());
  }
  mischief_.later(50 * kMillisecond, 800 * kMillisecond, [this, leader, back, cuts] {
    mischief_.cut_for_a_while(cuts, 500 * kMillisecond, 2 * kSecond);
    awaited_ = back;
    awaiting_ = leader;
    mischief_.later(0, 100 * kMillisecond, [back] { back->start(); });
  });
}

// A follower's link breaks and comes again while what it has forwarded waits for slow disks.
void Ambushes::break_link() {
  Member* const leader = mischief_.leader();
  if (leader == nullptr) return;
  const Member& follower = mischief_.some_member();
  for (const auto& member : mischief_.members()) {
    if (member.get() == &follower) continue;
    mischief_.slow_disk_for_a_while(*member, {100 * kMillisecond, kSecond}, 300 * kMillisecond,
                                    800 * kMillisecond);
  }
  for (int times = 0; times < 3; ++times) {
    mischief_.later(20 * kMillisecond, 800 * kMillisecond, [this, leader, &follower] {
      mischief_.network().reset_all(leader->place(), follower.place());
    });
  }
}

// Those who know what the leader has committed are stuck with their disks when it dies, so that one
// is elected who knows less; then their disks go on.
void Ambushes::stall_successors() {
  Member* const leader = mischief_.leader();
  if (leader == nullptr) return;
  std::vector<Member*> others = other_voters(*leader);
  if (others.size() < 2) return;
  std::swap(others.front(), others[mischief_.random().index(others.size())]);
  const size_t half = others.size() / 2;
  Cuts cuts;
  for (size_t i = 0; i < half; ++i) cuts.emplace_back(leader->place(), others[i]->place());
  mischief_.cut_for_a_while(cuts, kSyncLimitUs, 2 * kSyncLimitUs);
  const std::vector<Member*> stalled(others.begin() + static_cast<std::ptrdiff_t>(half),
                                     others.end());
  mischief_.later(50 * kMillisecond, 600 * kMillisecond, [this, leader, stalled, cuts] {
    const DiskSpeed stuck{kStallUs + 400 * kMillisecond, 2 * kStallUs};
    for (Member* member : stalled) {
      mischief_.slow_disk_for_a_while(*member, stuck, kStallUs, kStallUs + 500 * kMillisecond);
    }
    mischief_.later(kStallUs + 50 * kMillisecond, kStallUs + 400 * kMillisecond,
                    [this, leader, cuts] {
                      mischief_.away_for_a_while(*leader, some_stop(), 2 * kSecond, 8 * kSecond);
                      mischief_.heal(cuts);
                    });
  });
}

// A client comes back when its session is about to expire, and the disks are in no hurry.
void Ambushes::return_late() {
  Client& client = mischief_.some_client();
  const int64_t away_us =
      client.timeout_us() + mischief_.random().between(-100, 1'300) * kMillisecond;
  if (!client.is_live()) return;
  client.lose_connection(away_us);
  const int64_t slow_us = away_us - 400 * kMillisecond;
  mischief_.later(slow_us, slow_us, [this] {
    for (const auto& member : mischief_.members()) {
      mischief_.slow_disk_for_a_while(*member, {50 * kMillisecond, 1'500 * kMillisecond},
                                      500 * kMillisecond, 900 * kMillisecond);
    }
  });
}

// ---- after each turn -----------------------------------------------------------------------

void Ambushes::look_at(Member& member) {
  if (mischief_.is_over()) return;
  const zab::Leader* leader = member.replica()->leading();
  if (leader != nullptr && menu_.short_reigns) look_at_reign(member, *leader);
  if (leader != nullptr && &member == awaiting_) look_at_return(member, *leader);
  if (mischief_.world().now_us() < next_look_us_) return;
  if (menu_.torn_flushes) look_at_flush(member);
  if (menu_.install_crashes) look_at_install(member);
  if (leader != nullptr) {
    if (menu_.sync_ambushes) look_at_leader(member, *leader);
  } else if (menu_.discovery_crashes) {
    look_at_promise(member);
  }
}

// In a storm many leaders fall as they have been promised their epoch and hold what others do not,
// and as they are established, before anybody has heard what they propose.
void Ambushes::look_at_reign(Member& member, const zab::Leader& leader) {
  auto& seen = reigns_[&member];
  const std::pair now{leader.epoch(), leader.phase()};
  if (seen == now) return;
  seen = now;
  if (mischief_.world().now_us() > storm_until_us_ || !mischief_.random().chance(400)) return;
  const bool is_promised = leader.phase() == zab::Leader::Phase::kPromising &&
                           member.replica()->history().unapplied() > 0;
  if (is_promised || leader.established()) end_reign(member);
}

void Ambushes::look_at_return(Member& member, const zab::Leader& leader) {
  const auto learner = leader.learners().find(awaited_->id());
  if (learner == leader.learners().end() || learner->second.phase < zab::Learner::Phase::kSyncing) {
    return;
  }
  Member& back = *mischief_.members()[awaited_->id().value() - 1];
  awaited_ = awaiting_ = nullptr;
  mischief_.later(0, 4 * kMillisecond, [this, &member] {
    mischief_.away_for_a_while(member, Stop::kPower, kSecond, 6 * kSecond);
  });
  if (mischief_.random().chance(300)) return;
  mischief_.later(0, 4 * kMillisecond, [this, &back] {
    mischief_.away_for_a_while(back, Stop::kPower, 1 * kMillisecond, 100 * kMillisecond);
  });
}

// Who has promised an epoch and not yet made it current dies, and comes back at once, out of reach
// of one of the others: it must not promise the same to the next.
void Ambushes::look_at_promise(Member& member) {
  const zab::Promises& promises = member.replica()->promises();
  if (promises.accepted_epoch == promises.current_epoch || !mischief_.random().chance(100)) return;
  next_look_us_ = mischief_.world().now_us() + menu_.pause_mean_us / 4;
  mischief_.later(0, 3 * kMillisecond, [this, &member] {
    mischief_.away_for_a_while(member, some_stop(), 1 * kMillisecond, 100 * kMillisecond);
    const Member& other = mischief_.some_member();
    if (&other == &member) return;
    mischief_.cut_for_a_while({{member.place(), other.place()}, {other.place(), member.place()}});
  });
}

// While a follower is being synchronised, others hear nothing of what the leader goes on to
// propose, and then the leader is gone, and perhaps the follower's power too: what was committed
// meanwhile must not have counted on it too early.
void Ambushes::look_at_leader(Member& member, const zab::Leader& leader) {
  Member* syncing = nullptr;
  for (const auto& [server, learner] : leader.learners()) {
    if (learner.phase >= zab::Learner::Phase::kSyncing &&
        learner.phase <= zab::Learner::Phase::kActive) {
      syncing = mischief_.members()[server.value() - 1].get();
    }
  }
  if (syncing == nullptr || !mischief_.random().chance(150)) return;
  next_look_us_ = mischief_.world().now_us() + menu_.pause_mean_us / 4;
  Cuts cuts;
  for (const auto& other : mischief_.members()) {
    if (other.get() == syncing || other.get() == &member) continue;
    cuts.emplace_back(member.place(), other->place());
  }
  if (leader.established() && mischief_.random().chance(700)) mischief_.cut_for_a_while(cuts);
  mischief_.later(0, 60 * kMillisecond, [this, &member] {
    mischief_.away_for_a_while(member, Stop::kPower, kSecond, 6 * kSecond);
  });
  if (mischief_.random().chance(500)) return;
  mischief_.later(0, 60 * kMillisecond, [this, syncing] {
    mischief_.away_for_a_while(*syncing, Stop::kPower, 1 * kMillisecond, 100 * kMillisecond);
  });
}

// The tree is announced in the log, and what makes it count is not there yet.
void Ambushes::look_at_install(Member& member) {
  const zab::Follower* follower = member.replica()->following();
  if (follower == nullptr || !follower->is_installing() || !mischief_.random().chance(700)) return;
  next_look_us_ = mischief_.world().now_us() + menu_.pause_mean_us / 4;
  mischief_.later(0, 2 * kMillisecond, [this, &member] {
    mischief_.away_for_a_while(member, some_stop(), 1 * kMillisecond, 100 * kMillisecond);
  });
}

// The power fails in the middle of a write of several blocks, and again when a few short ones have
// followed it.
void Ambushes::look_at_flush(Member& member) {
  if (member.flushing_bytes() <= limits::kBatchAlignBytes || !mischief_.random().chance(300)) {
    return;
  }
  next_look_us_ = mischief_.world().now_us() + menu_.pause_mean_us / 4;
  mischief_.later(0, 100, [this, &member] {
    mischief_.away_for_a_while(member, Stop::kPower, 1 * kMillisecond, 100 * kMillisecond);
    mischief_.later(110 * kMillisecond, 600 * kMillisecond, [this, &member] {
      mischief_.away_for_a_while(member, some_stop(), 1 * kMillisecond, 100 * kMillisecond);
    });
  });
}

}  // namespace topod::sim
