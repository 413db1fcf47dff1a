#include "proto/jute.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace topod {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string result;
  for (const int value : values) result.push_back(static_cast<char>(value));
  return result;
}

template <class Write>
std::string written(Write write) {
  std::string out;
  JuteWriter writer(out);
  write(writer);
  return out;
}

TEST(JuteWriter, NumbersAreBigEndianTwosComplement) {
  EXPECT_EQ(written([](JuteWriter& out) { out.write_byte(0xfe); }), bytes({0xfe}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_bool(true); }), bytes({1}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_bool(false); }), bytes({0}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_int(0x01020304); }), bytes({1, 2, 3, 4}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_int(-2); }), bytes({0xff, 0xff, 0xff, 0xfe}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_long(0x0102030405060708); }),
            bytes({1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_long(std::numeric_limits<int64_t>::min()); }),
            bytes({0x80, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(JuteWriter, NullAndEmptyAreDifferent) {
  EXPECT_EQ(written([](JuteWriter& out) { out.write_buffer(std::nullopt); }),
            bytes({0xff, 0xff, 0xff, 0xff}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_buffer(""); }), bytes({0, 0, 0, 0}));
  EXPECT_EQ(written([](JuteWriter& out) { out.write_string("ab"); }),
            bytes({0, 0, 0, 2, 'a', 'b'}));
}

TEST(JuteWriter, AppendsAndPatchesOnlyWhatItIsTold) {
  std::string out = "before";
  JuteWriter writer(out);
  const size_t place = writer.position();
  writer.write_int(0);
  writer.write_raw("after");
  writer.patch_int(place, 0x41424344);
  EXPECT_EQ(out, "beforeABCDafter");
}

TEST(JuteWriterDeathTest, PatchBehindTheEndIsABrokenInvariant) {
  std::string out = "abc";
  EXPECT_DEATH(JuteWriter(out).patch_int(0, 1), "broken invariant");
}

TEST(JuteReader, EveryNonzeroByteIsTrue) {
  const std::string in = bytes({0, 1, 2, 0xff});
  JuteReader reader(in);
  EXPECT_FALSE(reader.read_bool());
  EXPECT_TRUE(reader.read_bool());
  EXPECT_TRUE(reader.read_bool());
  EXPECT_TRUE(reader.read_bool());
  EXPECT_TRUE(reader.ok());
}

TEST(JuteReader, BuffersAreViewsIntoTheInput) {
  const std::string in = bytes({0, 0, 0, 2, 'a', 'b', 'c'});
  JuteReader reader(in);
  const NullableBytes buffer = reader.read_buffer();
  ASSERT_TRUE(buffer);
  EXPECT_EQ(buffer->data(), in.data() + 4);
  EXPECT_EQ(*buffer, "ab");
  EXPECT_EQ(reader.rest(), "c");
}

TEST(JuteReader, NullBufferIsNoError) {
  const std::string in = bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0});
  JuteReader reader(in);
  EXPECT_EQ(reader.read_buffer(), std::nullopt);
  EXPECT_EQ(reader.read_buffer(), "");
  EXPECT_TRUE(reader.ok());
}

TEST(JuteReader, LengthsThatDoNotFitFail) {
  for (const int32_t length :
       {-2, -3, std::numeric_limits<int32_t>::min(), 4, std::numeric_limits<int32_t>::max()}) {
    const std::string in = written([length](JuteWriter& out) { out.write_int(length); }) + "abc";
    JuteReader reader(in);
    EXPECT_EQ(reader.read_buffer(), std::nullopt) << length;
    EXPECT_FALSE(reader.ok()) << length;
  }
}

TEST(JuteReader, CountIsBoundedByWhatCanFollow) {
  const auto count_of = [](int32_t count, size_t element_bytes, size_t bytes_behind) {
    const std::string in = written([count](JuteWriter& out) { out.write_int(count); }) +
                           std::string(bytes_behind, 'x');
    JuteReader reader(in);
    const std::optional<uint32_t> result = reader.read_count(element_bytes);
    EXPECT_EQ(reader.ok(), result.has_value() || count == -1) << count;
    return result;
  };
  EXPECT_EQ(count_of(0, 4, 0), 0U);
  EXPECT_EQ(count_of(3, 4, 12), 3U);
  EXPECT_EQ(count_of(3, 4, 11), std::nullopt);
  EXPECT_EQ(count_of(-1, 4, 12), std::nullopt);
  EXPECT_EQ(count_of(-2, 4, 12), std::nullopt);
  EXPECT_EQ(count_of(std::numeric_limits<int32_t>::max(), 1, 1000), std::nullopt);
  EXPECT_EQ(count_of(std::numeric_limits<int32_t>::max(), 1 << 30, 1000), std::nullopt);
}

TEST(JuteReader, FailureIsSticky) {
  const std::string in = bytes({0, 0, 0, 1, 2});
  JuteReader reader(in);
  EXPECT_EQ(reader.read_long(), 0);
  EXPECT_FALSE(reader.ok());
  // Enough bytes for each of these were there.
  EXPECT_EQ(reader.read_int(), 0);
  EXPECT_EQ(reader.read_byte(), 0);
  EXPECT_EQ(reader.read_buffer(), std::nullopt);
  EXPECT_EQ(reader.read_count(1), std::nullopt);
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_FALSE(reader.ok());
}

RC_GTEST_PROP(Jute, WhatIsWrittenIsRead, (int32_t a, int64_t b, bool c, uint8_t d, std::string e)) {
  std::string out;
  JuteWriter writer(out);
  writer.write_int(a);
  writer.write_long(b);
  writer.write_bool(c);
  writer.write_byte(d);
  writer.write_buffer(e);
  JuteReader reader(out);
  RC_ASSERT(reader.read_int() == a);
  RC_ASSERT(reader.read_long() == b);
  RC_ASSERT(reader.read_bool() == c);
  RC_ASSERT(reader.read_byte() == d);
  RC_ASSERT(reader.read_buffer() == NullableBytes(e));
  RC_ASSERT(reader.ok());
  RC_ASSERT(reader.remaining() == 0U);
}

}  // namespace
}  // namespace topod
