// Random histories of writes, reads and watches of several connections: every answer, and every
// event that each connection hears of, is that of the naive models.
#include <algorithm>
#include <array>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/state/naive_reads.h"

namespace topod::state {
namespace {

constexpr int kHistories = 20;
constexpr int kStepsPerHistory = 1'500;
constexpr size_t kConnections = 4;

// How often each came up: a comparison that only ever sees refusals shows nothing.
struct Outcomes {
  std::map<std::pair<OpCode, ErrorCode>, int> reads;
  std::map<EventType, int> events;
  int catch_up_events = 0;
  int filtered = 0;
};

template <class Record, class... Options>
Request request_of(OpCode op, const Record& record, Options... options) {
  Request request{op, {}};
  JuteWriter out(request.body);
  record.write(out, options...);
  return request;
}

class History {
 public:
  History(uint32_t seed, Outcomes& outcomes);
  void step();

 private:
  struct Client {
    ConnectionId connection;
    SessionId session;
    std::vector<AuthId> ids;
    std::vector<Notification> heard;     // from the real watches
    std::vector<Notification> expected;  // from the naive ones
  };

  uint32_t below(size_t bound) { return static_cast<uint32_t>(random_() % bound); }
  bool one_in(uint32_t bound) { return below(bound) == 0; }
  Client& any_client() { return clients_[below(clients_.size())]; }
  std::string any_path();
  std::vector<AclEntry> any_acl();
  Request any_operation(bool in_multi);
  Request any_write();
  Request any_read();
  Request any_set_watches();

  void read_as(Client& client);
  void write_as(Client& client);
  void end_session(Client& client);
  void reconnect(Client& client);
  void deliver(const std::vector<NaiveEvent>& events);
  void compare_heard(bool in_order);

  std::mt19937 random_;
  Outcomes& outcomes_;
  StateDriver driver_;
  NaiveTree tree_;
  Watches watches_;
  NaiveWatches naive_watches_;
  std::array<Client, kConnections> clients_;
  uint64_t last_connection_ = 10;
};

History::History(uint32_t seed, Outcomes& outcomes) : random_(seed), outcomes_(outcomes) {
  for (Client& client : clients_) {
    client.ids = {{"ip", "127.0.0.1"}};
    reconnect(client);
    client.session = driver_.open_session(client.connection);
  }
  clients_[1].ids.push_back({"digest", "u:hash"});
  clients_[2].ids = {{"ip", "10.1.2.3"}};
  clients_[3].ids.push_back({"super", ""});
}

// ---- what is asked -----------------------------------------------------------------------------

std::string History::any_path() {
  static const std::array<std::string, 3> kNames = {"a", "ab", "b"};
  if (one_in(30)) return one_in(2) ? "/" : "/zookeeper";
  std::string path;
  for (uint32_t depth = 1 + below(3); depth > 0; --depth) path += "/" + kNames[below(3)];
  return path;
}

std::vector<AclEntry> History::any_acl() {
  switch (below(9)) {
    case 0: return {{kPermWrite | kPermCreate | kPermDelete, "world", "anyone"}};
    case 1: return {{kPermAll, "digest", "u:hash"}, {kPermCreate, "world", "anyone"}};
    case 2: return {{kPermRead, "digest", "v:secret"}, {kPermAll, "ip", "10.0.0.0/8"}};
    case 3: return {{kPermAll, "ip", "127.0.0.1"}, {kPermRead, "digest", "u:hash"}};
    case 4: return {{kPermAdmin, "world", "anyone"}, {kPermAll, "digest", "v:secret"}};
    case 5: return {{kPermAll & ~kPermAdmin, "world", "anyone"}, {kPermAll, "digest", "v:secret"}};
    default: return kOpenAclRequest;
  }
}

Request History::any_operation(bool in_multi) {
  static constexpr std::array kCreations = {OpCode::kCreate, OpCode::kCreate2,
                                            OpCode::kCreateContainer, OpCode::kCreateTtl};
  const std::string path = any_path();
  switch (below(8)) {
    case 0:
    case 1: return remove(path);
    case 2: return set_data(path, one_in(4) ? NullableBytes{} : std::string(below(5), 'x'));
    case 3: return in_multi ? check(path) : set_acl(path, any_acl());
    default: break;
  }
  Creation how;
  how.acl = any_acl();
  how.op = kCreations[below(8) < 6 ? below(2) : below(4)];
  how.flags = static_cast<int32_t>(below(4));
  if (how.op == OpCode::kCreateContainer) how.flags = 4;
  if (how.op == OpCode::kCreateTtl) {
    how.flags = 5;
    how.ttl_ms = 1000;
  }
  return create(path, "data", how);
}

Request History::any_write() {
  if (!one_in(5)) return any_operation(false);
  std::vector<Request> operations(below(4));
  for (Request& operation : operations) operation = any_operation(true);
  return multi(operations);
}

Request History::any_set_watches() {
  std::array<std::vector<std::string>, 5> lists;
  for (std::vector<std::string>& list : lists) {
    for (uint32_t count = below(4); count > 0; --count) list.push_back(any_path());
  }
  const auto views = [](const std::vector<std::string>& list) {
    return std::vector<std::string_view>(list.begin(), list.end());
  };
  const SetWatchesRequest request{
      .relative_zxid = driver_.state.applied.value() - static_cast<int64_t>(below(40)),
      .data = views(lists[0]),
      .exist = views(lists[1]),
      .child = views(lists[2]),
      .persistent = views(lists[3]),
      .persistent_recursive = views(lists[4])};
  const bool has_persistent = one_in(2);
  return request_of(has_persistent ? OpCode::kSetWatches2 : OpCode::kSetWatches, request,
                    has_persistent);
}

Request History::any_read() {
  static constexpr std::array kPathWatch = {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren,
                                            OpCode::kGetChildren2};
  const std::string path = any_path();
  switch (below(14)) {
    case 0: return request_of(OpCode::kGetAcl, PathRequest{path});
    case 1: return request_of(OpCode::kGetAllChildrenNumber, PathRequest{path});
    case 2: return request_of(OpCode::kGetEphemerals, PathRequest{path});
    case 3: return {OpCode::kWhoAmI, {}};
    case 4: {
      std::vector<Request> reads(below(4));
      for (Request& read : reads) {
        read = request_of(one_in(2) ? OpCode::kGetData : OpCode::kGetChildren,
                          PathWatchRequest{any_path(), one_in(2)});
      }
      return {OpCode::kMultiRead, multi(reads).body};
    }
    case 5:
      if (one_in(3)) return any_set_watches();
      return request_of(OpCode::kAddWatch, PathModeRequest{path, static_cast<int>(below(2))});
    case 6:
      return request_of(OpCode::kCheckWatches,
                        PathModeRequest{path, 1 + static_cast<int>(below(5))});
    case 7:
      return request_of(OpCode::kRemoveWatches,
                        PathModeRequest{path, 1 + static_cast<int>(below(5))});
    default: return request_of(kPathWatch[below(4)], PathWatchRequest{path, one_in(2)});
  }
}

// ---- what happens ------------------------------------------------------------------------------

void History::step() {
  Client& client = any_client();
  switch (below(40)) {
    case 0: end_session(client); break;
    case 1: reconnect(client); break;
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13: write_as(client); break;
    default: read_as(client); break;
  }
  ASSERT_EQ(watches_.watch_count(), naive_watches_.size());
}

// The paths of a getEphemerals answer, in their own order: its order is that of creation.
std::vector<std::string> sorted_strings(std::string_view body) {
  JuteReader in(body);
  std::vector<std::string_view> strings;
  read_strings(in, strings);
  std::sort(strings.begin(), strings.end());
  return {strings.begin(), strings.end()};
}

void History::read_as(Client& client) {
  const Request request = any_read();
  const Reader reader{
      .connection = client.connection, .session = client.session, .ids = client.ids};
  Reply reply;
  reply.error =
      read(driver_.state, watches_, reader, request.op, request.body, reply.body, reply.events);
  const Reply expected = naive_read(
      tree_, naive_watches_, {client.connection, client.session.value(), client.ids}, request);
  ++outcomes_.reads[{request.op, reply.error}];
  ASSERT_EQ(reply.error, expected.error) << name_of(request.op);
  if (request.op == OpCode::kGetEphemerals) {
    ASSERT_EQ(sorted_strings(reply.body), sorted_strings(expected.body));
  } else {
    ASSERT_EQ(reply.body, expected.body) << name_of(request.op);
  }
  ASSERT_EQ(parse_notifications(reply.events), parse_notifications(expected.events));
  outcomes_.catch_up_events += reply.events.empty() ? 0 : 1;
}

void History::write_as(Client& client) {
  const Request request = any_write();
  driver_.ids = client.ids;
  const NaiveTree before = tree_;
  const ErrorCode error =
      driver_.write_of(client.session, ConnectionId(client.connection), request);
  const NaiveResult result = tree_.evaluate(request, {.session = client.session.value(),
                                                      .ids = client.ids,
                                                      .zxid = driver_.state.applied.value(),
                                                      .time_ms = driver_.time_ms});
  ASSERT_EQ(error, result.error) << name_of(request.op);
  const std::vector<NaiveEvent> events = naive_events(before, request, result, client.ids);
  std::vector<ToldEvent> expected;
  for (const NaiveEvent& event : events) expected.push_back({event.type, event.path});
  ASSERT_EQ(driver_.events(), expected) << name_of(request.op);
  deliver(events);
  compare_heard(true);
}

void History::end_session(Client& client) {
  const std::vector<NaiveEvent> events = naive_session_events(tree_, client.session.value());
  driver_.close_session(client.session, client.connection);
  tree_.end_session(client.session.value(), driver_.state.applied.value());
  deliver(events);
  compare_heard(false);
  client.session = driver_.open_session(client.connection);
}

// Its watches are those of the connection, so they are gone.
void History::reconnect(Client& client) {
  watches_.remove_connection(client.connection);
  naive_watches_.remove_connection(client.connection);
  const ConnectionId old = client.connection;
  client.connection = ConnectionId(++last_connection_);
  if (client.session == SessionId{}) return;
  entry::Entry entry;
  entry.mutable_attach()->set_session(client.session.value());
  entry.mutable_attach()->set_connection(client.connection.value());
  entry.mutable_attach()->set_secret("0123456789abcdef");
  entry.mutable_attach()->set_timeout_ms(10'000);
  const Effects& effects = driver_.evaluate(entry);
  ASSERT_EQ(effects.error, ErrorCode::kOk);
  ASSERT_EQ(effects.previous.connection, old);
}

// As a server does it: the real events through the real watches, the naive ones through the naive.
void History::deliver(const std::vector<NaiveEvent>& events) {
  const int64_t zxid = driver_.state.applied.value();
  const auto client_of = [&](ConnectionId id) -> Client& {
    return *std::find_if(clients_.begin(), clients_.end(),
                         [id](const Client& client) { return client.connection == id; });
  };
  std::vector<ConnectionId> told;
  for (const TreeEvent& event : driver_.effects.events) {
    const std::string path(driver_.effects.path_of(event));
    watches_.fire(event.type, path, told);
    for (const ConnectionId id : told) {
      Client& client = client_of(id);
      const bool may_hear = permits(driver_.state.acls.get(event.acl), kPermRead, client.ids);
      if (may_hear) client.heard.push_back({zxid, event.type, path});
      if (!may_hear) ++outcomes_.filtered;
    }
  }
  for (const NaiveEvent& event : events) {
    for (const ConnectionId id : naive_watches_.fire(event.type, event.path)) {
      Client& client = client_of(id);
      if (!permits(event.acl, kPermRead, client.ids)) continue;
      client.expected.push_back({zxid, event.type, event.path});
      ++outcomes_.events[event.type];
    }
  }
}

void History::compare_heard(bool in_order) {
  const auto by_path = [](const Notification& a, const Notification& b) {
    return std::tie(a.path, a.type) < std::tie(b.path, b.type);
  };
  for (Client& client : clients_) {
    if (!in_order) {
      std::sort(client.heard.begin(), client.heard.end(), by_path);
      std::sort(client.expected.begin(), client.expected.end(), by_path);
    }
    ASSERT_EQ(client.heard, client.expected) << "connection " << client.connection.value();
    client.heard.clear();
    client.expected.clear();
  }
}

// ---- the test ----------------------------------------------------------------------------------

void expect_everything_came_up(Outcomes& outcomes) {
  for (const OpCode op :
       {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren, OpCode::kGetChildren2,
        OpCode::kGetAcl, OpCode::kGetAllChildrenNumber, OpCode::kGetEphemerals, OpCode::kWhoAmI,
        OpCode::kMultiRead, OpCode::kAddWatch, OpCode::kCheckWatches, OpCode::kRemoveWatches,
        OpCode::kSetWatches, OpCode::kSetWatches2}) {
    EXPECT_GT((outcomes.reads[{op, ErrorCode::kOk}]), 20) << name_of(op);
  }
  for (const OpCode op : {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren, OpCode::kGetAcl,
                          OpCode::kGetAllChildrenNumber}) {
    EXPECT_GT((outcomes.reads[{op, ErrorCode::kNoNode}]), 20) << name_of(op);
    EXPECT_GT((outcomes.reads[{op, ErrorCode::kNoAuth}]), 5) << name_of(op);
  }
  EXPECT_GT((outcomes.reads[{OpCode::kRemoveWatches, ErrorCode::kNoWatcher}]), 20);
  for (const EventType type : {EventType::kNodeCreated, EventType::kNodeDeleted,
                               EventType::kNodeDataChanged, EventType::kNodeChildrenChanged}) {
    EXPECT_GT(outcomes.events[type], 100) << static_cast<int>(type);
  }
  EXPECT_GT(outcomes.catch_up_events, 50);
  EXPECT_GT(outcomes.filtered, 50);
}

TEST(ReadModel, AnswersAndEventsAreThoseOfTheNaiveModels) {
  Outcomes outcomes;
  const auto first_seed = std::random_device{}();
  for (uint32_t seed = first_seed; seed != first_seed + kHistories; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed, outcomes);
    for (int step = 0; step < kStepsPerHistory; ++step) {
      history.step();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "step " << step;
    }
  }
  expect_everything_came_up(outcomes);
}

}  // namespace
}  // namespace topod::state
