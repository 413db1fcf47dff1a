#include "tools/ctl/config_file.h"

#include <gtest/gtest.h>

namespace topod::ctl {
namespace {

TEST(ConfigFile, NamesTopospheres) {
  const auto config = parse_config_file(
      "# ours\n"
      "default = production\n"
      "[production]\n"
      "servers = a:2181,b:2181\n"
      "auth-file = ~/auth\n"
      "\n"
      "[ test ]\n"
      "servers=localhost\n"
      "root = /t\n",
      "config");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->default_sphere, "production");
  EXPECT_EQ(config->spheres.at("production").servers, "a:2181,b:2181");
  EXPECT_EQ(config->spheres.at("production").auth_file, "~/auth");
  EXPECT_EQ(config->spheres.at("test").root, "/t");
}

TEST(ConfigFile, SaysInWhichLineItIsWrong) {
  const auto refused = [](const char* text) {
    const auto config = parse_config_file(text, "f");
    EXPECT_TRUE(config || config.error().code == ExitCode::kUsage);
    return config ? "" : config.error().what;
  };
  EXPECT_EQ(refused("[a]\nsevers = x\n"),
            "f:2: unknown key severs; there are servers, root and auth-file");
  EXPECT_EQ(refused("servers = x\n"), "f:1: only \"default\" may stand before the first [name]");
  EXPECT_EQ(refused("[a\n"), "f:1: a section looks like [name]");
  EXPECT_EQ(refused("[a]\n[a]\n"), "f:2: a is there twice");
  EXPECT_EQ(refused("default = b\n[a]\n"), "f: the default b is not defined");
}

TEST(AuthFile, HoldsASchemeAndASecretInEachLine) {
  const auto all = parse_auth_file("# secret\ndigest:user:pass:word\n", "f");
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().scheme, "digest");
  EXPECT_EQ(all->front().secret, "user:pass:word");
  EXPECT_FALSE(parse_auth_file("nonsense\n", "f"));
}

}  // namespace
}  // namespace topod::ctl
