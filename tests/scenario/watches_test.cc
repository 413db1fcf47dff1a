// Watches: every change is told, once, in order, across reconnects and restarts.
//
// Proven by unit tests: modes on one path do not disturb each other (ZOOKEEPER-4466), a recursive
// watcher never hears of children (ZOOKEEPER-4475), both WatchesTest; an event precedes every reply
// that shows its change (Replica).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "tests/scenario/one_node.h"

namespace topod {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A request, and what watchers must hear of if it succeeds.
struct Change {
  Request request;
  std::vector<Event> events;
};

class Writer {
 public:
  Writer(OneNode& node, uint64_t seed) : node_(node), random_(seed), client_(node.connect()) {}

  void send_one() {
    Change change = random_() % 4 == 0 ? random_multi() : random_change();
    node_.send(client_, change.request);
    sent_.push_back(std::move(change));
  }
  // Adds the events of what was answered.
  void take_answers(std::vector<Event>& expected) {
    for (const Message& message : node_.take(client_)) {
      ASSERT_FALSE(sent_.empty());
      const Change change = std::move(sent_.front());
      sent_.pop_front();
      bool succeeded = message.error == ErrorCode::kOk;
      if (change.request.op == OpCode::kMulti) {
        const std::vector<int32_t> errors = state::multi_errors(message.body);
        succeeded &= std::all_of(errors.begin(), errors.end(), [](int32_t e) { return e == 0; });
      }
      if (!succeeded) continue;
      for (Event event : change.events) {
        event.zxid = message.zxid;
        expected.push_back(std::move(event));
      }
    }
  }
  [[nodiscard]] bool is_answered() const { return sent_.empty(); }

 private:
  Change random_change() {
    const std::string path = "/n" + std::to_string(random_() % 6);
    switch (random_() % 3) {
      case 0: return {state::create(path), {{0, EventType::kNodeCreated, path}}};
      case 1: return {state::remove(path), {{0, EventType::kNodeDeleted, path}}};
      default: return {state::set_data(path, "x"), {{0, EventType::kNodeDataChanged, path}}};
    }
  }
  Change random_multi() {
    std::vector<Request> operations;
    std::vector<Event> events;
    for (uint64_t left = random_() % 4; left > 0; --left) {
      Change change = random_change();
      operations.push_back(std::move(change.request));
      events.insert(events.end(), change.events.begin(), change.events.end());
    }
    return {state::multi(operations), std::move(events)};
  }

  OneNode& node_;
  std::mt19937_64 random_;
  ConnectionId client_;
  std::deque<Change> sent_;
};

// etcd 15271, 17529, 18089, 19179
TEST(Watches, ARecursiveWatcherHearsOfEveryChangeOnceInTheOrderOfZxids) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    OneNode node;
    node.start();
    const ConnectionId watcher = node.connect();
    node.call(watcher, add_watch("/", AddWatchMode::kPersistentRecursive));
    std::deque<Writer> writers;
    for (uint64_t number = 0; number < 3; ++number) writers.emplace_back(node, seed * 10 + number);

    std::mt19937_64 random(seed);
    std::vector<Event> expected;
    std::vector<Event> heard;
    for (int step = 0; step < 300; ++step) {
      writers[random() % writers.size()].send_one();
      if (random() % 3 == 0) node.flush_some(1 + random() % node.unflushed());
      for (Writer& writer : writers) writer.take_answers(expected);
      for (Event& event : node.take_events(watcher)) heard.push_back(std::move(event));
    }
    node.flush();
    for (Writer& writer : writers) {
      writer.take_answers(expected);
      EXPECT_TRUE(writer.is_answered());
    }
    for (Event& event : node.take_events(watcher)) heard.push_back(std::move(event));
    std::stable_sort(expected.begin(), expected.end(),
                     [](const Event& left, const Event& right) { return left.zxid < right.zxid; });
    ASSERT_GT(expected.size(), 50U);
    EXPECT_EQ(heard, expected);
  }
}

// ZOOKEEPER-706 is why clients ask again; etcd 15271 is what a wrong answer looks like.
TEST(Watches, AWatchThatIsSetAgainIsToldWhatWasMissedAndNothingElse) {
  for (const bool crashes : {false, true}) {
    OneNode node;
    node.start();
    const ConnectionId writer = node.connect();
    for (const char* path : {"/changed", "/same", "/deleted", "/parent"}) {
      node.call(writer, state::create(path));
    }
    const ConnectionId watcher = node.connect();
    for (const char* path : {"/changed", "/same", "/deleted"}) {
      node.call(watcher, get_data(path, true));
    }
    node.call(watcher, exists("/created", true));
    node.call(watcher, get_children("/parent", true));
    const int64_t seen = node.call(watcher, exists("/absent", true)).zxid;
    node.drop(watcher);
    node.call(writer, state::set_data("/changed", "new"));
    node.checkpoint();
    node.call(writer, state::remove("/deleted"));
    node.call(writer, state::create("/created"));
    const int64_t last = node.call(writer, state::create("/parent/child")).zxid;
    SessionKey writer_key = node.session_of(writer);
    if (crashes) node.restart_after_crash();

    SetWatchesRequest request{.relative_zxid = seen,
                              .data = {"/changed", "/same", "/deleted"},
                              .exist = {"/created", "/absent"},
                              .child = {"/parent"}};
    const ConnectionId again = node.reconnect(node.session_of(watcher), seen);
    node.call(again, set_watches(request));
    constexpr int64_t kNow = -1;
    EXPECT_THAT(node.take_events(again),
                ElementsAre(Event{kNow, EventType::kNodeDataChanged, "/changed"},
                            Event{kNow, EventType::kNodeDeleted, "/deleted"},
                            Event{kNow, EventType::kNodeCreated, "/created"},
                            Event{kNow, EventType::kNodeChildrenChanged, "/parent"}));

    // What has been told is spent, what has not is left.
    const ConnectionId changer = node.reconnect(writer_key);
    node.call(changer, state::set_data("/changed", "newer"));
    EXPECT_THAT(node.take_events(again), IsEmpty());
    const int64_t same = node.call(changer, state::set_data("/same", "other")).zxid;
    const int64_t absent = node.call(changer, state::create("/absent")).zxid;
    EXPECT_THAT(node.take_events(again),
                ElementsAre(Event{same, EventType::kNodeDataChanged, "/same"},
                            Event{absent, EventType::kNodeCreated, "/absent"}));

    // Who has seen it all is told nothing.
    const ConnectionId up_to_date = node.connect();
    node.call(up_to_date,
              set_watches(
                  {.relative_zxid = absent, .data = {"/changed", "/same"}, .child = {"/parent"}}));
    EXPECT_THAT(node.take_events(up_to_date), IsEmpty());
    EXPECT_GT(absent, last);
  }
}

}  // namespace
}  // namespace topod
