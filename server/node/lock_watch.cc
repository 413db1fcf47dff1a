#include "server/node/lock_watch.h"

#include <algorithm>

#include "server/node/path_prefix.h"
#include "server/node/text.h"

namespace topod::node {

namespace {

constexpr size_t kSequenceDigits = 10;

bool is_sequential(std::string_view name) {
  return name.size() >= kSequenceDigits && std::all_of(name.end() - kSequenceDigits, name.end(),
                                                       [](char c) { return c >= '0' && c <= '9'; });
}

// As the shared locks of ZooKeeper's own recipe, of Curator and of kazoo name those that read.
bool is_reader(std::string_view name) {
  for (const std::string_view mark : {"read-", "__READ__", "__rlock__"}) {
    if (name.find(mark) != std::string_view::npos) return true;
  }
  return false;
}

bool is_contender(const state::Tree& tree, state::NodeSlot slot) {
  return tree.fields(slot).kind == state::NodeKind::kEphemeral && is_sequential(tree.name(slot));
}

}  // namespace

LockWatch::Figures& LockWatch::Figures::operator+=(const Figures& other) {
  wait_us += other.wait_us;
  hold_us += other.hold_us;
  released += other.released;
  lost += other.lost;
  given_up += other.given_up;
  return *this;
}

void LockWatch::restart(const state::State& state, int64_t now_us) {
  for (const auto& [directory, queue] : queues_) labels_.release(queue.label);
  queues_.clear();
  parents_.clear();
  std::vector<NodeId> present;
  for (const auto& [id, session] : state.sessions) {
    present.insert(present.end(), session.ephemerals.begin(), session.ephemerals.end());
  }
  std::sort(present.begin(), present.end());
  for (const NodeId id : present) {
    const state::NodeSlot slot = state.tree.by_id(id);
    if (is_contender(state.tree, slot)) appeared(state, slot, now_us, Since::kUnknown, false);
  }
}

void LockWatch::changed(const state::State& state, std::span<const NodeId> nodes, bool counts,
                        int64_t now_us) {
  const state::Tree& tree = state.tree;
  for (const NodeId id : nodes) {
    const state::NodeSlot slot = tree.by_id(id);
    if (slot != state::kNoNode) {
      if (is_contender(tree, slot) && !parents_.contains(id)) {
        appeared(state, slot, now_us, Since::kNow, counts);
      }
      continue;
    }
    const auto known = parents_.find(id);
    if (known != parents_.end()) gone(state, id, known->second, counts, now_us);
  }
}

void LockWatch::appeared(const state::State& state, state::NodeSlot slot, int64_t now_us,
                         Since since, bool counts) {
  if (parents_.size() >= contenders_max_) {
    ++not_followed_;
    return;
  }
  const state::Tree& tree = state.tree;
  const NodeId id = tree.fields(slot).id;
  const NodeId directory = tree.fields(tree.parent(slot)).id;
  const auto [place, is_new] = queues_.try_emplace(directory);
  Queue& queue = place->second;
  if (is_new) {
    const std::string path = tree.path(tree.parent(slot));
    queue.label = labels_.place_of(first_components(path, path_depth_), now_us / 1000);
    labels_.hold(queue.label);
  }
  parents_.emplace(id, directory);
  Contender contender;
  contender.is_reader = is_reader(tree.name(slot));
  contender.session = SessionId(tree.fields(slot).owner_or_ttl_ms);
  if (since == Since::kNow) contender.since_us = now_us;
  const auto it = queue.contenders.emplace(id, contender).first;
  grant(queue, it, contender.since_us, counts);
}

void LockWatch::gone(const state::State& state, NodeId id, NodeId parent, bool counts,
                     int64_t now_us) {
  const auto place = queues_.find(parent);
  Queue& queue = place->second;
  const auto it = queue.contenders.find(id);
  const Contender contender = it->second;
  if (counts) {
    Figures& figures = labels_[queue.label];
    if (!contender.holds) {
      ++figures.given_up;
    } else {
      const bool is_lost = state.sessions.find(contender.session) == nullptr;
      ++(is_lost ? figures.lost : figures.released);
      if (contender.since_us) figures.hold_us.add(now_us - *contender.since_us);
    }
  }
  parents_.erase(id);
  const auto next = queue.contenders.erase(it);
  if (queue.contenders.empty()) {
    labels_.release(queue.label);
    queues_.erase(place);
    return;
  }
  grant(queue, next, now_us, counts);
}

// From this one on, those hold whom nobody before them keeps from it.
void LockWatch::grant(Queue& queue, std::map<NodeId, Contender>::iterator from,
                      std::optional<int64_t> now_us, bool counts) {
  for (auto it = from; it != queue.contenders.end(); ++it) {
    Contender& contender = it->second;
    if (contender.holds) return;  // then those after it have what is theirs
    if (it != queue.contenders.begin()) {
      const Contender& before = std::prev(it)->second;
      const bool may_share = before.holds && before.is_reader && contender.is_reader;
      if (!may_share) return;
    }
    contender.holds = true;
    if (counts && now_us && contender.since_us) {
      labels_[queue.label].wait_us.add(*now_us - *contender.since_us);
    }
    contender.since_us = now_us;
  }
}

std::vector<LockWatch::Present> LockWatch::present(int64_t now_us) const {
  std::vector<Present> all(labels_.slots().size());
  for (const auto& [directory, queue] : queues_) {
    Present& here = all[queue.label];
    for (const auto& [id, contender] : queue.contenders) {
      ++(contender.holds ? here.holders : here.waiters);
      int64_t& longest = contender.holds ? here.longest_hold_us : here.longest_wait_us;
      longest = std::max(longest, now_us - contender.since_us.value_or(now_us));
    }
  }
  return all;
}

}  // namespace topod::node
