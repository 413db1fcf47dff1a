#include "server/state/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <map>
#include <random>

namespace topod::state {
namespace {

using testing::ElementsAre;

class TreeTest : public testing::Test {
 protected:
  TreeTest() { root_ = tree_.insert(kNoNode, "", "", numbered(1)); }

  static NodeFields numbered(uint64_t id) {
    NodeFields fields;
    fields.id = NodeId(id);
    return fields;
  }
  NodeSlot add(NodeSlot parent, std::string_view name, NullableBytes data = "") {
    return tree_.insert(parent, name, data, numbered(++last_id_));
  }

  Tree tree_;
  NodeSlot root_;
  uint64_t last_id_ = 1;
};

TEST_F(TreeTest, ExactPathsAreFoundAndNoOthers) {
  const NodeSlot a = add(root_, "a");
  const NodeSlot b = add(a, "b");
  EXPECT_EQ(tree_.find("/a"), a);
  EXPECT_EQ(tree_.find("/a/b"), b);
  EXPECT_EQ(tree_.find("/"), root_);
  EXPECT_EQ(tree_.find(""), root_);
  for (const std::string_view path :
       {"/b", "/a/", "/a//b", "//a", "//", "a", "a/b", "/a/b/c", "/A", "/a/b/"}) {
    EXPECT_EQ(tree_.find(path), kNoNode) << path;
  }
}

TEST_F(TreeTest, NodesAreFoundByTheirIds) {
  const NodeSlot a = add(root_, "a");
  EXPECT_EQ(tree_.by_id(tree_.fields(a).id), a);
  EXPECT_EQ(tree_.by_id(NodeId(1)), root_);
  EXPECT_EQ(tree_.by_id(NodeId(99)), kNoNode);
  tree_.remove(a);
  EXPECT_EQ(tree_.by_id(NodeId(2)), kNoNode);
}

TEST_F(TreeTest, PathsAreSpelledFromTheRoot) {
  const NodeSlot a = add(root_, "a");
  EXPECT_EQ(tree_.path(root_), "/");
  EXPECT_EQ(tree_.path(add(a, "bcd")), "/a/bcd");
}

TEST_F(TreeTest, ChildrenComeSorted) {
  for (const auto name : {"m", "a", "z", "b"}) add(root_, name);
  add(tree_.find("/a"), "inner");
  std::vector<std::string_view> names;
  tree_.children(root_, names);
  EXPECT_THAT(names, ElementsAre("a", "b", "m", "z"));
  tree_.remove(tree_.find("/m"));
  tree_.children(root_, names);
  EXPECT_THAT(names, ElementsAre("a", "b", "z"));
  EXPECT_EQ(tree_.child_count(root_), 3u);
}

TEST_F(TreeTest, DataIsReplacedWithWhateverSize) {
  const NodeSlot a = add(root_, "name", "12345");
  for (const NullableBytes data : {NullableBytes("54321"), NullableBytes("a longer one"),
                                   NullableBytes(""), NullableBytes{}, NullableBytes("x")}) {
    tree_.set_data(a, data);
    EXPECT_EQ(tree_.data(a), data);
    EXPECT_EQ(tree_.name(a), "name");
    EXPECT_EQ(tree_.data_length(a), data.value_or("").size());
  }
}

TEST_F(TreeTest, DataMayBeSetToAPartOfItself) {
  const NodeSlot a = add(root_, "name", "12345");
  tree_.set_data(a, tree_.data(a)->substr(1, 3));
  EXPECT_EQ(tree_.data(a), NullableBytes("234"));
  tree_.set_data(a, tree_.data(a));
  EXPECT_EQ(tree_.data(a), NullableBytes("234"));
}

TEST_F(TreeTest, ContentTellsNameDataAndTheirBorderApart) {
  const NodeSlot one = add(root_, "ab", "c");
  const NodeSlot two = add(root_, "a", "bc");
  const NodeSlot null = add(one, "x", std::nullopt);
  const NodeSlot empty = add(two, "x", "");
  EXPECT_NE(tree_.content(one), tree_.content(two));
  EXPECT_NE(tree_.content(null), tree_.content(empty));
}

TEST_F(TreeTest, VisibleChildVersionCountsCreationsAndDeletions) {
  NodeFields fields = numbered(++last_id_);
  fields.children_created = 5;
  const NodeSlot a = tree_.insert(root_, "a", "", fields);
  EXPECT_EQ(tree_.stat(a).cversion, 10);
  add(a, "x");
  add(a, "y");
  EXPECT_EQ(tree_.stat(a).cversion, 8);
  EXPECT_EQ(tree_.stat(a).num_children, 2);
  tree_.mutable_fields(a).children_created = int64_t{1} << 31;
  EXPECT_EQ(tree_.stat(a).cversion, -2);
}

TEST_F(TreeTest, OwnerIsShownOfEphemeralsAlone) {
  NodeFields fields = numbered(++last_id_);
  fields.owner_or_ttl_ms = 77;
  for (const NodeKind kind : {NodeKind::kEphemeral, NodeKind::kTtl}) {
    fields.kind = kind;
    const NodeSlot slot = tree_.insert(root_, "x", "", fields);
    EXPECT_EQ(tree_.stat(slot).ephemeral_owner, kind == NodeKind::kEphemeral ? 77 : 0);
    tree_.remove(slot);
  }
}

TEST_F(TreeTest, SubtreeIsWalkedParentsFirstAndCanBeCutOff) {
  const NodeSlot a = add(root_, "a");
  const NodeSlot b = add(a, "b");
  add(b, "c");
  add(root_, "z");
  EXPECT_EQ(tree_.descendant_count(root_), 4u);
  EXPECT_EQ(tree_.descendant_count(a), 2u);
  EXPECT_EQ(tree_.descendant_count(tree_.find("/z")), 0u);
  std::vector<std::string> seen;
  tree_.for_each_in_subtree(a, [&](NodeSlot slot) {
    seen.push_back(tree_.path(slot));
    return slot != b;
  });
  EXPECT_THAT(seen, ElementsAre("/a", "/a/b"));
}

TEST_F(TreeTest, VeryDeepTreeIsNoProblem) {
  constexpr int kDepth = 200'000;
  NodeSlot slot = root_;
  for (int i = 0; i < kDepth; ++i) slot = add(slot, "d");
  EXPECT_EQ(tree_.descendant_count(root_), static_cast<uint64_t>(kDepth));
  const std::string path = tree_.path(slot);
  EXPECT_EQ(path.size(), 2u * kDepth);
  EXPECT_EQ(tree_.find(path), slot);
}

// Slots are used again, chains grow and shrink: compared with a map after thousands of steps.
TEST_F(TreeTest, RandomInsertionsAndRemovalsKeepTheIndexesRight) {
  constexpr uint32_t kSeed = 20'260'801;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  std::map<std::string, NodeId> expected = {{"/", NodeId(1)}};
  uint64_t bytes = 0;
  for (int step = 0; step < 30'000; ++step) {
    const auto at =
        std::next(expected.begin(),
                  static_cast<ptrdiff_t>(random() % std::min<size_t>(expected.size(), 500)));
    const NodeSlot slot = tree_.find(at->first);
    ASSERT_NE(slot, kNoNode);
    const bool is_leaf = tree_.child_count(slot) == 0;
    if (random() % 5 < 2 && is_leaf && slot != root_) {
      bytes -= tree_.name(slot).size() + tree_.data_length(slot);
      tree_.remove(slot);
      expected.erase(at);
      continue;
    }
    const std::string name = std::to_string(random() % 50);
    if (tree_.child(slot, name) != kNoNode) continue;
    const std::string path = (at->first == "/" ? "" : at->first) + "/" + name;
    const std::string data(random() % 20, 'x');
    bytes += name.size() + data.size();
    expected[path] = tree_.fields(add(slot, name, data)).id;
  }
  ASSERT_GT(expected.size(), 1'000u);
  EXPECT_EQ(tree_.size(), expected.size());
  EXPECT_EQ(tree_.data_bytes(), bytes);
  for (const auto& [path, id] : expected) {
    const NodeSlot slot = tree_.find(path);
    ASSERT_NE(slot, kNoNode) << path;
    EXPECT_EQ(tree_.fields(slot).id, id);
    EXPECT_EQ(tree_.by_id(id), slot);
    EXPECT_EQ(tree_.path(slot), path);
  }
}

size_t allocated_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

bool allocator_tells() {
  const size_t before = allocated_bytes();
  const std::vector<char> block(100'000);
  return allocated_bytes() > before + block.size() / 2;
}

TEST_F(TreeTest, ZnodeOfHundredBytesTakesLessThan260) {
  if (!allocator_tells()) GTEST_SKIP() << "a sanitizer's allocator";
  constexpr size_t kNodes = 200'000;
  const std::string data(100, 'x');
  const size_t before = allocated_bytes();
  for (size_t i = 0; i < kNodes; ++i) {
    char name[16];
    std::snprintf(name, sizeof name, "node-%07zu", i);
    add(root_, name, data);
  }
  const size_t each = (allocated_bytes() - before) / kNodes;
  EXPECT_LE(each, 260u);
  EXPECT_GE(each, 100u);  // or the measurement is broken
  RecordProperty("bytes_per_znode", static_cast<int>(each));
}

}  // namespace
}  // namespace topod::state
