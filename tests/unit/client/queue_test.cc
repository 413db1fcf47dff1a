#include "tools/client/core/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/client/address.h"

namespace topod::client {
namespace {

std::vector<std::string> names(const std::vector<QueueEntry>& queue) {
  std::vector<std::string> names;
  for (const QueueEntry& entry : queue) names.push_back(entry.name);
  return names;
}

TEST(Queue, WhoeverNamedItAContenderStandsWhereItsNumberSays) {
  const auto queue = contenders({"_c_f00-lock-0000000003", "a1b2__lock__0000000001", "0000000002",
                                 "not-a-contender", "leases", "x-000000001"});
  EXPECT_THAT(names(queue), testing::ElementsAre("a1b2__lock__0000000001", "0000000002",
                                                 "_c_f00-lock-0000000003"));
}

TEST(Queue, ANameThatEndsInADigitBeforeItsNumberIsReadRightly) {
  const auto queue = contenders({"worker90000000001", "worker10000000002"});
  EXPECT_EQ(queue[0].sequence, 1);
  EXPECT_EQ(queue[1].sequence, 2);
}

TEST(Queue, ReadersWaitForWritersAloneAndWritersForAll) {
  const auto queue =
      contenders({"_c_a-__READ__0000000001", "b__rlock__0000000002", "_c_c-__WRIT__0000000003",
                  "_c_d-__READ__0000000004", "e__lock__0000000005"});
  EXPECT_EQ(predecessor(queue, "b__rlock__0000000002", true), nullptr);
  EXPECT_EQ(predecessor(queue, "_c_c-__WRIT__0000000003", false)->sequence, 2);
  EXPECT_EQ(predecessor(queue, "_c_d-__READ__0000000004", true)->sequence, 3);
  EXPECT_EQ(predecessor(queue, "e__lock__0000000005", false)->sequence, 4);
}

TEST(Queue, ALockSaysWhoWhyAndSinceWhenAsVitessWritesIt) {
  const LockContents contents{"RebuildKeyspace", "h", "u", rfc3339(1'700'000'000'000)};
  const std::string json = to_json(contents);
  EXPECT_EQ(json,
            "{\n  \"Action\": \"RebuildKeyspace\",\n  \"HostName\": \"h\",\n"
            "  \"UserName\": \"u\",\n  \"Time\": \"2023-11-14T22:13:20Z\",\n"
            "  \"Status\": \"Running\",\n  \"Options\": {}\n}");
  EXPECT_EQ(parse_lock_contents(json)->action, "RebuildKeyspace");
  EXPECT_EQ(parse_lock_contents("10.0.0.1"), std::nullopt);
  EXPECT_EQ(parse_lock_contents(""), std::nullopt);
}

TEST(Queue, DatesAreThoseOfTheCalendar) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(951'782'400'000), "2000-02-29T00:00:00Z");
  EXPECT_EQ(rfc3339(1'767'225'599'999), "2025-12-31T23:59:59Z");
}

TEST(Address, ListsAreReadAndNonsenseIsNamed) {
  const auto list = parse_addresses("a:1, [::1]:2,fe80::1,b");
  ASSERT_TRUE(list);
  EXPECT_THAT(*list, testing::ElementsAre(Address{"a", "1"}, Address{"::1", "2"},
                                          Address{"fe80::1", "2181"}, Address{"b", "2181"}));
  EXPECT_EQ((*list)[1].text(), "[::1]:2");
  for (const char* wrong : {"", ",", "a:", "a:0", "a:x", ":1", "[::1", "[::1]2", "a:65536"}) {
    EXPECT_FALSE(parse_addresses(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace topod::client
