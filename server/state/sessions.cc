#include "server/state/sessions.h"

#include <utility>

#include "proto/check.h"

namespace topod::state {

bool equal_in_constant_time(const Secret& expected, std::string_view given) {
  if (given.size() != expected.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference |= static_cast<unsigned>(expected[i] ^ static_cast<uint8_t>(given[i]));
  }
  return difference == 0;
}

const Session* Sessions::find(SessionId id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

Session* Sessions::find(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

Session& Sessions::insert(Session session) {
  const SessionId id = session.id;
  CHECK(session.ephemerals.empty());
  const auto [it, inserted] = sessions_.emplace(id, std::move(session));
  CHECK(inserted);
  return it->second;
}

void Sessions::erase(SessionId id) {
  const auto found = sessions_.find(id);
  CHECK(found != sessions_.end());
  CHECK(found->second.ephemerals.empty());
  sessions_.erase(found);
}

void Sessions::add_ephemeral(Session& session, NodeId node) {
  const bool added = session.ephemerals.insert(node).second;
  CHECK(added);
  ++ephemeral_count_;
}

void Sessions::remove_ephemeral(Session& session, NodeId node) {
  const size_t removed = session.ephemerals.erase(node);
  CHECK(removed == 1);
  --ephemeral_count_;
}

}  // namespace topod::state
