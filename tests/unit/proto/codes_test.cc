#include "proto/codes.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod {
namespace {

std::set<int32_t> numbers_where(bool (*holds)(OpCode)) {
  std::set<int32_t> numbers;
  for (int32_t number = -1000; number <= 1000; ++number) {
    if (holds(static_cast<OpCode>(number))) numbers.insert(number);
  }
  return numbers;
}

TEST(Codes, ClientsMaySendExactlyThese) {
  const std::set<int32_t> expected = {1,   2,   3,   4,   5,   6,   7,   8,  9,  11,
                                      12,  14,  15,  16,  17,  18,  19,  21, 22, 100,
                                      101, 102, 103, 104, 105, 106, 107, -11};
  EXPECT_EQ(numbers_where(&is_client_request), expected);
}

TEST(Codes, ExactlyTheseGoThroughTheLog) {
  const std::set<int32_t> expected = {1, 2, 5, 7, 14, 15, 16, 19, 21, -11};
  EXPECT_EQ(numbers_where(&is_write), expected);
}

TEST(Codes, EveryWriteIsARequest) {
  for (const int32_t number : numbers_where(&is_write)) {
    EXPECT_TRUE(is_client_request(static_cast<OpCode>(number))) << number;
  }
}

TEST(Codes, OperationsHaveNamesAndOtherNumbersDoNot) {
  EXPECT_EQ(name_of(OpCode::kGetChildren2), "getChildren2");
  EXPECT_EQ(name_of(OpCode::kCloseSession), "closeSession");
  for (const int32_t number : {-12, -2, 10, 23, 99, 108, 200}) {
    EXPECT_EQ(name_of(static_cast<OpCode>(number)), "unknown") << number;
  }
}

TEST(Codes, NamesAreUnique) {
  std::set<std::string_view> names;
  for (int32_t number = -1000; number <= 1000; ++number) {
    const std::string_view name = name_of(static_cast<OpCode>(number));
    if (name == "unknown") continue;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(names.size(), 33U);
}

TEST(Codes, ErrorsHaveNamesAndOtherNumbersDoNot) {
  EXPECT_EQ(name_of(ErrorCode::kOk), "Ok");
  EXPECT_EQ(name_of(ErrorCode::kNoNode), "NoNode");
  EXPECT_EQ(name_of(ErrorCode::kThrottledOp), "ThrottledOp");
  for (const int32_t number : {1, -9, -100, -104, -109, -126, -128}) {
    EXPECT_EQ(name_of(static_cast<ErrorCode>(number)), "unknown") << number;
  }
}

// The numbers are the protocol: clients of other languages have them compiled in.
TEST(Codes, NumbersAreThoseOfTheProtocol) {
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kMarshallingError), -5);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kUnimplemented), -6);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kBadArguments), -8);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kNoNode), -101);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kNoAuth), -102);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kBadVersion), -103);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kNoChildrenForEphemerals), -108);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kNodeExists), -110);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kNotEmpty), -111);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kSessionExpired), -112);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kInvalidAcl), -114);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kAuthFailed), -115);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kSessionMoved), -118);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kNotReadOnly), -119);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kNoWatcher), -121);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kReconfigDisabled), -123);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kSessionClosedRequireAuth), -124);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kQuotaExceeded), -125);
  EXPECT_EQ(static_cast<int32_t>(ErrorCode::kThrottledOp), -127);
  EXPECT_EQ(kPermAll, kPermRead | kPermWrite | kPermCreate | kPermDelete | kPermAdmin);
  EXPECT_EQ(kTtlMaxMs, 1099511627775);
}

}  // namespace
}  // namespace topod
