// Sessions: the replicated table. When one runs out of time is the leader's volatile knowledge
// (expiry.h); that it is closed is a log entry. Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "proto/codes.h"
#include "proto/ids.h"

namespace topod::state {

// The one connection that a session belongs to.
struct Attachment {
  ServerId server;
  Incarnation incarnation;
  ConnectionId connection;
  bool operator==(const Attachment&) const = default;
};

using Secret = std::array<uint8_t, kPasswordBytes>;

// Takes the same time wherever the first difference is.
[[nodiscard]] bool equal_in_constant_time(const Secret& expected, std::string_view given);

struct Session {
  SessionId id;
  int32_t timeout_ms = 0;
  Secret secret{};
  Attachment attachment;
  // Ordered, so that closing removes them in the same order everywhere.
  std::set<NodeId> ephemerals;
};

class Sessions {
 public:
  [[nodiscard]] const Session* find(SessionId id) const;
  [[nodiscard]] Session* find(SessionId id);
  Session& insert(Session session);  // must be new
  void erase(SessionId id);
  [[nodiscard]] size_t size() const { return sessions_.size(); }
  [[nodiscard]] uint64_t ephemeral_count() const { return ephemeral_count_; }
  void add_ephemeral(Session& session, NodeId node);
  void remove_ephemeral(Session& session, NodeId node);

  // In ascending order of id.
  [[nodiscard]] auto begin() const { return sessions_.begin(); }
  [[nodiscard]] auto end() const { return sessions_.end(); }

 private:
  std::map<SessionId, Session> sessions_;
  uint64_t ephemeral_count_ = 0;
};

// What is agreed about one server of the ensemble.
struct Member {
  ServerId server;
  // How far the numbered requests of its present run have been evaluated.
  Incarnation incarnation;
  uint64_t last_number = 0;
  // The data directory that votes for it; zeros: as the ensemble was founded.
  InstanceId instance{};
};

}  // namespace topod::state
