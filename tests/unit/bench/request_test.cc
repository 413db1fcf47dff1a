#include "tools/bench/request.h"

#include <gtest/gtest.h>

#include "proto/frame.h"
#include "proto/records.h"

namespace topod::bench {
namespace {

// The record of a frame, after its length and its header have been checked.
JuteReader record_of(const Request& request, OpCode op) {
  JuteReader in(request.frame);
  EXPECT_EQ(in.read_int(), static_cast<int32_t>(request.frame.size() - kFrameHeaderBytes));
  RequestHeader header;
  header.read(in);
  EXPECT_EQ(header.op, static_cast<int32_t>(op));
  return in;
}

TEST(Request, NumbersReachThePathAndNothingElse) {
  const std::string value = make_value(100, 1);
  Request request = make_numbered_set_data("/bench/z", value);
  ASSERT_EQ(request.numbers.size(), 1u);
  put_number(request.frame.data() + request.numbers[0], 1'234'567);

  JuteReader in = record_of(request, OpCode::kSetData);
  SetDataRequest record;
  record.read(in);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(record.path, numbered_path("/bench/z", 1'234'567));
  EXPECT_EQ(record.path, "/bench/z01234567");
  EXPECT_EQ(record.data, value);
  EXPECT_EQ(record.version, kAnyVersion);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Request, EachOperationOfAMultiHasANumberOfItsOwn) {
  constexpr size_t kCount = 5;
  // Data that looks like the digits must not be taken for them.
  Request request = make_numbered_multi_create("/a", "00000000", kCount);
  ASSERT_EQ(request.numbers.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) put_number(request.frame.data() + request.numbers[i], 10 + i);

  JuteReader in = record_of(request, OpCode::kMulti);
  for (size_t i = 0; i < kCount; ++i) {
    MultiHeader header;
    header.read(in);
    EXPECT_EQ(header.type, static_cast<int32_t>(OpCode::kCreate));
    CreateRequest record;
    record.read(in, false);
    EXPECT_EQ(record.path, numbered_path("/a", 10 + i));
    EXPECT_EQ(record.data, "00000000");
    EXPECT_EQ(record.acl.size(), 1u);
  }
  MultiHeader end;
  end.read(in);
  EXPECT_TRUE(end.done);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Request, ValuesFollowFromTheSeed) {
  EXPECT_EQ(make_value(64, 5), make_value(64, 5));
  EXPECT_NE(make_value(64, 5), make_value(64, 6));
  EXPECT_EQ(make_value(0, 5), "");
}

}  // namespace
}  // namespace topod::bench
