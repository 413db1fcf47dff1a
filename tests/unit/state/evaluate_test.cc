// Entries besides clients' writes: members, sessions, expiry, reaping.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/state/state_driver.h"

namespace topod::state {
namespace {

using enum ErrorCode;
using testing::ElementsAre;

class Evaluate : public testing::Test, protected StateDriver {
 protected:
  entry::Entry write_entry(const Request& request) {
    entry::Entry entry;
    entry.mutable_write()->set_session(session.value());
    entry.mutable_write()->set_connection(connection.value());
    entry.mutable_write()->set_op(static_cast<int32_t>(request.op));
    entry.mutable_write()->set_body(request.body);
    return entry;
  }
  void set_origin(entry::Entry& entry, Incarnation incarnation, uint64_t number) {
    entry.mutable_origin()->set_server(kServer.value());
    entry.mutable_origin()->set_incarnation(incarnation.value());
    entry.mutable_origin()->set_forward_number(number);
  }
  const Effects& attach(SessionId to, ConnectionId on, std::string_view secret) {
    entry::Entry entry;
    entry::Attach* const attach = entry.mutable_attach();
    attach->set_session(to.value());
    attach->set_connection(on.value());
    attach->set_secret(secret.data(), secret.size());
    attach->set_timeout_ms(4'000);
    return evaluate(entry);
  }
  const Effects& expire(SessionId id, const Attachment& judged) {
    entry::Entry entry;
    entry::ExpireSession* const expire = entry.mutable_expire_session();
    expire->set_session(id.value());
    expire->set_server(judged.server.value());
    expire->set_incarnation(judged.incarnation.value());
    expire->set_connection(judged.connection.value());
    return evaluate_as_is(entry);
  }
  const Effects& reap(const NodeFields& judged) {
    entry::Entry entry;
    entry.mutable_reap()->set_node(judged.id.value());
    entry.mutable_reap()->set_pzxid(judged.pzxid.value());
    entry.mutable_reap()->set_mzxid(judged.mzxid.value());
    return evaluate_as_is(entry);
  }
  const Member& mark() { return state.members.at(kServer); }
};

// ---- members ----------------------------------------------------------------------------------

TEST_F(Evaluate, EntryOfTheSameNumberDoesNothingTheSecondTime) {
  entry::Entry entry = write_entry(create("/a"));
  set_origin(entry, kIncarnation, 50);
  EXPECT_FALSE(evaluate_as_is(entry).ignored);
  EXPECT_EQ(mark().last_number, 50u);
  entry = write_entry(remove("/a"));
  set_origin(entry, kIncarnation, 50);
  EXPECT_TRUE(evaluate_as_is(entry).ignored);
  set_origin(entry, kIncarnation, 49);
  EXPECT_TRUE(evaluate_as_is(entry).ignored);
  EXPECT_TRUE(exists("/a"));
  set_origin(entry, kIncarnation, 51);
  EXPECT_FALSE(evaluate_as_is(entry).ignored);
  EXPECT_FALSE(exists("/a"));
}

TEST_F(Evaluate, NumbersOfFailedRequestsAreSpentToo) {
  entry::Entry entry = write_entry(remove("/missing"));
  set_origin(entry, kIncarnation, 60);
  EXPECT_EQ(evaluate_as_is(entry).error, kNoNode);
  EXPECT_EQ(mark().last_number, 60u);
}

TEST_F(Evaluate, AnotherIncarnationAndAnUnknownServerAreIgnored) {
  entry::Entry entry = write_entry(create("/a"));
  set_origin(entry, Incarnation(1), 1'000);
  EXPECT_TRUE(evaluate_as_is(entry).ignored);
  set_origin(entry, kIncarnation, 1'000);
  entry.mutable_origin()->set_server(9);
  EXPECT_TRUE(evaluate_as_is(entry).ignored);
  EXPECT_FALSE(exists("/a"));
  EXPECT_EQ(state.members.size(), 1u);
}

TEST_F(Evaluate, ServerUpStartsTheNumbersOfItsIncarnationOnce) {
  entry::Entry up;
  up.mutable_server_up();
  set_origin(up, Incarnation(77), 0);
  EXPECT_FALSE(evaluate_as_is(up).ignored);
  EXPECT_EQ(mark().incarnation, Incarnation(77));
  EXPECT_EQ(mark().last_number, 0u);
  entry::Entry entry = write_entry(create("/a"));
  set_origin(entry, kIncarnation, 1'000);
  EXPECT_TRUE(evaluate_as_is(entry).ignored);
  set_origin(entry, Incarnation(77), 1);
  EXPECT_EQ(evaluate_as_is(entry).error, kSessionMoved);
  EXPECT_EQ(mark().last_number, 1u);
  // A duplicate of the announcement does not make the numbers start again.
  EXPECT_TRUE(evaluate_as_is(up).ignored);
  EXPECT_EQ(mark().last_number, 1u);
}

TEST_F(Evaluate, IgnoredEntryStillMovesTheAppliedZxid) {
  entry::Entry entry = write_entry(create("/a"));
  set_origin(entry, Incarnation(1), 1);
  const Zxid before = state.applied;
  evaluate_as_is(entry);
  EXPECT_EQ(state.applied.value(), before.value() + 1);
}

// ---- sessions -------------------------------------------------------------------------------

TEST_F(Evaluate, SessionsIdIsTheZxidOfItsCreation) {
  const SessionId id = open_session(ConnectionId(8), "secret of 16 byt");
  EXPECT_EQ(id.value(), state.applied.value());
  EXPECT_EQ(effects.timeout_ms, 10'000);
  const Session& made = *state.sessions.find(id);
  EXPECT_EQ(made.attachment, (Attachment{kServer, kIncarnation, ConnectionId(8)}));
  EXPECT_TRUE(equal_in_constant_time(made.secret, "secret of 16 byt"));
  EXPECT_EQ(effects.secret, made.secret);
}

TEST_F(Evaluate, WriteOfAnUnknownSessionIsExpired) {
  EXPECT_EQ(write_of(SessionId(4711), connection, create("/a")), kSessionExpired);
  EXPECT_EQ(write_of(SessionId(4711), connection, {OpCode::kCreate, "?"}), kSessionExpired);
}

TEST_F(Evaluate, WriteThroughAnotherConnectionIsMoved) {
  EXPECT_EQ(write_of(session, ConnectionId(99), create("/a")), kSessionMoved);
  EXPECT_EQ(write_of(session, ConnectionId(99), {OpCode::kCreate, "?"}), kSessionMoved);
  EXPECT_FALSE(exists("/a"));
}

TEST_F(Evaluate, AttachingMovesTheSessionAndNamesWhereItWas) {
  const Effects& result = attach(session, ConnectionId(5), "0123456789abcdef");
  EXPECT_EQ(result.error, kOk);
  EXPECT_EQ(result.session, session);
  EXPECT_EQ(result.timeout_ms, 4'000);
  EXPECT_EQ(result.previous, (Attachment{kServer, kIncarnation, connection}));
  EXPECT_EQ(state.sessions.find(session)->timeout_ms, 4'000);
  EXPECT_EQ(write(create("/a")), kSessionMoved);
  EXPECT_EQ(write_of(session, ConnectionId(5), create("/a")), kOk);
}

TEST_F(Evaluate, WrongSecretMovesNothing) {
  for (const std::string_view secret : {"0123456789abcdeX", "", "0123456789abcde", "xx"}) {
    EXPECT_EQ(attach(session, ConnectionId(5), secret).error, kSessionExpired);
    EXPECT_EQ(effects.session, SessionId{});
  }
  EXPECT_EQ(attach(SessionId(4711), ConnectionId(5), "0123456789abcdef").error, kSessionExpired);
  EXPECT_EQ(write(create("/a")), kOk);
}

TEST_F(Evaluate, ClosingDeletesEphemeralsInTheOrderOfTheirCreation) {
  const SessionId other = open_session(ConnectionId(2));
  ASSERT_EQ(write(create("/d")), kOk);
  ASSERT_EQ(write(create("/z", "", {.flags = 1})), kOk);
  ASSERT_EQ(write_of(other, ConnectionId(2), create("/theirs", "", {.flags = 1})), kOk);
  ASSERT_EQ(write(create("/d/a", "", {.flags = 1})), kOk);
  close_session(session, connection);
  EXPECT_EQ(effects.error, kOk);
  EXPECT_EQ(effects.closed_session, session);
  EXPECT_EQ(effects.closed_attachment.connection, connection);
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeDeleted, "/z"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/"},
                                    ToldEvent{EventType::kNodeDeleted, "/d/a"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/d"}));
  EXPECT_EQ(state.sessions.find(session), nullptr);
  EXPECT_EQ(state.sessions.ephemeral_count(), 1u);
  EXPECT_TRUE(exists("/theirs"));
  EXPECT_EQ(stat("/d").pzxid, state.applied.value());
  EXPECT_EQ(stat("/d").cversion, 2);
  EXPECT_EQ(write(create("/a")), kSessionExpired);
  EXPECT_EQ(close_session(session, connection).error, kSessionExpired);
}

TEST_F(Evaluate, OnlyTheAttachedConnectionClosesASession) {
  EXPECT_EQ(close_session(session, ConnectionId(99)).error, kSessionMoved);
  EXPECT_EQ(effects.closed_session, SessionId{});
  EXPECT_NE(state.sessions.find(session), nullptr);
}

TEST_F(Evaluate, ExpiryHoldsOnlyForTheJudgedAttachment) {
  ASSERT_EQ(write(create("/e", "", {.flags = 1})), kOk);
  const Attachment judged = state.sessions.find(session)->attachment;
  ASSERT_EQ(attach(session, ConnectionId(5), "0123456789abcdef").error, kOk);
  expire(session, judged);
  EXPECT_EQ(effects.closed_session, SessionId{});
  EXPECT_TRUE(exists("/e"));
  expire(session, state.sessions.find(session)->attachment);
  EXPECT_EQ(effects.closed_session, session);
  EXPECT_EQ(effects.closed_attachment.connection, ConnectionId(5));
  EXPECT_FALSE(exists("/e"));
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeDeleted, "/e"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/"}));
  expire(session, judged);
  EXPECT_EQ(effects.closed_session, SessionId{});
}

// ---- reaping --------------------------------------------------------------------------------

TEST_F(Evaluate, EmptyContainerIsReapedWithEvents) {
  ASSERT_EQ(write(create_with(OpCode::kCreateContainer, "/c", 0)), kOk);
  reap(fields("/c"));
  EXPECT_FALSE(exists("/c"));
  EXPECT_THAT(events(), ElementsAre(ToldEvent{EventType::kNodeDeleted, "/c"},
                                    ToldEvent{EventType::kNodeChildrenChanged, "/"}));
  EXPECT_TRUE(state.reapable.empty());
}

TEST_F(Evaluate, NodeThatWasUsedSinceItWasJudgedIsLeftAlone) {
  ASSERT_EQ(write(create_with(OpCode::kCreateContainer, "/c", 0)), kOk);
  const NodeFields judged = fields("/c");
  ASSERT_EQ(write(create("/c/x")), kOk);
  reap(judged);
  reap(fields("/c"));
  EXPECT_TRUE(exists("/c"));
  ASSERT_EQ(write(remove("/c/x")), kOk);
  reap(judged);
  EXPECT_TRUE(exists("/c"));
  const NodeFields judged_again = fields("/c");
  ASSERT_EQ(write(set_data("/c", "x")), kOk);
  reap(judged_again);
  EXPECT_TRUE(exists("/c"));
  reap(fields("/c"));
  EXPECT_FALSE(exists("/c"));
  reap(judged);
  EXPECT_TRUE(effects.events.empty());
}

TEST_F(Evaluate, TtlNodeLivesForItsTimeAfterTheLastChange) {
  ASSERT_EQ(write(create_with(OpCode::kCreateTtl, "/t", 5, 1'000)), kOk);
  time_ms += 1'000;
  reap(fields("/t"));
  EXPECT_TRUE(exists("/t"));
  time_ms += 1;
  reap(fields("/t"));
  EXPECT_FALSE(exists("/t"));
}

TEST_F(Evaluate, OrdinaryNodesAreNeverReaped) {
  ASSERT_EQ(write(create("/a")), kOk);
  ASSERT_EQ(write(create("/e", "", {.flags = 1})), kOk);
  reap(fields("/a"));
  reap(fields("/e"));
  reap(fields("/"));
  EXPECT_TRUE(exists("/a") && exists("/e"));
}

// ---- the rest -------------------------------------------------------------------------------

TEST_F(Evaluate, FeatureLevelOnlyRises) {
  entry::Entry entry;
  entry.mutable_raise_feature_level()->set_level(5);
  evaluate_as_is(entry);
  EXPECT_EQ(state.feature_level, 5u);
  entry.mutable_raise_feature_level()->set_level(2);
  evaluate_as_is(entry);
  EXPECT_EQ(state.feature_level, 5u);
}

TEST_F(Evaluate, EntryOfNoKindChangesNothingButTheZxid) {
  const Digest before = state.digest;
  evaluate_as_is(entry::Entry{});
  EXPECT_EQ(state.digest, before);
}

TEST_F(Evaluate, EffectsOfOneEntryDoNotShowInTheNext) {
  open_session(ConnectionId(8));
  ASSERT_EQ(write(create("/a")), kOk);
  EXPECT_EQ(effects.session, SessionId{});
  EXPECT_EQ(effects.secret, Secret{});
  ASSERT_EQ(write(remove("/missing")), kNoNode);
  EXPECT_TRUE(effects.events.empty() && effects.event_paths.empty() && effects.body.empty());
}

TEST_F(Evaluate, ChangesNameWhatEachEntryTouched) {
  ASSERT_EQ(write(create("/a")), kOk);
  state.changes.clear();
  ASSERT_EQ(write(create("/a/b", "", {.acl = {{kPermAll, "ip", "127.0.0.1"}}})), kOk);
  EXPECT_THAT(state.changes.nodes,
              testing::UnorderedElementsAre(fields("/a").id, fields("/a/b").id));
  EXPECT_THAT(state.changes.acls, ElementsAre(fields("/a/b").acl));
  EXPECT_THAT(state.changes.members, ElementsAre(kServer));
  EXPECT_TRUE(state.changes.sessions.empty());
  state.changes.clear();
  close_session(session, connection);
  EXPECT_THAT(state.changes.sessions, ElementsAre(session));
}

}  // namespace
}  // namespace topod::state
