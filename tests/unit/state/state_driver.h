// Requests as clients send them, and a state that evaluates them as one server's replica would:
// with marks, sessions and zxids in order. After every entry the digest is compared with its
// definition.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proto/entry.pb.h"
#include "proto/records.h"
#include "server/state/evaluate.h"

namespace topod::state {

struct Request {
  OpCode op = OpCode::kError;
  std::string body;
};

inline const std::vector<AclEntry> kOpenAclRequest = {{kPermAll, "world", "anyone"}};

struct Creation {
  int32_t flags = 0;
  std::vector<AclEntry> acl = kOpenAclRequest;
  int64_t ttl_ms = -1;
  OpCode op = OpCode::kCreate;
};
[[nodiscard]] Request create(NullableBytes path, NullableBytes data = std::string_view{},
                             const Creation& how = {});
[[nodiscard]] Request create_with(OpCode op, NullableBytes path, int32_t flags,
                                  int64_t ttl_ms = -1);
[[nodiscard]] Request remove(NullableBytes path, int32_t version = kAnyVersion);
[[nodiscard]] Request set_data(NullableBytes path, NullableBytes data,
                               int32_t version = kAnyVersion);
[[nodiscard]] Request set_acl(NullableBytes path, const std::vector<AclEntry>& acl,
                              int32_t version = kAnyVersion);
[[nodiscard]] Request check(NullableBytes path, int32_t version = kAnyVersion);
[[nodiscard]] Request multi(const std::vector<Request>& operations);

// One result of a multi.
struct MultiResult {
  int32_t type = 0;
  int32_t error = 0;
  std::string path;
  Stat stat;
};
// Decodes the body of a multi's reply, end marker included.
[[nodiscard]] std::vector<MultiResult> multi_results(std::string_view body);
[[nodiscard]] std::vector<int32_t> multi_errors(std::string_view body);

struct ToldEvent {
  EventType type;
  std::string path;
  bool operator==(const ToldEvent&) const = default;
};

class StateDriver {
 public:
  static constexpr ServerId kServer{3};
  static constexpr Incarnation kIncarnation{0xabcdef};

  StateDriver();

  // Gives the entry time, origin and number, and evaluates it.
  const Effects& evaluate(entry::Entry entry);
  // For the leader's own entries, and to give origin and number by hand.
  const Effects& evaluate_as_is(entry::Entry entry);

  SessionId open_session(ConnectionId connection, std::string_view secret = "0123456789abcdef");
  // A write of `session` through the connection it was opened on.
  ErrorCode write(const Request& request);
  ErrorCode write_of(SessionId session, ConnectionId connection, const Request& request);
  const Effects& close_session(SessionId session, ConnectionId connection);

  [[nodiscard]] Stat stat(std::string_view path) const;
  [[nodiscard]] std::string data(std::string_view path) const;
  [[nodiscard]] bool exists(std::string_view path) const;
  [[nodiscard]] std::vector<std::string> children(std::string_view path) const;
  [[nodiscard]] const NodeFields& fields(std::string_view path) const;
  [[nodiscard]] std::vector<ToldEvent> events() const;
  // Of the last successful create.
  [[nodiscard]] std::string created_path() const;

  State state = State::initial();
  Effects effects;
  std::vector<std::pair<Zxid, std::string>> log;  // entries as they would lie in the log

  // What the next writes are sent with.
  SessionId session;
  ConnectionId connection{1};
  std::vector<AuthId> ids = {{"ip", "127.0.0.1"}};
  bool skip_acl = false;
  bool enforce_quota = false;
  bool ttl_enabled = true;
  int64_t time_ms = 1'000'000;
  int64_t next_zxid = 1;
  uint64_t forward_number = 0;
};

}  // namespace topod::state
