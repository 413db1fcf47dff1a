#include "tests/sim/witness.h"

#include <algorithm>
#include <cstdlib>

#include "proto/jute.h"

namespace topod::sim {

namespace {

std::pair<std::string, std::string> split(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

bool is_queue(const std::string& path) {
  return std::any_of(std::begin(kFences), std::end(kFences),
                     [&](const Fence& fence) { return path == fence.queue; });
}

}  // namespace

bool concerns(WatchKind kind, EventType type) {
  switch (type) {
    case EventType::kNodeDeleted: return true;
    case EventType::kNodeCreated:
    case EventType::kNodeDataChanged: return kind == WatchKind::kData;
    case EventType::kNodeChildrenChanged: return kind == WatchKind::kChild;
    case EventType::kNone: break;
  }
  return false;
}

void Witness::start(const state::State& state) {
  state.tree.for_each_in_subtree(state.tree.root(), [&](state::NodeSlot slot) {
    appeared(state, slot, Zxid{});
    return true;
  });
}

std::string Witness::evaluated(const state::State& state, Zxid zxid,
                               const state::Effects& effects) {
  // Those that are gone first: a new znode may have the path of an old one.
  for (const NodeId id : state.changes.nodes) {
    if (state.tree.by_id(id) == state::kNoNode) vanished(id, zxid);
  }
  for (const NodeId id : state.changes.nodes) {
    const state::NodeSlot slot = state.tree.by_id(id);
    if (slot != state::kNoNode) appeared(state, slot, zxid);
  }
  for (const state::TreeEvent& event : effects.events) {
    pasts_[std::string(effects.path_of(event))].events.push_back({zxid, event.type});
  }
  if (effects.closed_session != SessionId{}) {
    const auto owned = owned_.find(effects.closed_session);
    if (owned != owned_.end() && !owned->second.empty()) {
      return "an ephemeral znode outlived its session: " + paths_[*owned->second.begin()];
    }
  }
  for (const Fence& fence : kFences) {
    if (std::string what = lock_used(fence, zxid); !what.empty()) return what;
  }
  return {};
}

// Mutual exclusion: nobody whom it excludes stands before the holder, and none that came after it
// has held the lock before.
std::string Witness::lock_used(const Fence& fence, Zxid zxid) {
  const auto fenced = pasts_.find(fence.fenced);
  if (fenced == pasts_.end()) return {};
  const Version& version = fenced->second.versions.back();
  if (version.zxid != zxid || version.data.empty() || version.stat.version == 0) return {};
  ++locks_used_;
  const bool reads = version.data.front() == 'r';
  const int64_t holder = std::strtoll(version.data.c_str() + (reads ? 1 : 0), nullptr, 10);
  int64_t& last_holder = last_holders_[fence.fenced];
  if (!reads && holder < last_holder) {
    return "a lock's holder comes after one that stood behind it";
  }
  if (!reads) last_holder = holder;
  for (const auto& [born, name] : queues_[fence.queue]) {
    if (born.value() == holder) return {};
    const bool is_beside =
        name.find("__READ__") != std::string::npos || name.find("__rlock__") != std::string::npos;
    if (reads && is_beside) continue;
    return "the lock is used by somebody who is not the first in its queue";
  }
  return "the lock is used by somebody who is not in its queue";
}

std::string Witness::somebody_waiting() const {
  for (const auto& [queue, places] : queues_) {
    if (!places.empty()) return queue + "/" + places.begin()->second;
  }
  return {};
}

void Witness::appeared(const state::State& state, state::NodeSlot slot, Zxid zxid) {
  const NodeId id = state.tree.fields(slot).id;
  const auto [known, is_new] = paths_.try_emplace(id);
  if (is_new) known->second = state.tree.path(slot);
  const std::string& path = known->second;
  const auto data = state.tree.data(slot);
  pasts_[path].versions.push_back(
      {zxid, true, state.tree.stat(slot), std::string(data.value_or(std::string_view{}))});
  if (!is_new || path == "/") return;
  if (state.tree.fields(slot).kind == state::NodeKind::kEphemeral) {
    owned_[SessionId(state.tree.fields(slot).owner_or_ttl_ms)].insert(id);
  }
  const auto [parent, name] = split(path);
  pasts_[parent].children[name].push_back({zxid, Zxid{}});
  if (is_queue(parent)) queues_[parent].emplace(zxid, name);
}

void Witness::vanished(NodeId id, Zxid zxid) {
  const auto known = paths_.find(id);
  if (known == paths_.end()) return;  // came and went within the entry, or is named twice
  Past& past = pasts_[known->second];
  const SessionId owner(past.versions.back().stat.ephemeral_owner);
  if (const auto owned = owned_.find(owner); owned != owned_.end()) owned->second.erase(id);
  past.versions.push_back({zxid, false, {}, {}});
  const auto [parent, name] = split(known->second);
  Life& life = pasts_[parent].children[name].back();
  life.died = zxid;
  if (is_queue(parent)) queues_[parent].erase(life.born);
  paths_.erase(known);
}

const Witness::Version* Witness::version_at(const std::string& path, Zxid zxid) const {
  const auto past = pasts_.find(path);
  if (past == pasts_.end()) return nullptr;
  const auto& versions = past->second.versions;
  const auto after =
      std::upper_bound(versions.begin(), versions.end(), zxid,
                       [](Zxid wanted, const Version& version) { return wanted < version.zxid; });
  return after == versions.begin() ? nullptr : &*(after - 1);
}

bool Witness::existed(const std::string& path, Zxid zxid) const {
  const Version* version = version_at(path, zxid);
  return version != nullptr && version->exists;
}

Witness::Answer Witness::expected(OpCode op, const std::string& path, Zxid zxid) const {
  Answer answer;
  const Version* version = version_at(path, zxid);
  if (version == nullptr || !version->exists) {
    answer.error = ErrorCode::kNoNode;
    return answer;
  }
  JuteWriter out(answer.body);
  if (op == OpCode::kGetData) out.write_buffer(version->data);
  if (op == OpCode::kGetChildren || op == OpCode::kGetChildren2) {
    std::vector<std::string_view> names;
    for (const auto& [name, lives] : pasts_.at(path).children) {
      if (std::any_of(lives.begin(), lives.end(), [&](const Life& life) {
            return life.born <= zxid && (life.died == Zxid{} || life.died > zxid);
          })) {
        names.push_back(name);
      }
    }
    write_strings(out, names);
  }
  if (op != OpCode::kGetChildren) version->stat.write(out);
  return answer;
}

std::optional<Witness::Event> Witness::first_event(WatchKind kind, const std::string& path,
                                                   Zxid after) const {
  const auto past = pasts_.find(path);
  if (past == pasts_.end()) return std::nullopt;
  const auto& events = past->second.events;
  auto event = std::upper_bound(events.begin(), events.end(), after,
                                [](Zxid wanted, const Event& e) { return wanted < e.zxid; });
  for (; event != events.end(); ++event) {
    if (concerns(kind, event->type)) return *event;
  }
  return std::nullopt;
}

}  // namespace topod::sim
