// What validate finds in topologies that were damaged on purpose.
#include "tools/ctl/topology_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace topod::ctl {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// Paths and JSON of a small topology that is whole.
class World {
 public:
  World() {
    set("/g/cells/z1/CellInfo", R"({"server_address": "h:1", "root": "/z1"})");
    set("/g/cells_aliases/east/CellsAlias", R"({"cells": ["z1"]})");
    set("/g/keyspaces/k/Keyspace", "{}");
    set("/g/keyspaces/k/VSchema", R"({"sharded": true})");
    set("/g/keyspaces/k/shards/-80/Shard",
        R"({"primary_alias": {"cell": "z1", "uid": 1}, "key_range": {"end": "80"},
            "is_primary_serving": true})");
    set("/g/keyspaces/k/shards/80-/Shard",
        R"({"primary_alias": {"cell": "z1", "uid": 2}, "key_range": {"start": "80"},
            "is_primary_serving": true})");
    set_tablet(1, "-80", "PRIMARY");
    set_tablet(2, "80-", "PRIMARY");
    set("/z1/keyspaces/k/shards/-80/ShardReplication",
        R"({"nodes": [{"tablet_alias": {"cell": "z1", "uid": 1}}]})");
    set("/z1/keyspaces/k/shards/80-/ShardReplication",
        R"({"nodes": [{"tablet_alias": {"cell": "z1", "uid": 2}}]})");
    set("/z1/keyspaces/k/SrvKeyspace",
        R"({"partitions": [{"served_type": "PRIMARY",
                            "shard_references": [{"name": "-80"}, {"name": "80-"}]}]})");
    set("/z1/SrvVSchema", R"({"keyspaces": {"k": {"sharded": true}}})");
  }

  void set(const std::string& path, const std::string& json) {
    const auto bytes = encode_record(*record_type_of(path), Json::parse(json));
    ASSERT_TRUE(bytes) << path << ": " << bytes.error();
    values_[path] = *bytes;
  }
  void set_tablet(int uid, const std::string& shard, const std::string& type) {
    const std::string number = std::to_string(uid);
    set("/z1/tablets/z1-000000000" + number + "/Tablet",
        R"({"alias": {"cell": "z1", "uid": )" + number + R"(}, "keyspace": "k", "shard": ")" +
            shard + R"(", "type": ")" + type + "\"}");
  }
  void set_bytes(const std::string& path, const std::string& bytes) { values_[path] = bytes; }
  void remove(const std::string& path) { values_.erase(path); }

  [[nodiscard]] std::vector<std::string> findings() const {
    std::vector<Znode> znodes;
    for (const auto& [path, bytes] : values_) {
      Znode znode;
      znode.path = path;
      znode.data = bytes;
      znode.stat.data_length = static_cast<int32_t>(bytes.size());
      znodes.push_back(znode);
    }
    Topology topology;
    add_global(topology, "/g", znodes);
    for (auto& [name, cell] : topology.cells) add_cell(topology, name, znodes);
    std::vector<std::string> texts;
    for (const Finding& finding : check_topology(topology)) {
      texts.push_back(finding.where + ": " + finding.what);
    }
    return texts;
  }

 private:
  std::map<std::string, std::string> values_;
};

TEST(Validate, FindsNothingInATopologyThatIsWhole) { EXPECT_THAT(World().findings(), IsEmpty()); }

TEST(Validate, FindsWhatCannotBeDecoded) {
  World world;
  world.set_bytes("/g/keyspaces/k/Keyspace", "\xff\xff");
  EXPECT_THAT(world.findings(), Contains("/g/keyspaces/k/Keyspace: these 2 bytes are no Keyspace"));
}

TEST(Validate, FindsAPrimaryThatIsNone) {
  World world;
  world.set_tablet(1, "-80", "REPLICA");
  EXPECT_THAT(world.findings(), Contains(HasSubstr("its primary z1-0000000001 says that it is "
                                                   "REPLICA")));
  world.remove("/z1/tablets/z1-0000000001/Tablet");
  EXPECT_THAT(world.findings(), Contains(HasSubstr("its primary z1-0000000001 has no tablet")));
}

TEST(Validate, FindsASecondPrimary) {
  World world;
  world.set_tablet(3, "-80", "PRIMARY");
  EXPECT_THAT(world.findings(), Contains(HasSubstr("it says that it is the primary of k/-80, whose "
                                                   "Shard record names z1-0000000001")));
  EXPECT_THAT(world.findings(),
              Contains(HasSubstr("the ShardReplication of k/-80 in z1 lacks it")));
}

TEST(Validate, FindsGapsBetweenShardsThatServe) {
  World world;
  world.set("/g/keyspaces/k/shards/80-/Shard",
            R"({"primary_alias": {"cell": "z1", "uid": 2}, "key_range": {"start": "c0"},
                "is_primary_serving": true})");
  EXPECT_THAT(world.findings(), Contains("keyspace k: the shards that serve do not cover all "
                                         "keyspace ids once: -80, c0-"));
}

TEST(Validate, FindsServingGraphsOfWhatIsGone) {
  World world;
  world.remove("/g/keyspaces/k/shards/80-/Shard");
  const auto findings = world.findings();
  EXPECT_THAT(findings,
              Contains("/z1/keyspaces/k/SrvKeyspace: it sends queries to shard 80-, which "
                       "does not exist"));
  EXPECT_THAT(findings, Contains(HasSubstr("its shard k/80- does not exist")));
}

TEST(Validate, FindsAnotherVSchemaInACell) {
  World world;
  world.set("/g/keyspaces/k/VSchema", "{}");
  EXPECT_THAT(world.findings(),
              Contains("/z1/SrvVSchema: it has another VSchema of keyspace k than "
                       "/g/keyspaces/k/VSchema"));
}

TEST(Validate, FindsRootsThatOverlapAndAliasesOfNobody) {
  World world;
  world.set("/g/cells/z2/CellInfo", R"({"server_address": "h:1", "root": "/z1/inner"})");
  world.set("/g/cells_aliases/west/CellsAlias", R"({"cells": ["z9"]})");
  EXPECT_THAT(world.findings(), Contains(HasSubstr("their roots /z1 and /z1/inner overlap")));
  EXPECT_THAT(world.findings(), Contains(HasSubstr("it names cell \"z9\", which does not exist")));
}

}  // namespace
}  // namespace topod::ctl
