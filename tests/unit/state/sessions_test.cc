#include "server/state/sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod::state {
namespace {

using testing::ElementsAre;

Session session_of(int64_t id) {
  Session session;
  session.id = SessionId(id);
  return session;
}

TEST(Sessions, AreIteratedInTheOrderOfTheirIds) {
  Sessions sessions;
  for (const int64_t id : {5, 1, 3}) sessions.insert(session_of(id));
  std::vector<int64_t> ids;
  for (const auto& [id, session] : sessions) ids.push_back(id.value());
  EXPECT_THAT(ids, ElementsAre(1, 3, 5));
  sessions.erase(SessionId(3));
  EXPECT_EQ(sessions.find(SessionId(3)), nullptr);
  EXPECT_EQ(sessions.find(SessionId(5))->id, SessionId(5));
  EXPECT_EQ(sessions.size(), 2u);
}

TEST(Sessions, EphemeralsAreCountedAndOrdered) {
  Sessions sessions;
  Session& one = sessions.insert(session_of(1));
  Session& two = sessions.insert(session_of(2));
  sessions.add_ephemeral(one, NodeId(9));
  sessions.add_ephemeral(one, NodeId(4));
  sessions.add_ephemeral(two, NodeId(5));
  EXPECT_EQ(sessions.ephemeral_count(), 3u);
  EXPECT_THAT(one.ephemerals, ElementsAre(NodeId(4), NodeId(9)));
  sessions.remove_ephemeral(one, NodeId(4));
  EXPECT_EQ(sessions.ephemeral_count(), 2u);
}

TEST(Sessions, SecretsMustBeEqualInEveryByteAndInLength) {
  Secret secret{};
  for (size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<uint8_t>('a' + i);
  const std::string given = "abcdefghijklmnop";
  EXPECT_TRUE(equal_in_constant_time(secret, given));
  for (size_t i = 0; i < given.size(); ++i) {
    std::string wrong = given;
    wrong[i] = '?';
    EXPECT_FALSE(equal_in_constant_time(secret, wrong));
    EXPECT_FALSE(equal_in_constant_time(secret, given.substr(0, i)));
  }
  EXPECT_FALSE(equal_in_constant_time(secret, given + "q"));
}

}  // namespace
}  // namespace topod::state
