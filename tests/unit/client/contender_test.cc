#include "tools/client/core/contender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/client/core/leader_watch.h"
#include "tools/client/core/recipes.h"

namespace topod::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kQueue = "/ks/locks";
constexpr int64_t kDeadlineMs = 30'000;
constexpr int64_t kLookByMs = 5'000;

std::string bytes_of(const auto&... fields) {
  std::string bytes;
  JuteWriter out(bytes);
  const auto write = [&](const auto& field) {
    if constexpr (requires { field.write(out); }) {
      field.write(out);
    } else if constexpr (requires { write_strings(out, field); }) {
      write_strings(out, field);
    } else {
      out.write_buffer(field);
    }
  };
  (write(fields), ...);
  return bytes;
}

Stat stat_of_place(int64_t czxid) {
  Stat stat;
  stat.czxid = czxid;
  stat.ephemeral_owner = 7;
  return stat;
}

// Plays the servers for one contender: each test answers what was asked.
class ContenderTest : public testing::Test {
 protected:
  ContenderTest() {
    ContenderSettings settings = topology_lock("/ks", {"Test", "h", "u", "t"});
    settings.deadline_ms = kDeadlineMs;
    contender_.emplace(settings);
  }
  void have_no_time() {
    ContenderSettings settings = contender_->settings();
    settings.deadline_ms = now_ms_;
    settings.look_by_ms = kLookByMs;
    contender_.emplace(settings);
  }

  void give(Contender::Event event) {
    Contender::Output out = contender_->step(std::move(event), now_ms_);
    for (Contender::Ask& ask : out.asks) asks_.push_back(std::move(ask));
    for (Contender::Notice& notice : out.notices) {
      if (const auto* holds = std::get_if<Contender::Holds>(&notice)) token_ = holds->token;
      if (const auto* lost = std::get_if<Contender::Lost>(&notice)) lost_ = lost->why;
      if (const auto* failed = std::get_if<Contender::Failed>(&notice)) failed_ = failed->why;
      if (const auto* waits = std::get_if<Contender::Waits>(&notice)) waits_ = *waits;
      if (std::holds_alternative<Contender::Left>(notice)) has_left_ = true;
    }
  }
  // The oldest unanswered request; it must be this.
  uint64_t take(OpCode op, const std::string& path) {
    EXPECT_FALSE(asks_.empty()) << name_of(op);
    if (asks_.empty()) return 0;
    const Contender::Ask ask = std::move(asks_.front());
    asks_.erase(asks_.begin());
    EXPECT_EQ(name_of(ask.request.op), name_of(op));
    EXPECT_EQ(ask.request.path, path);
    return ask.ticket;
  }
  void answer(OpCode op, const std::string& path, std::string body = {}) {
    const uint64_t ticket = take(op, path);
    give(Contender::Answer{ticket, Reply{Zxid(99), std::move(body)}});
  }
  void refuse(OpCode op, const std::string& path, ErrorCode code) {
    const uint64_t ticket = take(op, path);
    give(Contender::Answer{ticket, tl::unexpected(Error{.code = code})});
  }
  void lose(OpCode op, const std::string& path) {
    const uint64_t ticket = take(op, path);
    give(Contender::Answer{ticket, tl::unexpected(Error{Failure::kConnectionLost})});
  }
  void enter(const std::string& name, int64_t czxid) {
    give(Contender::Start{});
    answer(OpCode::kCreate2, std::string(kQueue) + "/",
           bytes_of(std::string_view(place(name)), stat_of_place(czxid)));
    answer(OpCode::kGetData, place(name), node_of(czxid));
  }
  void list(const std::vector<std::string_view>& names) {
    answer(OpCode::kGetChildren2, kQueue, bytes_of(names, Stat{}));
  }
  void hold() {
    enter("0000000001", 41);
    list({"0000000001"});
  }
  // The connection was away.
  void reconnect() {
    give(SessionState::kSuspended);
    give(SessionState::kConnected);
  }
  static std::string node_of(int64_t czxid) {
    return bytes_of(std::string_view("x"), stat_of_place(czxid));
  }
  static std::string place(const std::string& name) { return std::string(kQueue) + "/" + name; }

  std::optional<Contender> contender_;
  int64_t now_ms_ = 1'000;
  std::vector<Contender::Ask> asks_;
  std::optional<Zxid> token_;
  std::optional<Contender::Reason> lost_;
  std::optional<Contender::Reason> failed_;
  std::optional<Contender::Waits> waits_;
  bool has_left_ = false;
};

TEST_F(ContenderTest, TheFirstInTheQueueHoldsAndItsTokenIsTheZxidOfItsPlace) {
  hold();
  EXPECT_EQ(token_, Zxid(41));
  EXPECT_TRUE(contender_->is_holding());
  give(Contender::Release{});
  answer(OpCode::kDelete, place("0000000001"));
  answer(OpCode::kDelete, kQueue);
  EXPECT_TRUE(has_left_);
  EXPECT_THAT(asks_, IsEmpty());
}

TEST_F(ContenderTest, OnlyTheOneBeforeIsWatched) {
  enter("0000000003", 41);
  list({"0000000001", "0000000002", "0000000003", "0000000004"});
  answer(OpCode::kGetData, place("0000000002"),
         bytes_of(std::string_view("why"), stat_of_place(40)));
  EXPECT_EQ(waits_->ahead, 2U);
  EXPECT_EQ(waits_->contents, "why");
  EXPECT_THAT(asks_, IsEmpty());
  give(WatchNews{EventType::kNodeDeleted, place("0000000001"), {}});
  EXPECT_THAT(asks_, IsEmpty());
  give(WatchNews{EventType::kNodeDeleted, place("0000000002"), {}});
  list({"0000000001", "0000000003"});
  EXPECT_FALSE(token_);
  refuse(OpCode::kGetData, place("0000000001"), ErrorCode::kNoNode);
  list({"0000000003"});
  EXPECT_EQ(token_, Zxid(41));
}

TEST_F(ContenderTest, AQueueThatIsMissingIsMadeFromTheTopDown) {
  give(Contender::Start{});
  refuse(OpCode::kCreate2, std::string(kQueue) + "/", ErrorCode::kNoNode);
  refuse(OpCode::kCreate2, kQueue, ErrorCode::kNoNode);
  answer(OpCode::kCreate2, "/ks");
  refuse(OpCode::kCreate2, kQueue, ErrorCode::kNodeExists);
  answer(OpCode::kCreate2, std::string(kQueue) + "/",
         bytes_of(std::string_view(place("0000000000")), stat_of_place(5)));
  answer(OpCode::kGetData, place("0000000000"), node_of(5));
  list({"0000000000"});
  EXPECT_EQ(token_, Zxid(5));
}

TEST_F(ContenderTest, AfterAnUncertainCreateItTakesThePlaceThatIsThere) {
  give(Contender::Start{});
  lose(OpCode::kCreate2, std::string(kQueue) + "/");
  answer(OpCode::kSync, kQueue);
  const std::vector<std::string_view> mine = {"/ks/locks/0000000004", "/ks/locks/x/0000000001"};
  answer(OpCode::kGetEphemerals, std::string(kQueue) + "/", bytes_of(mine));
  answer(OpCode::kSync, place("0000000004"));
  answer(OpCode::kExists, place("0000000004"), bytes_of(stat_of_place(44)));
  answer(OpCode::kGetData, place("0000000004"), node_of(44));
  list({"0000000004"});
  EXPECT_EQ(token_, Zxid(44));
}

TEST_F(ContenderTest, AfterAnUncertainCreateThatDidNotHappenItTriesAgain) {
  give(Contender::Start{});
  lose(OpCode::kCreate2, std::string(kQueue) + "/");
  answer(OpCode::kSync, kQueue);
  answer(OpCode::kGetEphemerals, std::string(kQueue) + "/",
         bytes_of(std::vector<std::string_view>{}));
  take(OpCode::kCreate2, std::string(kQueue) + "/");
}

TEST_F(ContenderTest, APlaceThatTurnsUpAfterTheTimeIsOverIsRemoved) {
  give(Contender::Start{});
  now_ms_ = kDeadlineMs;
  give(Contender::Tick{});
  EXPECT_EQ(failed_, Contender::Reason::kTimedOut);
  EXPECT_FALSE(has_left_);
  answer(OpCode::kCreate2, std::string(kQueue) + "/",
         bytes_of(std::string_view(place("0000000004")), stat_of_place(4)));
  answer(OpCode::kDelete, place("0000000004"));
  refuse(OpCode::kDelete, kQueue, ErrorCode::kNotEmpty);
  EXPECT_TRUE(has_left_);
  EXPECT_FALSE(token_);
}

TEST_F(ContenderTest, AFreeLockIsHeldWithoutAnyTimeToWait) {
  have_no_time();
  hold();
  EXPECT_EQ(token_, Zxid(41));
  EXPECT_FALSE(failed_);
}

TEST_F(ContenderTest, WithoutTimeToWaitItFailsAsSoonAsItKnowsWhoStandsBefore) {
  have_no_time();
  enter("0000000003", 41);
  list({"0000000001", "0000000003"});
  EXPECT_FALSE(failed_);
  answer(OpCode::kGetData, place("0000000001"),
         bytes_of(std::string_view("why"), stat_of_place(40)));
  EXPECT_EQ(failed_, Contender::Reason::kTimedOut);
  EXPECT_EQ(waits_->contents, "why");
  answer(OpCode::kDelete, place("0000000003"));
  refuse(OpCode::kDelete, kQueue, ErrorCode::kNotEmpty);
  EXPECT_TRUE(has_left_);
}

TEST_F(ContenderTest, WithoutTimeToWaitAServerThatIsSilentIsNotWaitedForForEver) {
  have_no_time();
  give(Contender::Start{});
  now_ms_ = kLookByMs - 1;
  give(Contender::Tick{});
  EXPECT_FALSE(failed_);
  now_ms_ = kLookByMs;
  give(Contender::Tick{});
  EXPECT_EQ(failed_, Contender::Reason::kTimedOut);
}

TEST_F(ContenderTest, ADeletionWithoutAnAnswerIsTriedAgainIfItDidNotHappen) {
  hold();
  give(Contender::Release{});
  lose(OpCode::kDelete, place("0000000001"));
  EXPECT_FALSE(has_left_);
  answer(OpCode::kSync, place("0000000001"));
  answer(OpCode::kExists, place("0000000001"), bytes_of(stat_of_place(41)));
  lose(OpCode::kDelete, place("0000000001"));
  answer(OpCode::kSync, place("0000000001"));
  refuse(OpCode::kExists, place("0000000001"), ErrorCode::kNoNode);
  refuse(OpCode::kDelete, kQueue, ErrorCode::kNoNode);
  EXPECT_TRUE(has_left_);
}

// The deletion happened, the empty queue went, and the first in the next one has the same number.
TEST_F(ContenderTest, ADeletionWithoutAnAnswerDoesNotTakeTheNextOfThatName) {
  hold();
  give(Contender::Release{});
  lose(OpCode::kDelete, place("0000000001"));
  answer(OpCode::kSync, place("0000000001"));
  answer(OpCode::kExists, place("0000000001"), bytes_of(stat_of_place(77)));
  refuse(OpCode::kDelete, kQueue, ErrorCode::kNotEmpty);
  EXPECT_TRUE(has_left_);
}

TEST_F(ContenderTest, ARefusedDeletionIsTriedAgainAfterAWhile) {
  hold();
  give(Contender::Release{});
  refuse(OpCode::kDelete, place("0000000001"), ErrorCode::kSystemError);
  EXPECT_FALSE(has_left_);
  EXPECT_THAT(asks_, IsEmpty());
  now_ms_ += 500;
  give(Contender::Tick{});
  answer(OpCode::kSync, place("0000000001"));
  answer(OpCode::kExists, place("0000000001"), bytes_of(stat_of_place(41)));
  answer(OpCode::kDelete, place("0000000001"));
}

TEST_F(ContenderTest, TheHolderIsToldAtOnceWhenItsSessionMayHaveExpired) {
  hold();
  give(SessionState::kSuspended);
  EXPECT_FALSE(lost_);
  give(SessionState::kOverdue);
  EXPECT_EQ(lost_, Contender::Reason::kSessionOverdue);
  EXPECT_FALSE(contender_->is_holding());
  // If the session turns out to live, its place must go.
  answer(OpCode::kSync, place("0000000001"));
  answer(OpCode::kExists, place("0000000001"), bytes_of(stat_of_place(41)));
  answer(OpCode::kDelete, place("0000000001"));
}

TEST_F(ContenderTest, WhoWaitsKeepsItsPlaceWhileItsSessionIsInDoubt) {
  enter("0000000003", 41);
  list({"0000000001", "0000000003"});
  answer(OpCode::kGetData, place("0000000001"), bytes_of(std::string_view("y"), stat_of_place(4)));
  give(SessionState::kOverdue);
  give(SessionState::kConnected);
  EXPECT_FALSE(failed_);
  answer(OpCode::kGetData, place("0000000003"), node_of(41));
  EXPECT_THAT(asks_, IsEmpty());
  give(SessionState::kExpired);
  EXPECT_EQ(failed_, Contender::Reason::kSessionExpired);
  EXPECT_TRUE(has_left_);
}

TEST_F(ContenderTest, TheHolderIsToldWhenSomebodyRemovesItsPlace) {
  hold();
  give(WatchNews{EventType::kNodeDataChanged, place("0000000001"), {}});
  EXPECT_FALSE(lost_);
  answer(OpCode::kGetData, place("0000000001"), node_of(41));
  give(WatchNews{EventType::kNodeDeleted, place("0000000001"), {}});
  EXPECT_EQ(lost_, Contender::Reason::kBroken);
  // What may have that name by now is left alone.
  refuse(OpCode::kDelete, kQueue, ErrorCode::kNotEmpty);
  EXPECT_TRUE(has_left_);
}

TEST_F(ContenderTest, TheHolderIsToldWhenAnotherHasTheNameOfItsPlace) {
  hold();
  reconnect();
  EXPECT_FALSE(lost_);
  answer(OpCode::kGetData, place("0000000001"), node_of(77));
  EXPECT_EQ(lost_, Contender::Reason::kBroken);
  refuse(OpCode::kDelete, kQueue, ErrorCode::kNotEmpty);
  EXPECT_TRUE(has_left_);
}

TEST_F(ContenderTest, AHolderThatHasReconnectedReleasesWhatIsStillItsOwn) {
  hold();
  reconnect();
  answer(OpCode::kGetData, place("0000000001"), node_of(41));
  give(Contender::Release{});
  answer(OpCode::kDelete, place("0000000001"));
  give(SessionState::kSuspended);
  EXPECT_FALSE(lost_);
}

TEST_F(ContenderTest, WhoWaitsIsToldWhenSomebodyRemovesItsPlace) {
  enter("0000000003", 41);
  list({"0000000001", "0000000003"});
  answer(OpCode::kGetData, place("0000000001"), node_of(4));
  give(WatchNews{EventType::kNodeDeleted, place("0000000003"), {}});
  EXPECT_EQ(failed_, Contender::Reason::kBroken);
  refuse(OpCode::kDelete, kQueue, ErrorCode::kNotEmpty);
  EXPECT_TRUE(has_left_);
}

TEST_F(ContenderTest, WhoWaitsDoesNotHoldThroughAnotherOfItsName) {
  enter("0000000003", 41);
  list({"0000000001", "0000000003"});
  answer(OpCode::kGetData, place("0000000001"), node_of(4));
  give(WatchNews{EventType::kNodeDataChanged, place("0000000003"), {}});
  answer(OpCode::kGetData, place("0000000003"), node_of(77));
  EXPECT_EQ(failed_, Contender::Reason::kBroken);
  EXPECT_FALSE(token_);
}

TEST_F(ContenderTest, WhoIsNoLongerInTheQueueDoesNotHold) {
  enter("0000000003", 41);
  list({"0000000004"});
  EXPECT_EQ(failed_, Contender::Reason::kBroken);
  EXPECT_FALSE(token_);
}

TEST_F(ContenderTest, WhatOutlivesItsMakerIsNoContender) {
  enter("0000000003", 41);
  list({"item-0000000001", "0000000003"});
  answer(OpCode::kGetData, place("item-0000000001"), bytes_of(std::string_view("y"), Stat{}));
  list({"item-0000000001", "0000000003"});
  EXPECT_EQ(token_, Zxid(41));
}

TEST_F(ContenderTest, ARefusalIsHandedOnAndLeavesNothing) {
  give(Contender::Start{});
  refuse(OpCode::kCreate2, std::string(kQueue) + "/", ErrorCode::kNoAuth);
  EXPECT_EQ(failed_, Contender::Reason::kRefused);
  EXPECT_TRUE(has_left_);
  EXPECT_THAT(asks_, IsEmpty());
}

TEST(LeaderWatch, TellsWhoLeadsAndEveryChange) {
  LeaderWatch watch("/elections/v");
  std::vector<std::string> told;
  LeaderWatch::Output out;
  const auto give = [&](LeaderWatch::Event event) {
    out = watch.step(std::move(event));
    if (out.leader) told.push_back(*out.leader ? (*out.leader)->id : "nobody");
  };
  const auto answer = [&](std::string body) {
    ASSERT_EQ(out.asks.size(), 1U);
    give(Contender::Answer{out.asks[0].ticket, Reply{Zxid(9), std::move(body)}});
  };
  const auto refuse = [&](ErrorCode code) {
    ASSERT_EQ(out.asks.size(), 1U);
    give(Contender::Answer{out.asks[0].ticket, tl::unexpected(Error{.code = code})});
  };
  give(LeaderWatch::Start{});
  refuse(ErrorCode::kNoNode);
  EXPECT_THAT(told, ElementsAre("nobody"));
  refuse(ErrorCode::kNoNode);  // of exists: it is watched now
  give(WatchNews{EventType::kNodeCreated, "/elections/v", {}});
  answer(bytes_of(std::vector<std::string_view>{}, Stat{}));
  answer(bytes_of(std::vector<std::string_view>{}, Stat{}));  // watched this time
  give(WatchNews{EventType::kNodeChildrenChanged, "/elections/v", {}});
  answer(bytes_of(std::vector<std::string_view>{"0000000007", "0000000006"}, Stat{}));
  answer(bytes_of(std::string_view("host:6"), stat_of_place(6)));
  give(WatchNews{EventType::kNodeDeleted, "/elections/v/0000000007", {}});
  EXPECT_THAT(out.asks, IsEmpty());
  give(WatchNews{EventType::kNodeDeleted, "/elections/v/0000000006", {}});
  answer(bytes_of(std::vector<std::string_view>{"0000000007"}, Stat{}));
  answer(bytes_of(std::string_view("host:7"), stat_of_place(7)));
  EXPECT_THAT(told, ElementsAre("nobody", "host:6", "host:7"));
  give(SessionState::kExpired);
  EXPECT_TRUE(out.error);
}

}  // namespace
}  // namespace topod::client
