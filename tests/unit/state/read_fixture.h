// A small state, made row by row so that every zxid in it is chosen, and requests against it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "proto/records.h"
#include "server/state/read.h"

namespace topod::state {

struct Reply {
  ErrorCode error = ErrorCode::kOk;
  std::string body;
  std::string events;
};

struct Notification {
  int64_t zxid = 0;
  EventType type = EventType::kNone;
  std::string path;
  bool operator==(const Notification&) const = default;
};

// Cuts the frames of `events` apart.
std::vector<Notification> parse_notifications(std::string_view events);

template <class Request, class... Extra>
std::string encode(const Request& request, Extra... extra) {
  std::string body;
  JuteWriter writer(body);
  request.write(writer, extra...);
  return body;
}

class ReadTest : public ::testing::Test {
 protected:
  static constexpr ConnectionId kConnection{7};
  static constexpr SessionId kSession{100};

  ReadTest();

  // Adds a znode with czxid, mzxid and pzxid as given (pzxid also goes to its parent).
  NodeSlot add(std::string_view path, NullableBytes data, int64_t zxid,
               const Acl& acl = world_acl(kPermAll));
  NodeSlot add_ephemeral(std::string_view path, SessionId session, int64_t zxid);
  Session& session_of(SessionId id);  // made if it is new
  void set_mzxid(std::string_view path, int64_t zxid);

  Reply ask(OpCode op, std::string_view body);
  Reply ask_path(OpCode op, NullableBytes path, bool watch = false) {
    return ask(op, encode(PathWatchRequest{path, watch}));
  }
  Reply ask_mode(OpCode op, NullableBytes path, int32_t mode) {
    return ask(op, encode(PathModeRequest{path, mode}));
  }
  std::vector<ConnectionId> fire(EventType type, std::string_view path);

  State state_ = State::initial();
  Watches watches_;
  std::vector<AuthId> ids_ = {{"ip", "127.0.0.1"}};
  bool skip_acl_ = false;
  uint32_t watch_limit_ = 0;
  std::string config_node_data_;
};

}  // namespace topod::state
