#include "server/node/config_node.h"

#include <gtest/gtest.h>

namespace topod::node {
namespace {

// The text that server 1 shows with these lines in its configuration.
std::string text_with(const std::string& lines) {
  using Text = tl::expected<std::string, std::string>;
  const ReadFile read_file = [](const std::string&) -> Text { return std::string("1"); };
  const LoadResult result =
      parse_config("dataDir=/d\nclientPort=2181\ninitLimit=5\nsyncLimit=2\npeerAuth=none\n" + lines,
                   "c", {}, {}, read_file);
  EXPECT_TRUE(result) << (result ? "" : to_string(result.error().front()));
  return result ? config_node_text(result->config) : "";
}

TEST(ConfigNode, IsEmptyWithoutAnEnsemble) {
  EXPECT_EQ(text_with(""), "");
  EXPECT_EQ(text_with("server.1=a:1:2;2181"), "");
}

TEST(ConfigNode, AClientPortWithoutAHostIsOneOfTheServersHost) {
  EXPECT_EQ(text_with("server.1=a:1:2;2181\nserver.2=b:1:2:observer;0.0.0.0:2182\n"
                      "server.3=[fd00::3]:1:2;c.example.com:2183\n"),
            "server.1=a:1:2:participant;a:2181\n"
            "server.2=b:1:2:observer;b:2182\n"
            "server.3=[fd00::3]:1:2:participant;c.example.com:2183\n"
            "version=0");
}

TEST(ConfigNode, LinesAreInTheOrderOfTheirTextAsInZooKeeper) {
  EXPECT_EQ(text_with("server.2=b:1:2\nserver.10=j:1:2\nserver.1=a:1:2|aa:3:4\n"),
            "server.1=a:1:2|aa:3:4:participant\n"
            "server.10=j:1:2:participant\n"
            "server.2=b:1:2:participant\n"
            "version=0");
}

constexpr const char* kNoneReachable =
    "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nversion=0";

TEST(ConfigNode, OneUnknownClientAddressHidesAll) {
  EXPECT_EQ(text_with("server.1=a:1:2;2181\nserver.2=b:1:2\n"), kNoneReachable);
  EXPECT_EQ(text_with("server.1=0.0.0.0:1:2;2181\nserver.2=b:1:2;2181\n"),
            "server.1=0.0.0.0:1:2:participant\nserver.2=b:1:2:participant\nversion=0");
}

TEST(ConfigNode, TheAdvertisedAddressStandsForThisServer) {
  const std::string lines = "server.1=a:1:2;2181\nserver.2=b:1:2;b.example.com:2182\n";
  EXPECT_EQ(text_with(lines + "advertisedClientAddress=a.example.com"),
            "server.1=a:1:2:participant;a.example.com:2181\n"
            "server.2=b:1:2:participant;b.example.com:2182\nversion=0");
  EXPECT_EQ(text_with(lines + "advertisedClientAddress=[fd00::1]:7"),
            "server.1=a:1:2:participant;[fd00::1]:7\n"
            "server.2=b:1:2:participant;b.example.com:2182\nversion=0");
}

TEST(ConfigNode, WhereOneAddressIsAdvertisedPeersAddressesAreNotForClients) {
  EXPECT_EQ(text_with("server.1=a:1:2;2181\nserver.2=b:1:2;2182\n"
                      "advertisedClientAddress=a.example.com"),
            kNoneReachable);
}

TEST(ConfigNode, ClientAddressesCanBeHidden) {
  EXPECT_EQ(text_with("server.1=a:1:2;2181\nserver.2=b:1:2;2182\nadvertisedClientAddress=none"),
            kNoneReachable);
}

TEST(ConfigNode, GroupsAndWeightsAreShown) {
  EXPECT_EQ(text_with("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n"
                      "group.1=1:3\ngroup.2=2\nweight.2=5\n"),
            "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:participant\n"
            "group.1=1:3\ngroup.2=2\nweight.1=1\nweight.2=5\nweight.3=1\nversion=0");
}

}  // namespace
}  // namespace topod::node
