#include "storage/tree_schema.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/storage/tree_model.h"

namespace topod::storage {
namespace {

// The value of a row, sealed.
template <class Row>
std::string sealed(Table table, std::string_view key, const Row& row) {
  std::string value;
  encode(row, value);
  seal_row(table, key, value.data(), value.size());
  return value;
}

TEST(TreeSchema, TheBytesOfANodeAreThoseDocumented) {
  NodeRow row;
  row.id = NodeId(0x0102);
  row.parent = NodeId(0x11);
  row.czxid = Zxid(0x12);
  row.mzxid = Zxid(0x13);
  row.pzxid = Zxid(0x14);
  row.ctime_ms = 0x15;
  row.mtime_ms = 0x16;
  row.children_created = 0x17;
  row.owner_or_ttl_ms = 0x18;
  row.version = 0x19;
  row.aversion = 0x1a;
  row.acl = AclId(0x1b);
  row.kind = StoredKind::kTtl;
  row.name = "ab";
  row.data = "xyz";
  EXPECT_EQ(hex_of(RowKey::of(row.id).view()), "0000000000000102");
  std::string value;
  encode(row, value);
  std::string expected(96, '\0');
  for (size_t field = 0; field < 8; ++field) expected[8 + 8 * field] = char(0x11 + field);
  expected[72] = 0x19;
  expected[76] = 0x1a;
  expected[80] = 0x1b;
  expected[84] = 2;
  expected[88] = 3;
  expected[92] = 3;
  EXPECT_EQ(value, expected + "abxyz");
}

TEST(TreeSchema, KeysAreOrderedAsTheirNumbers) {
  EXPECT_LT(RowKey::of(NodeId(255)).view(), RowKey::of(NodeId(256)).view());
  EXPECT_LT(RowKey::of(NodeId(1), 255).view(), RowKey::of(NodeId(1), 256).view());
  EXPECT_LT(RowKey::of(NodeId(1), 256).view(), RowKey::of(NodeId(2), 0).view());
  EXPECT_LT(RowKey::of(AclId(1), 7).view(), RowKey::of(AclId(2), 0).view());
}

TEST(TreeSchema, EveryFlippedBitOfARowIsFound) {
  const RowKey key = RowKey::of(NodeId(7));
  std::string value = sealed(Table::kNodes, key.view(), sample_node(7, "name", "data"));
  ASSERT_TRUE(row_is_intact(Table::kNodes, key.view(), value));
  for (size_t bit = 0; bit < value.size() * 8; ++bit) {
    value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(row_is_intact(Table::kNodes, key.view(), value));
    value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(TreeSchema, ARowIsBoundToItsKeyAndItsTable) {
  const RowKey key = RowKey::of(NodeId(7));
  const std::string value = sealed(Table::kNodes, key.view(), sample_node(7, "name", "data"));
  EXPECT_FALSE(row_is_intact(Table::kNodes, RowKey::of(NodeId(8)).view(), value));
  EXPECT_FALSE(row_is_intact(Table::kSessions, key.view(), value));
}

TEST(TreeSchema, ASessionWithEveryFieldComesBack) {
  const SessionRow row{SessionId(0x7fff'ffff'ffff'ffff),
                       -5,
                       {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                       ServerId(17),
                       Incarnation(18),
                       ConnectionId(19)};
  std::string value;
  encode(row, value);
  const auto decoded = decode_session(RowKey::of(row.id).view(), value);
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(*decoded, row);
}

TEST(TreeSchema, ACheckpointWithEveryFieldComesBack) {
  CheckpointMeta meta;
  meta.feature_level = 2;
  meta.server = ServerId(3);
  meta.acl_counter = 4;
  meta.ensemble = EnsembleId(5);
  meta.zxid = Zxid(6);
  meta.accepted_epoch = Epoch(7);
  meta.current_epoch = Epoch(8);
  meta.log_segment = 9;
  meta.log_offset_bytes = 10;
  meta.digest_low = 11;
  meta.digest_high = 12;
  meta.znode_count = 13;
  meta.data_bytes = 14;
  meta.next_node_id = 15;
  std::string value;
  encode(meta, value);
  EXPECT_EQ(*decode_checkpoint(value), meta);
}

TEST(TreeSchema, OfANewerCheckpointTheVersionIsRead) {
  std::string value;
  encode(CheckpointMeta{}, value);
  value[8] = 2;
  value += "fields to come";
  const auto decoded = decode_checkpoint(value);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->format_version, 2U);
}

TEST(TreeSchema, RowsThatMakeNoSenseAreRefused) {
  const RowKey key = RowKey::of(NodeId(7));
  std::string good;
  encode(sample_node(7, "name", "data"), good);
  ASSERT_TRUE(decode_node_header(key.view(), good));
  const auto refused = [&](size_t offset, char byte) {
    std::string bad = good;
    bad[offset] = byte;
    return !decode_node_header(key.view(), bad);
  };
  EXPECT_TRUE(refused(8, 7)) << "its own parent";
  EXPECT_TRUE(refused(8, 8)) << "older than its parent";
  EXPECT_TRUE(refused(84, 5)) << "a name longer than the row";
  EXPECT_TRUE(refused(88, 3)) << "bytes left over";
  EXPECT_TRUE(refused(92, 4)) << "an unknown kind";
  EXPECT_TRUE(refused(93, 1)) << "null data of some length";
  EXPECT_TRUE(refused(93, 2)) << "said to lie elsewhere, but short";
  EXPECT_TRUE(refused(93, 4)) << "an unknown flag";
  EXPECT_TRUE(refused(94, 1)) << "bytes that are to be zero";
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_FALSE(decode_node_header(key.view(), std::string_view(good).substr(0, bytes)));
  }
}

}  // namespace
}  // namespace topod::storage
