// What a checkpoint and the log behind it amount to.
//
// Proven by unit tests: a checkpoint is there whole or not at all after a crash in any call of the
// store (ZOOKEEPER-2872; LmdbCrashTest), retention keeps what a restart needs (ZOOKEEPER-3231;
// LogTest), a missing or damaged tree is never taken for an empty one (ZOOKEEPER-2325,
// ZOOKEEPER-3056, ZOOKEEPER-3644; Startup), neither is a missing file of the log (LogRecoveryTest)
// nor a wrong last zxid (ZOOKEEPER-596; LogRecoveryTest).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/scenario/one_node.h"

namespace topod {
namespace {

// All that clients could see of a state, and the attachments.
std::string describe(const state::State& state) {
  std::ostringstream text;
  state.tree.for_each_in_subtree(state.tree.root(), [&](state::NodeSlot slot) {
    const state::NodeFields& fields = state.tree.fields(slot);
    text << state.tree.path(slot) << " id " << fields.id.value() << " zxids "
         << fields.czxid.value() << ' ' << fields.mzxid.value() << ' ' << fields.pzxid.value()
         << " times " << fields.ctime_ms << ' ' << fields.mtime_ms << " versions " << fields.version
         << ' ' << fields.aversion << ' ' << fields.children_created << " owner "
         << fields.owner_or_ttl_ms << " kind " << static_cast<int>(fields.kind) << " acl "
         << state::serialize_acl(state.acls.get(fields.acl)) << " data "
         << state.tree.data(slot).value_or("(null)") << '\n';
    return true;
  });
  for (const auto& [id, session] : state.sessions) {
    text << "session " << id.value() << " timeout " << session.timeout_ms << " attached "
         << session.attachment.connection.value();
    for (const NodeId node : session.ephemerals) text << " owns " << node.value();
    text << '\n';
  }
  return text.str();
}

// A history that touches everything a checkpoint holds. Each step is one entry.
class History {
 public:
  explicit History(OneNode& node) : node_(node), client_(node.connect()), other_(node.connect()) {
    using state::create;
    steps_ = {
        create("/a", "1"),
        create("/a/b", "2", {.acl = {{kPermRead, "world", "anyone"}}}),
        state::set_acl("/a", {{kPermAll, "world", "anyone"}, {kPermRead, "ip", "10.0.0.0/8"}}),
        create("/a/s-", "", {.flags = static_cast<int32_t>(CreateMode::kPersistentSequential)}),
        create("/a/s-", "", {.flags = static_cast<int32_t>(CreateMode::kPersistentSequential)}),
        state::remove("/a/s-0000000001"),
        create_ephemeral("/e1"),
        state::multi({create("/m1"), create("/m1/x"), state::set_data("/a", "3")}),
        state::multi({create("/m2"), state::check("/none")}),
        state::multi({state::remove("/m1/x"), state::remove("/m1"), create("/m1", "again")}),
        state::create_with(OpCode::kCreateContainer, "/c", 4),
        create("/c/1"),
        state::create_with(OpCode::kCreateTtl, "/t", 5, 60'000),
        create("/q"),
        create("/zookeeper/quota/q"),
        create("/zookeeper/quota/q/zookeeper_limits", "count=3,bytes=100"),
        create("/zookeeper/quota/q/zookeeper_stats", "count=0,bytes=0"),
        create("/q/1", std::string(5'000, 'x')),
        state::set_data("/q/1", std::string(3'000, 'y')),
        state::set_acl("/a", {{kPermAll, "world", "anyone"}}),
        create("/a/b", "exists"),
        state::remove("/c/1"),
        create("/a/n", std::nullopt),
        state::set_data("/a/n", ""),
        state::remove("/a/n"),
    };
  }

  [[nodiscard]] size_t size() const { return steps_.size(); }
  void run(size_t step) {
    node_.call(client_, steps_[step]);
    // Somebody whose session ends in the middle of it all.
    if (step == 4) node_.call(other_, create_ephemeral("/e2"));
    if (step == 12) node_.call(other_, close_session());
  }

 private:
  OneNode& node_;
  ConnectionId client_;
  ConnectionId other_;
  std::vector<Request> steps_;
};

// ZOOKEEPER-1090, ZOOKEEPER-3127, ZOOKEEPER-3144, ZOOKEEPER-3249, ZOOKEEPER-3306: missing nodes,
// half a multi, a reverted cversion, a wrong table of access lists. etcd 13766, 14685: entries
// applied twice.
TEST(StoredState, ACheckpointAtAnyEntryAndTheLogBehindItAreTheState) {
  for (size_t place = 0;; ++place) {
    OneNode node;
    node.start();
    History history(node);
    if (place > history.size()) break;
    SCOPED_TRACE("checkpoint before step " + std::to_string(place));
    for (size_t step = 0; step < history.size(); ++step) {
      if (step == place || step == place / 2) node.checkpoint();
      history.run(step);
    }
    if (place == history.size()) node.checkpoint();
    const std::string before = describe(node.state());
    node.restart_after_crash();
    ASSERT_EQ(describe(node.state()), before);
    ASSERT_EQ(node.state().digest, state::recompute_digest(node.state()));
  }
}

// ClickHouse Keeper 48595, 65198: replicas that came to different results for one entry.
TEST(StoredState, ReplayUnderAnotherConfigurationGivesTheSameState) {
  OneNode node;
  const auto configure = [&](bool strict, bool digest_enabled) {
    node.replica_config.skip_acl = !strict;
    node.replica_config.enforce_quota = strict;
    node.replica_config.ttl_nodes_enabled = !strict;
    node.replica_config.max_session_timeout_ms = strict ? 5'000 : 60'000;
    node.replica_config.authentication.digest_enabled = digest_enabled;
  };
  for (const bool strict : {true, false}) {
    configure(strict, true);
    node.start();
    const ConnectionId client = node.connect(60'000);
    const std::string root = strict ? "/strict" : "/loose";
    node.call(client, authenticate("digest", "u:p"));
    node.call(client, state::create(root));
    node.call(client, state::create("/zookeeper/quota" + root));
    node.call(client, state::create("/zookeeper/quota" + root + "/zookeeper_limits",
                                    "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2"));
    node.call(client, state::create("/zookeeper/quota" + root + "/zookeeper_stats", ""));
    node.call(client, state::create(root + "/1", "", {.acl = {{kPermRead, "world", "anyone"}}}));
    node.call(client, state::create(root + "/1/denied"));
    node.call(client, state::create(root + "/2"));
    node.call(client, state::create(root + "/3", "", {.acl = {{kPermAll, "auth", ""}}}));
    node.call(client, state::create_with(OpCode::kCreateTtl, root + "/ttl", 5, 1'000));
    const std::string before = describe(node.state());
    node.crash();
    configure(!strict, false);
    node.start();
    EXPECT_EQ(describe(node.state()), before);
    EXPECT_EQ(node.has_node(root + "/1/denied"), !strict);
    EXPECT_EQ(node.has_node(root + "/ttl"), !strict);
    node.crash();
  }
}

}  // namespace
}  // namespace topod
