#include "tools/ctl/exported.h"

#include <gtest/gtest.h>

#include <string>

#include "tools/ctl/value.h"

namespace topod::ctl {
namespace {

Exported sample() {
  Exported result{.root = "/r", .zxid = Zxid(0x1f), .at_one_zxid = true, .nodes = {}};
  result.nodes[""] = {.data = std::nullopt, .acls = client::open_acls()};
  result.nodes["/bin"] = {.data = std::string("\xff\x00\x01", 3), .acls = client::open_acls()};
  result.nodes["/text"] = {.data = "grüße", .acls = {{kPermRead, "digest", "u:h:="}}};
  result.nodes["/empty"] = {.data = "", .acls = client::open_acls(), .is_ephemeral = true};
  result.nodes["/z1/CellInfo"] = {.data = *encode_record("CellInfo", {{"root", "/z1"}}),
                                  .acls = client::open_acls()};
  return result;
}

void expect_same(const Exported& a, const Exported& b) {
  EXPECT_EQ(a.root, b.root);
  EXPECT_EQ(a.zxid, b.zxid);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (const auto& [path, node] : a.nodes) {
    ASSERT_TRUE(b.nodes.contains(path)) << path;
    EXPECT_EQ(node.data, b.nodes.at(path).data) << path;
    EXPECT_EQ(node.acls, b.nodes.at(path).acls) << path;
    EXPECT_EQ(node.is_ephemeral, b.nodes.at(path).is_ephemeral) << path;
  }
}

TEST(Export, IsReadAsItWasWritten) {
  for (const bool decode : {false, true}) {
    const auto again = from_json(Json::parse(to_json(sample(), decode, "now").dump()), "f");
    ASSERT_TRUE(again) << again.error().what;
    expect_same(sample(), *again);
  }
}

TEST(Export, ShowsRecordsDecodedIfThatIsWished) {
  const Json json = to_json(sample(), true, "now");
  EXPECT_EQ(json["znodes"].back()["type"], "CellInfo");
  EXPECT_EQ(json["znodes"].back()["value"], Json({{"root", "/z1"}}));
}

TEST(Export, ThatMakesNoSenseIsRefusedWithItsZnode) {
  const auto refused = [](const char* text) {
    const auto result = from_json(Json::parse(text), "f");
    return result ? "" : result.error().what;
  };
  EXPECT_EQ(refused("{}"), "f: it is no export of topoctl's");
  EXPECT_EQ(refused(R"({"format": "topoctl export 1"})"), "f: \"znodes\" is missing");
  EXPECT_EQ(refused(R"({"format": "topoctl export 1", "znodes": [{"path": "../x"}]})"),
            "f: a znode has no proper \"path\"");
  EXPECT_EQ(refused(R"({"format": "topoctl export 1",
                        "znodes": [{"path": "/a", "encoding": "base64", "value": "!"}]})"),
            "f: znode \"/a\": \"value\" is no base64");
}

TEST(Export, NamesFilesSafelyWhateverAZnodeIsCalled) {
  EXPECT_EQ(file_name_of("zone1-0000000100"), "zone1-0000000100");
  EXPECT_EQ(file_name_of("a b@"), "a%20b%40");
  EXPECT_EQ(file_name_of(".."), "%..");
  EXPECT_NE(file_name_of(".."), file_name_of("%.."));
}

TEST(AclText, GoesThereAndBack) {
  for (const char* text : {"world:anyone:cdrwa", "digest:user:aGFzaA==:r", "ip:10.0.0.0/8:rw"}) {
    const auto acl = parse_acl(text);
    ASSERT_TRUE(acl) << text;
    EXPECT_EQ(acl_text(*acl), text);
  }
  for (const char* wrong : {"", "world", "world:anyone", "world:anyone:", "world:anyone:x"}) {
    EXPECT_FALSE(parse_acl(wrong)) << wrong;
  }
}

TEST(Value, IsCutToTheWidthThatItMayTake) {
  EXPECT_EQ(value_line("/x", "abc", 3), "abc");
  EXPECT_EQ(value_line("/x", "äöüß", 3), "äö…");
  EXPECT_EQ(value_line("/x", std::nullopt, 3), "");
}

}  // namespace
}  // namespace topod::ctl
