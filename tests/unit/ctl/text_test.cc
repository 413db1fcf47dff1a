#include "tools/ctl/text.h"

#include <gtest/gtest.h>

#include <string>

namespace topod::ctl {
namespace {

TEST(Text, Base64GoesThereAndBack) {
  std::string bytes;
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  for (const char* wrong : {"A", "====", "Zm9v!m9v", "Zg=v", "Zm==Zm9v"}) {
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
  }
}

TEST(Text, OnlyWellFormedPrintableUtf8IsReadable) {
  EXPECT_TRUE(is_readable_text("grüße\n\t€ 😀"));
  EXPECT_TRUE(is_readable_text(""));
  for (const char* bytes : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "a\x1b[31m", "\xc2\x9b"}) {
    EXPECT_FALSE(is_readable_text(bytes)) << bytes;
  }
}

TEST(Text, EscapedIsSafeOnATerminal) {
  EXPECT_EQ(escaped("a\x1b[31m\xff\n€"), "a\\x1b[31m\\xff\\n€");
  EXPECT_EQ(escaped("\xc2\x9b"), "\\xc2\\x9b");
}

TEST(Text, PatternsStayWithinAComponentUnlessDoubled) {
  EXPECT_TRUE(matches_pattern("zone?-*100", "zone1-0000000100"));
  EXPECT_FALSE(matches_pattern("/a/*", "/a/b/c"));
  EXPECT_TRUE(matches_pattern("/a/**", "/a/b/c"));
  EXPECT_TRUE(matches_pattern("/**/locks", "/a/b/locks"));
  EXPECT_FALSE(matches_pattern("?", "/"));
  EXPECT_FALSE(matches_pattern("", "x"));
}

TEST(Text, TimesGoThereAndBack) {
  EXPECT_EQ(time_text(1'795'415'952, 295'067'319), "2026-11-23T06:39:12.295067319Z");
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
  const auto point = parse_time("2026-11-23T06:39:12.5Z");
  ASSERT_TRUE(point);
  EXPECT_EQ(point->seconds, 1'795'415'952);
  EXPECT_EQ(point->nanoseconds, 500'000'000);
  for (const char* wrong : {"", "yesterday", "2026-11-23T06:39:12", "2026-11-23T06:39:12.Z"}) {
    EXPECT_FALSE(parse_time(wrong)) << wrong;
  }
}

TEST(Text, NumbersAreDecimalOrHex) {
  EXPECT_EQ(parse_number("0x1f"), 31);
  EXPECT_EQ(parse_number("31"), 31);
  EXPECT_EQ(parse_number("0xffffffffffffffff"), -1);
  for (const char* wrong : {"", "0x", "12a", "0xg", " 1"}) {
    EXPECT_EQ(parse_number(wrong), std::nullopt) << wrong;
  }
}

TEST(Text, PathsHaveParentsAndNames) {
  EXPECT_EQ(parent_of("/a/b"), "/a");
  EXPECT_EQ(parent_of("/a"), "/");
  EXPECT_EQ(join_path("/", "a"), "/a");
  EXPECT_EQ(name_in("/"), "/");
  EXPECT_TRUE(is_below("/a/b", "/a"));
  EXPECT_FALSE(is_below("/ab", "/a"));
  EXPECT_FALSE(is_below("/a", "/a"));
  EXPECT_TRUE(is_below("/a", "/"));
}

TEST(Text, SizesAndAgesAreShort) {
  EXPECT_EQ(size_text(512), "512 B");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(age_text(90'000), "90s");
  EXPECT_EQ(age_text(3 * 3600'000), "3h");
}

}  // namespace
}  // namespace topod::ctl
