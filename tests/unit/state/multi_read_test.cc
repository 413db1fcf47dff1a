#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/state/read_fixture.h"

namespace topod::state {
namespace {

struct Part {
  OpCode op;
  NullableBytes path;
  bool watch = false;
};

std::string multi_of(const std::vector<Part>& parts) {
  std::string body;
  JuteWriter out(body);
  for (const Part& part : parts) {
    MultiHeader{static_cast<int32_t>(part.op), false, -1}.write(out);
    PathWatchRequest{part.path, part.watch}.write(out);
  }
  MultiHeader::end().write(out);
  return body;
}

class MultiReadTest : public ReadTest {
 protected:
  void expect_header(JuteReader& in, int32_t type, bool done, int32_t error) {
    MultiHeader header;
    header.read(in);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(header.type, type);
    EXPECT_EQ(header.done, done);
    EXPECT_EQ(header.error, error);
  }
  void expect_failure(JuteReader& in, ErrorCode error) {
    expect_header(in, -1, false, static_cast<int32_t>(error));
    EXPECT_EQ(in.read_int(), static_cast<int32_t>(error));
  }
};

TEST_F(MultiReadTest, EachReadHasItsOwnResult) {
  add("/secret", "s", 14, {{kPermWrite, "world", "anyone"}});
  const Reply reply = ask(OpCode::kMultiRead, multi_of({{OpCode::kGetData, "/a"},
                                                        {OpCode::kGetData, "/none"},
                                                        {OpCode::kGetChildren, "/secret"},
                                                        {OpCode::kGetData, std::nullopt},
                                                        {OpCode::kGetChildren, "/a"}}));
  ASSERT_EQ(reply.error, ErrorCode::kOk);
  JuteReader in(reply.body);
  expect_header(in, 4, false, 0);
  EXPECT_EQ(in.read_buffer(), "data of a");
  Stat stat;
  stat.read(in);
  EXPECT_EQ(stat.czxid, 10);
  expect_failure(in, ErrorCode::kNoNode);
  expect_failure(in, ErrorCode::kNoAuth);
  expect_failure(in, ErrorCode::kBadArguments);
  expect_header(in, 8, false, 0);
  std::vector<std::string_view> names;
  read_strings(in, names);
  EXPECT_THAT(names, ::testing::ElementsAre("b", "c"));
  expect_header(in, -1, true, -1);
  EXPECT_EQ(in.remaining(), 0U);
}

TEST_F(MultiReadTest, NothingToReadIsAnEmptyResult) {
  const Reply reply = ask(OpCode::kMultiRead, multi_of({}));
  EXPECT_EQ(reply.error, ErrorCode::kOk);
  EXPECT_EQ(reply.body, encode(MultiHeader::end()));
}

TEST_F(MultiReadTest, NoWatchesAreLeft) {
  const Reply reply =
      ask(OpCode::kMultiRead,
          multi_of({{OpCode::kGetData, "/a", true}, {OpCode::kGetChildren, "/a", true}}));
  EXPECT_EQ(reply.error, ErrorCode::kOk);
  EXPECT_TRUE(watches_.empty());
}

TEST_F(MultiReadTest, OtherOperationsFailTheWhole) {
  for (const OpCode op : {OpCode::kExists, OpCode::kGetChildren2, OpCode::kCheck, OpCode::kDelete,
                          OpCode::kMultiRead, OpCode::kError}) {
    const Reply reply = ask(OpCode::kMultiRead, multi_of({{OpCode::kGetData, "/a"}, {op, "/a"}}));
    EXPECT_EQ(reply.error, ErrorCode::kMarshallingError) << name_of(op);
  }
}

TEST_F(MultiReadTest, MissingEndFailsTheWhole) {
  std::string body = multi_of({{OpCode::kGetData, "/a"}});
  body.resize(body.size() - encode(MultiHeader::end()).size());
  EXPECT_EQ(ask(OpCode::kMultiRead, body).error, ErrorCode::kMarshallingError);
}

TEST_F(MultiReadTest, AnswerBeyondTheLimitFailsTheWhole) {
  const std::string large(1'000'000, 'x');
  add("/large", large, 14);
  const auto ask_times = [&](size_t times) {
    return ask(OpCode::kMultiRead,
               multi_of(std::vector<Part>(times, Part{OpCode::kGetData, "/large"})));
  };
  EXPECT_EQ(ask_times(10).error, ErrorCode::kOk);
  EXPECT_EQ(ask_times(1000).error, ErrorCode::kMarshallingError);
}

}  // namespace
}  // namespace topod::state
