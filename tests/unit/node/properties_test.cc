#include "server/node/properties.h"

#include <gtest/gtest.h>

namespace topod::node {
namespace {

// Key and value of the only property of a text.
std::pair<std::string, std::string> only(std::string_view text) {
  const auto properties = parse_properties(text);
  EXPECT_TRUE(properties) << text;
  if (!properties || properties->size() != 1) return {"not one property", std::string(text)};
  return {properties->front().key, properties->front().value};
}

using Pair = std::pair<std::string, std::string>;

TEST(Properties, KeyEndsAtEqualsColonOrBlank) {
  EXPECT_EQ(only("tickTime=2000"), Pair("tickTime", "2000"));
  EXPECT_EQ(only("tickTime:2000"), Pair("tickTime", "2000"));
  EXPECT_EQ(only("tickTime 2000"), Pair("tickTime", "2000"));
  EXPECT_EQ(only("  tickTime \t = 2000"), Pair("tickTime", "2000"));
}

TEST(Properties, OnlyTheFirstSeparatorSeparates) {
  EXPECT_EQ(only("server.1=zk1:2888:3888"), Pair("server.1", "zk1:2888:3888"));
  EXPECT_EQ(only("a==b"), Pair("a", "=b"));
  EXPECT_EQ(only("a : = b"), Pair("a", "= b"));
}

TEST(Properties, AnEscapedSeparatorBelongsToTheKey) {
  EXPECT_EQ(only(R"(a\=b\:c\ d=e)"), Pair("a=b:c d", "e"));
}

TEST(Properties, AKeyAloneHasAnEmptyValue) {
  EXPECT_EQ(only("alone"), Pair("alone", ""));
  EXPECT_EQ(only("alone="), Pair("alone", ""));
}

TEST(Properties, CommentsAndBlankLinesAreNothing) {
  EXPECT_EQ(only("# a=b\n! c=d\n\n   \t\n  # e=f\ng=h\n"), Pair("g", "h"));
}

TEST(Properties, AHashInsideAValueIsNoComment) { EXPECT_EQ(only("a=b # c"), Pair("a", "b # c")); }

TEST(Properties, ABackslashContinuesTheLineAndIndentationIsDropped) {
  EXPECT_EQ(only("whitelist=srvr,\\\n    ruok"), Pair("whitelist", "srvr,ruok"));
  EXPECT_EQ(only("whitelist=srvr,\\\r\n\truok"), Pair("whitelist", "srvr,ruok"));
}

TEST(Properties, AnEscapedBackslashDoesNotContinue) {
  const auto properties = parse_properties("a=b\\\\\nc=d");
  ASSERT_TRUE(properties);
  ASSERT_EQ(properties->size(), 2U);
  EXPECT_EQ(properties->at(0).value, "b\\");
}

TEST(Properties, ACommentIsNotContinued) { EXPECT_EQ(only("# comment \\\na=b"), Pair("a", "b")); }

TEST(Properties, ContinuationAtTheEndOfTheTextIsHarmless) {
  EXPECT_EQ(only("a=b\\"), Pair("a", "b"));
}

TEST(Properties, EscapesBecomeCharacters) {
  EXPECT_EQ(only(R"(a=x\ty\nz\\\q)"), Pair("a", "x\ty\nz\\q"));
  EXPECT_EQ(only(R"(a=\u0041\u00e9\u20ac)"), Pair("a", "A\u00e9\u20ac"));
  EXPECT_EQ(only(R"(a=\ud83d\ude00)"), Pair("a", "\U0001F600"));
}

TEST(Properties, MalformedUnicodeEscapeIsRefusedWithItsLine) {
  for (const char* text :
       {R"(a=\u12)", R"(a=\u12g4)", R"(a=\ud83d)", R"(a=\ud83dA)", R"(a=\ude00)"}) {
    const auto properties = parse_properties(std::string("ok=1\n") + text);
    ASSERT_FALSE(properties) << text;
    EXPECT_EQ(properties.error().line, 2);
  }
}

TEST(Properties, ValuesAreTrimmed) { EXPECT_EQ(only("a=  b c \t\r\n"), Pair("a", "b c")); }

TEST(Properties, LinesAreCountedAcrossEveryKindOfLineEnd) {
  const auto properties = parse_properties("a=1\r\n\rb=\\\n2\nc=3");
  ASSERT_TRUE(properties);
  const std::vector<Property> expected = {{"a", "1", 1}, {"b", "2", 3}, {"c", "3", 5}};
  EXPECT_EQ(*properties, expected);
}

TEST(Properties, AByteOrderMarkIsNotPartOfTheFirstKey) {
  EXPECT_EQ(only("\xEF\xBB\xBF"
                 "a=b"),
            Pair("a", "b"));
}

TEST(Properties, ARepeatedKeyAppearsTwice) {
  const auto properties = parse_properties("a=1\na=2");
  ASSERT_TRUE(properties);
  EXPECT_EQ(properties->size(), 2U);
}

}  // namespace
}  // namespace topod::node
