#include "server/state/path.h"

#include <gtest/gtest.h>

#include <string>

namespace topod::state {
namespace {

using namespace std::string_view_literals;

TEST(Path, OrdinaryPathsAreValid) {
  for (const std::string_view path :
       {"/"sv, "/a"sv, "/a/b"sv, "/.hidden"sv, "/..x"sv, "/..."sv, "/a b:c"sv, "/zo\xc3\xab"sv,
        "/\xe4\xb8\xad\xe6\x96\x87"sv, "/\xc2\xa0"sv, "/\xef\xa4\x80"sv, "/\xef\xbf\xaf"sv}) {
    EXPECT_TRUE(is_valid_path(path)) << path;
  }
}

TEST(Path, EmptyDotAndTrailingComponentsAreRefused) {
  for (const std::string_view path : {""sv, "a"sv, "//"sv, "/a/"sv, "/a//b"sv, "//a"sv, "/."sv,
                                      "/.."sv, "/a/./b"sv, "/a/../b"sv, "/a/."sv, "/a/.."sv}) {
    EXPECT_FALSE(is_valid_path(path)) << path;
  }
}

TEST(Path, CharactersThatZookeeperRefusesAreRefused) {
  for (const std::string_view path :
       {"/\0"sv, "/a\x01"sv, "/\x1f"sv, "/\x7f"sv, "/\xc2\x80"sv, "/\xc2\x9f"sv,
        "/\xed\xa0\x80"sv,         // U+D800
        "/\xee\x80\x80"sv,         // U+E000
        "/\xef\xa3\xbf"sv,         // U+F8FF
        "/\xef\xbf\xb0"sv,         // U+FFF0
        "/\xef\xbf\xbf"sv,         // U+FFFF
        "/\xf0\x9f\x98\x80"sv}) {  // an emoji
    EXPECT_FALSE(is_valid_path(path)) << testing::PrintToString(path);
  }
}

TEST(Path, MalformedUtf8IsRefused) {
  for (const std::string_view path :
       {"/\x80"sv, "/\xc3"sv, "/\xc3(/"sv, "/\xc0\xaf"sv, "/\xc1\xbf"sv, "/\xe0\x80\xaf"sv,
        "/\xe4\xb8"sv, "/\xe4\xb8/a"sv, "/\xff"sv, "/\xfe"sv}) {
    EXPECT_FALSE(is_valid_path(path)) << testing::PrintToString(path);
  }
}

TEST(Path, ShapeNeedsASlashAndNoNul) {
  EXPECT_TRUE(has_path_shape("/"));
  EXPECT_TRUE(has_path_shape("a/b"));
  EXPECT_FALSE(has_path_shape(""));
  EXPECT_FALSE(has_path_shape("abc"));
  EXPECT_FALSE(has_path_shape("/a\0b"sv));
}

TEST(Path, ParentAndLastComponentSplitAtTheLastSlash) {
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(last_component("/a/b"), "b");
  EXPECT_EQ(parent_path("/a"), "");
  EXPECT_EQ(last_component("/a"), "a");
  EXPECT_EQ(parent_path("/"), "");
  EXPECT_EQ(last_component("/"), "");
  EXPECT_EQ(parent_path("/t//x"), "/t/");
}

TEST(Path, PermanentPathsAreTheFourOfANewTree) {
  for (const std::string_view path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    EXPECT_TRUE(is_permanent_path(path));
  }
  EXPECT_FALSE(is_permanent_path("/zookeeper/quota/a"));
  EXPECT_FALSE(is_permanent_path("/zookeeper2"));
}

}  // namespace
}  // namespace topod::state
