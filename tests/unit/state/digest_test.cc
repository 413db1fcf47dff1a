#include "server/state/digest.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <set>

#include "server/state/state.h"

namespace topod::state {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(Digest, AdditionCarriesAndSubtractionBorrows) {
  Digest sum(kMax, 5);
  sum.add(Digest(1, 0));
  EXPECT_EQ(sum, Digest(0, 6));
  sum.subtract(Digest(1, 0));
  EXPECT_EQ(sum, Digest(kMax, 5));
  sum.add(Digest(kMax, kMax));
  sum.subtract(Digest(kMax, kMax));
  EXPECT_EQ(sum, Digest(kMax, 5));
}

TEST(Digest, OrderOfItemsDoesNotMatter) {
  const Digest a(0x8000000000000001, 3), b(0xc000000000000007, kMax);
  Digest one, other;
  one.add(a);
  one.add(b);
  other.add(b);
  other.add(a);
  EXPECT_EQ(one, other);
  one.subtract(a);
  EXPECT_EQ(one, b);
}

// A digest that leaves a field out would let servers that differ in it pass as equal.
TEST(Digest, EveryFieldOfAZnodeCounts) {
  const std::vector<std::function<void(NodeFields&)>> changes = {
      [](NodeFields&) {},
      [](NodeFields& fields) { fields.id = NodeId(3); },
      [](NodeFields& fields) { fields.czxid = Zxid(1); },
      [](NodeFields& fields) { fields.mzxid = Zxid(1); },
      [](NodeFields& fields) { fields.pzxid = Zxid(1); },
      [](NodeFields& fields) { fields.ctime_ms = 1; },
      [](NodeFields& fields) { fields.mtime_ms = 1; },
      [](NodeFields& fields) { fields.version = 1; },
      [](NodeFields& fields) { fields.aversion = 1; },
      [](NodeFields& fields) { fields.children_created = 1; },
      [](NodeFields& fields) { fields.owner_or_ttl_ms = 1; },
      [](NodeFields& fields) { fields.acl = AclId(1); },
      [](NodeFields& fields) { fields.kind = NodeKind::kContainer; }};
  std::set<std::pair<uint64_t, uint64_t>> seen;
  const auto digest_with = [&](NodeId parent, std::string_view name, NullableBytes data,
                               const std::function<void(NodeFields&)>& change) {
    Tree tree;
    NodeFields fields;
    fields.id = parent;
    const NodeSlot root = tree.insert(kNoNode, "", "", fields);
    fields.id = NodeId(2);
    change(fields);
    const Digest digest = digest_of_node(tree, tree.insert(root, name, data, fields));
    EXPECT_TRUE(seen.emplace(digest.low(), digest.high()).second);
  };
  for (const auto& change : changes) digest_with(NodeId(1), "name", "data", change);
  digest_with(NodeId(9), "name", "data", changes[0]);
  digest_with(NodeId(1), "named", "ata", changes[0]);
  digest_with(NodeId(1), "name", "Data", changes[0]);
  digest_with(NodeId(1), "name", "", changes[0]);
  digest_with(NodeId(1), "name", std::nullopt, changes[0]);
  EXPECT_EQ(seen.size(), changes.size() + 5);
}

TEST(Digest, EveryFieldOfSessionsMarksAndListsCounts) {
  const std::vector<std::function<void(Session&)>> changes = {
      [](Session&) {},
      [](Session& session) { session.id = SessionId(1); },
      [](Session& session) { session.timeout_ms = 1; },
      [](Session& session) { session.secret[0] = 1; },
      [](Session& session) { session.secret[15] = 1; },
      [](Session& session) { session.attachment.server = ServerId(1); },
      [](Session& session) { session.attachment.incarnation = Incarnation(1); },
      [](Session& session) { session.attachment.connection = ConnectionId(1); }};
  std::set<std::pair<uint64_t, uint64_t>> seen;
  const auto see = [&](const Digest& digest) {
    EXPECT_TRUE(seen.emplace(digest.low(), digest.high()).second);
  };
  for (const auto& change : changes) {
    Session session;
    change(session);
    see(digest_of_session(session));
  }
  see(digest_of_member({}));
  see(digest_of_member({ServerId(1), {}, 0}));
  see(digest_of_member({{}, Incarnation(1), 0}));
  see(digest_of_member({{}, {}, 1}));
  see(digest_of_acl(AclId(1), world_acl(1)));
  see(digest_of_acl(AclId(2), world_acl(1)));
  see(digest_of_acl(AclId(1), world_acl(2)));
  see(digest_of_acl(AclId(1), {}));
}

// Servers of different versions compare digests: what they are made of must not change by
// accident.
TEST(Digest, OfANewStateIsAsItHasAlwaysBeen) {
  const Digest digest = State::initial().digest;
  EXPECT_EQ(digest.low(), 5663358095022240475u);
  EXPECT_EQ(digest.high(), 3291627591950325647u);
}

}  // namespace
}  // namespace topod::state
