// What differs between subtrees, and what an import would do about it.
#include "tools/ctl/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/ctl/importer.h"
#include "tools/ctl/source.h"

namespace topod::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Exported subtree(std::map<std::string, ExportedNode> nodes) {
  return {.root = "/r", .zxid = Zxid(1), .at_one_zxid = true, .nodes = std::move(nodes)};
}

ExportedNode node(const char* data) { return {.data = data, .acls = client::open_acls()}; }

ExportedNode ephemeral(const char* data) {
  ExportedNode result = node(data);
  result.is_ephemeral = true;
  return result;
}

std::vector<std::string> described(const std::vector<Difference>& differences) {
  std::vector<std::string> texts;
  for (const auto& one : differences) texts.push_back(std::string(name_of(one.kind)) + one.path);
  return texts;
}

std::vector<std::string> described(const ImportPlan& plan) {
  std::vector<std::string> texts;
  for (const auto& step : plan.steps) texts.push_back(std::string(name_of(step.kind)) + step.path);
  return texts;
}

TEST(Compare, NamesWhatIsOnlyOnOneSideAndWhatDiffers) {
  const Exported left = subtree({{"", node("")}, {"/a", node("1")}, {"/b", node("2")}});
  const Exported right = subtree({{"", node("")}, {"/b", node("3")}, {"/c", node("4")}});
  EXPECT_THAT(described(compare(left, right, {})),
              ElementsAre("only-left/a", "data/b", "only-right/c"));
  EXPECT_THAT(described(compare(left, left, {})), IsEmpty());
}

TEST(Compare, LeavesEphemeralsOutUnlessTheyAreWished) {
  const Exported left = subtree({{"", node("")}, {"/e", ephemeral("x")}});
  const Exported right = subtree({{"", node("")}});
  EXPECT_THAT(described(compare(left, right, {})), IsEmpty());
  EXPECT_THAT(described(compare(left, right, {.ephemerals = true})), ElementsAre("only-left/e"));
}

TEST(Compare, SeesOtherAcls) {
  Exported right = subtree({{"", node("")}});
  right.nodes[""].acls = {{.perms = kPermRead, .scheme = "world", .id = "anyone"}};
  const Exported left = subtree({{"", node("")}});
  EXPECT_THAT(described(compare(left, right, {})), ElementsAre("acl"));
  EXPECT_THAT(described(compare(left, right, {.acls = false})), IsEmpty());
}

TEST(LineDiff, ShowsChangedLinesAndALittleAround) {
  EXPECT_THAT(line_diff("a\nb\nc\nd\n", "a\nb\nx\nd\ne\n", 1),
              ElementsAre(" b", "-c", "+x", " d", "+e"));
  EXPECT_THAT(line_diff("same\n", "same\n", 3), IsEmpty());
  EXPECT_THAT(line_diff("", "new", 3), ElementsAre("+new"));
}

TEST(Import, CreatesParentsBeforeChildrenAndRemovesChildrenBeforeParents) {
  const Exported wanted = subtree({{"", node("")}, {"/a", node("")}, {"/a/b", node("1")}});
  const Exported there = subtree({{"", node("")}, {"/x", node("")}, {"/x/y", node("")}});
  EXPECT_THAT(described(plan_import(wanted, there, "/t", {.remove = true})),
              ElementsAre("create/t/a", "create/t/a/b", "remove/t/x/y", "remove/t/x"));
}

TEST(Import, TakesWhatDiffersForAConflictUnlessItMayOverwrite) {
  const Exported wanted = subtree({{"", node("")}, {"/a", node("new")}, {"/e", ephemeral("")}});
  Exported there = subtree({{"", node("")}, {"/a", node("old")}});
  there.nodes["/a"].stat.version = 5;
  const ImportPlan careful = plan_import(wanted, there, "/t", {});
  EXPECT_THAT(careful.conflicts, ElementsAre("/t/a"));
  EXPECT_EQ(careful.ephemerals, 1U);
  const ImportPlan bold = plan_import(wanted, there, "/t", {.overwrite = true});
  EXPECT_THAT(bold.conflicts, IsEmpty());
  ASSERT_THAT(described(bold), ElementsAre("update/t/a"));
  // Somebody who writes between plan and import is not overwritten.
  EXPECT_EQ(bold.steps.front().version, 5);
}

TEST(Import, SetsAnAclThatForbidsChildrenWhenTheyAreThere) {
  Exported wanted = subtree({{"", node("")}, {"/a", node("")}, {"/a/b", node("")}});
  wanted.nodes["/a"].acls = {{.perms = kPermRead, .scheme = "world", .id = "anyone"}};
  const ImportPlan plan = plan_import(wanted, subtree({{"", node("")}}), "/t", {});
  EXPECT_THAT(described(plan), ElementsAre("create/t/a", "create/t/a/b", "set-acl/t/a"));
}

TEST(Source, IsAPathServersASphereOrAFile) {
  const auto kind = [](const char* word) { return parse_source(word).kind; };
  EXPECT_EQ(kind("/a"), Source::Kind::kHere);
  EXPECT_EQ(kind("h:2181,g:2181/a"), Source::Kind::kServers);
  EXPECT_EQ(parse_source("production:/a").servers, "production");
  EXPECT_EQ(parse_source("h:2181/a/").path, "/a");
  EXPECT_EQ(kind("./x:y/z.json"), Source::Kind::kFile);
  EXPECT_EQ(kind("x.json"), Source::Kind::kFile);
  EXPECT_EQ(kind("file:/x"), Source::Kind::kFile);
  EXPECT_EQ(parse_source("file:/x").path, "/x");
  EXPECT_EQ(kind("-"), Source::Kind::kFile);
}

}  // namespace
}  // namespace topod::ctl
