#include "tools/client/core/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

#include "proto/frame.h"

namespace topod::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int32_t kTimeoutMs = 6'000;

// Plays the servers and the clock for one session.
class SessionTest : public testing::Test {
 protected:
  struct Asked {
    int32_t xid = 0;
    OpCode op = OpCode::kError;
    std::string body;
  };

  void make(size_t servers, int64_t patience_ms = 5'000) {
    SessionSettings settings;
    settings.servers = servers;
    settings.patience_ms = patience_ms;
    settings.timeout_ms = kTimeoutMs;
    session_.emplace(settings);
  }

  void give(Session::Event event) {
    Session::Output out = session_->step(std::move(event), now_ms_);
    if (out.disconnect) is_open_ = false;
    if (out.connect) tried_.push_back(*out.connect);
    std::string_view rest = out.bytes;
    while (!rest.empty()) {
      JuteReader in(rest);
      const auto length = static_cast<size_t>(in.read_int());
      frames_.emplace_back(in.rest().substr(0, length));
      rest.remove_prefix(kFrameHeaderBytes + length);
    }
    for (Session::Notice& notice : out.notices) {
      if (auto* answer = std::get_if<Session::Answer>(&notice)) {
        answers_.emplace(answer->id, std::move(answer->result));
      } else if (auto* news = std::get_if<WatchNews>(&notice)) {
        news_.push_back(news->path);
      } else {
        states_.push_back(std::get<SessionState>(notice));
      }
    }
    wake_ms_ = out.wake_ms;
  }

  // Time passes, with a Tick whenever the session has asked for one.
  void pass(int64_t ms) {
    const int64_t until = now_ms_ + ms;
    for (int turns = 0; wake_ms_ < until && turns < 10'000; ++turns) {
      now_ms_ = std::max(now_ms_, wake_ms_);
      give(Session::Tick{});
    }
    now_ms_ = until;
    give(Session::Tick{});
  }

  void connect(int64_t session = 7) {
    give(Session::Tick{});
    for (int turns = 0; session_->state() != SessionState::kConnected && turns < 100; ++turns) {
      const size_t attempts = tried_.size();
      if (frames_.empty()) give(Session::Opened{});
      if (tried_.size() == attempts && frames_.empty()) pass(100);
      if (!frames_.empty()) {
        frames_.clear();
        is_open_ = true;
        accept(session);
      }
    }
    ASSERT_EQ(session_->state(), SessionState::kConnected);
  }
  void accept(int64_t session, int32_t timeout_ms = kTimeoutMs) {
    std::string body;
    JuteWriter out(body);
    const std::string password(kPasswordBytes, 'p');
    ConnectResponse{0, timeout_ms, session, password, true, false}.write(out);
    give(Session::Received{body});
  }
  std::vector<Asked> asked() {
    std::vector<Asked> all;
    for (const std::string& frame : std::exchange(frames_, {})) {
      JuteReader in(frame);
      RequestHeader header;
      header.read(in);
      all.push_back({header.xid, static_cast<OpCode>(header.op), std::string(in.rest())});
    }
    return all;
  }
  void reply(int32_t xid, int64_t zxid, ErrorCode error = ErrorCode::kOk,
             std::string_view body = {}) {
    std::string bytes;
    JuteWriter out(bytes);
    ReplyHeader{xid, zxid, error}.write(out);
    out.write_raw(body);
    give(Session::Received{bytes});
  }
  void event(EventType type, std::string_view path) {
    std::string body;
    JuteWriter out(body);
    WatchEvent{type, kStateSyncConnected, path}.write(out);
    reply(kXidNotification, -1, ErrorCode::kOk, body);
  }
  CallId call(Request request, int64_t within_ms = 60'000) {
    give(Session::Call{++last_call_, std::move(request), now_ms_ + within_ms});
    return last_call_;
  }
  [[nodiscard]] Failure failure(CallId id) const { return answers_.at(id).error().failure; }

  std::optional<Session> session_;
  int64_t now_ms_ = 1'000;
  int64_t wake_ms_ = 0;
  bool is_open_ = false;
  std::vector<size_t> tried_;
  std::vector<std::string> frames_;
  std::map<CallId, Result<Reply>> answers_;
  std::vector<std::string> news_;
  std::vector<SessionState> states_;
  CallId last_call_ = 0;
};

std::string stat_bytes() {
  std::string bytes;
  JuteWriter out(bytes);
  Stat{}.write(out);
  return bytes;
}

TEST_F(SessionTest, EveryServerIsTriedBeforeOneIsTriedAgain) {
  make(5);
  give(Session::Tick{});
  for (int i = 0; i < 4; ++i) {
    give(Session::Closed{"refused"});
    pass(60);
  }
  EXPECT_THAT(std::set<size_t>(tried_.begin(), tried_.end()), testing::SizeIs(5));
}

TEST_F(SessionTest, AServerThatAcceptsAndSaysNothingIsLeft) {
  make(2);
  give(Session::Tick{});
  give(Session::Opened{});
  pass(5'100);
  EXPECT_EQ(tried_.size(), 2U);
}

TEST_F(SessionTest, PatienceWithAServerGrowsEachTimeAllHaveBeenTried) {
  make(2, 500);
  give(Session::Tick{});
  give(Session::Opened{});
  pass(499);
  EXPECT_EQ(tried_.size(), 1U);
  pass(51 + 500 + 50);
  EXPECT_EQ(tried_.size(), 3U);
  const int64_t second_round_ms = now_ms_;
  while (tried_.size() < 4 && now_ms_ < second_round_ms + 5'000) pass(10);
  EXPECT_GE(now_ms_ - second_round_ms, 900);
}

TEST_F(SessionTest, ASilentServerIsAskedForASignOfLifeAndThenLeft) {
  make(2);
  connect();
  pass(kTimeoutMs / 3);
  const auto pings = asked();
  ASSERT_EQ(pings.size(), 1U);
  EXPECT_EQ(pings[0].xid, kXidPing);
  EXPECT_TRUE(is_open_);
  pass(kTimeoutMs / 3);
  EXPECT_FALSE(is_open_);
  EXPECT_THAT(states_, ElementsAre(SessionState::kConnected, SessionState::kSuspended));
}

TEST_F(SessionTest, AServerThatAnswersOnlyPingsIsLeft) {
  make(2);
  connect();
  call(get_request("/a"));
  for (int i = 0; i < 6 && is_open_; ++i) {
    pass(1'000);
    for (const Asked& one : asked()) {
      if (one.xid == kXidPing) reply(kXidPing, 5);
    }
  }
  EXPECT_FALSE(is_open_);
}

TEST_F(SessionTest, ASessionIsTakenToTheNextServerWithWhatItHasSeen) {
  make(2);
  connect(7);
  const CallId id = call(get_request("/a"));
  reply(asked().back().xid, 42);
  EXPECT_TRUE(answers_.at(id));
  give(Session::Closed{"killed"});
  pass(60);
  give(Session::Opened{});
  ASSERT_EQ(frames_.size(), 1U);
  JuteReader in(frames_[0]);
  ConnectRequest request;
  request.read(in);
  EXPECT_EQ(request.session, 7);
  EXPECT_EQ(request.last_zxid_seen, 42);
  EXPECT_EQ(request.password, std::string(kPasswordBytes, 'p'));
}

TEST_F(SessionTest, ReadsAreAskedAgainAndWritesAreUncertainWhenAConnectionBreaks) {
  make(1);
  connect();
  const CallId read = call(get_request("/a"));
  const CallId write = call(set_request("/a", "x", kAnyVersion));
  const CallId second = call(exists_request("/b"));
  asked();
  give(Session::Closed{"cut"});
  EXPECT_EQ(failure(write), Failure::kConnectionLost);
  EXPECT_TRUE(answers_.at(write).error().outcome_is_unknown());
  connect();
  const auto again = asked();
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].op, OpCode::kGetData);
  EXPECT_EQ(again[1].op, OpCode::kExists);
  reply(again[0].xid, 9);
  reply(again[1].xid, 9, ErrorCode::kNoNode);
  EXPECT_TRUE(answers_.at(read));
  EXPECT_TRUE(answers_.at(second).error().is(ErrorCode::kNoNode));
}

TEST_F(SessionTest, ACallIsAnsweredAtItsDeadlineWhateverHappens) {
  make(1);
  give(Session::Tick{});
  const CallId unsent = call(get_request("/a"), 500);
  pass(499);
  EXPECT_THAT(answers_, IsEmpty());
  pass(1);
  EXPECT_EQ(failure(unsent), Failure::kNotSent);
  connect();
  const CallId sent = call(set_request("/a", "x", 1), 500);
  pass(500);
  EXPECT_EQ(failure(sent), Failure::kTimedOut);
}

TEST_F(SessionTest, AnAnswerThatComesAfterItsDeadlineDisturbsNobody) {
  make(1);
  connect();
  call(get_request("/a"), 500);
  const CallId next = call(get_request("/b"));
  pass(500);
  const auto sent = asked();
  reply(sent[0].xid, 5);
  reply(sent[1].xid, 6, ErrorCode::kNoNode);
  EXPECT_TRUE(answers_.at(next).error().is(ErrorCode::kNoNode));
  EXPECT_EQ(answers_.size(), 2U);
}

TEST_F(SessionTest, WatchesAreSetAgainBeforeAnythingElseIsAsked) {
  make(1);
  connect();
  call(get_request("/data", true));
  call(exists_request("/missing", true));
  call(children_request("/list", true));
  call(get_request("/fired", true));
  call(add_watch_request("/tree", true));
  const auto sent = asked();
  reply(sent[0].xid, 5);
  reply(sent[1].xid, 5, ErrorCode::kNoNode);
  reply(sent[2].xid, 5);
  reply(sent[3].xid, 5);
  reply(sent[4].xid, 5);
  event(EventType::kNodeDataChanged, "/fired");
  EXPECT_THAT(news_, ElementsAre("/fired"));
  give(Session::Closed{"cut"});
  call(get_request("/later"));
  connect();
  const auto again = asked();
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].op, OpCode::kSetWatches2);
  JuteReader in(again[0].body);
  SetWatchesRequest watches;
  watches.read(in, true);
  EXPECT_EQ(watches.relative_zxid, 5);
  EXPECT_THAT(watches.data, ElementsAre("/data"));
  EXPECT_THAT(watches.exist, ElementsAre("/missing"));
  EXPECT_THAT(watches.child, ElementsAre("/list"));
  EXPECT_THAT(watches.persistent_recursive, ElementsAre("/tree"));
  EXPECT_EQ(again[1].op, OpCode::kGetData);
}

TEST_F(SessionTest, ARefusedReadLeavesNoWatch) {
  make(1);
  connect();
  call(get_request("/missing", true));
  reply(asked()[0].xid, 5, ErrorCode::kNoNode);
  give(Session::Closed{"cut"});
  connect();
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(SessionTest, AnExpiredSessionAnswersAllCallsAndTriesNoMore) {
  make(1);
  connect();
  const CallId waiting = call(get_request("/a"));
  give(Session::Closed{"cut"});
  pass(60);
  give(Session::Opened{});
  accept(0, 0);
  EXPECT_EQ(session_->state(), SessionState::kExpired);
  EXPECT_EQ(failure(waiting), Failure::kSessionExpired);
  EXPECT_EQ(failure(call(get_request("/b"))), Failure::kSessionExpired);
  const size_t attempts = tried_.size();
  pass(60'000);
  EXPECT_EQ(tried_.size(), attempts);
}

TEST_F(SessionTest, WhoHasBeenAwayForTheWholeTimeoutIsTold) {
  make(1);
  connect();
  pass(1'000);
  give(Session::Closed{"cut"});
  pass(kTimeoutMs - 1'001);
  EXPECT_EQ(session_->state(), SessionState::kSuspended);
  pass(1);
  EXPECT_EQ(session_->state(), SessionState::kOverdue);
  connect();
  EXPECT_THAT(states_, ElementsAre(SessionState::kConnected, SessionState::kSuspended,
                                   SessionState::kOverdue, SessionState::kConnected));
}

TEST_F(SessionTest, AfterAPauseTheSessionIsDoubtedBeforeAnythingIsBelieved) {
  make(1);
  connect();
  const CallId id = call(get_request("/a"), 100 * kTimeoutMs);
  const int32_t xid = asked().back().xid;
  now_ms_ += 10 * kTimeoutMs;
  reply(xid, 5, ErrorCode::kOk, stat_bytes());  // it lay in the socket all the time
  EXPECT_EQ(session_->state(), SessionState::kOverdue);
  EXPECT_FALSE(answers_.contains(id));
}

TEST_F(SessionTest, IdentitiesAreGivenAgainToEveryServer) {
  make(1);
  connect();
  const CallId id = call(authenticate_request("digest", "u:p"));
  EXPECT_EQ(asked().back().xid, kXidAuth);
  reply(kXidAuth, 0);
  EXPECT_TRUE(answers_.at(id));
  give(Session::Closed{"cut"});
  connect();
  const auto again = asked();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].op, OpCode::kAuth);
}

TEST_F(SessionTest, ARefusedIdentityEndsTheSession) {
  make(1);
  connect();
  const CallId id = call(authenticate_request("nonsense", ""));
  reply(kXidAuth, 0, ErrorCode::kAuthFailed);
  EXPECT_EQ(session_->state(), SessionState::kAuthenticationFailed);
  EXPECT_EQ(failure(id), Failure::kAuthenticationFailed);
}

TEST_F(SessionTest, ClosingWaitsForTheServerAndNoLongerThanItMay) {
  for (const bool answers : {true, false}) {
    make(1);
    states_.clear();
    connect();
    asked();
    give(Session::Close{now_ms_ + 1'000});
    const auto sent = asked();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].op, OpCode::kCloseSession);
    EXPECT_EQ(session_->state(), SessionState::kConnected);
    if (answers) reply(sent[0].xid, 5);
    if (!answers) pass(1'000);
    EXPECT_EQ(session_->state(), SessionState::kClosed);
    frames_.clear();
  }
}

TEST_F(SessionTest, NonsenseFromAServerCostsNoMoreThanTheConnection) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    make(2);
    answers_.clear();
    connect();
    for (int i = 0; i < 4; ++i) call(get_request("/a", true));
    std::string frame(random() % 60, '\0');
    for (char& byte : frame) byte = static_cast<char>(random() % 4 == 0 ? random() : 0xff);
    give(Session::Received{frame});
    connect();
    for (const Asked& one : asked()) {
      if (one.op == OpCode::kGetData) reply(one.xid, 5, ErrorCode::kNoNode);
    }
    pass(60'000);
    EXPECT_EQ(answers_.size(), 4U);
    for (const auto& [id, result] : answers_) {
      if (result) {
        EXPECT_FALSE(node(*result)) << id;
      }
    }
    frames_.clear();
  }
}

}  // namespace
}  // namespace topod::client
