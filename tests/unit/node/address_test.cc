#include "server/node/address.h"

#include <gtest/gtest.h>

namespace topod::node {
namespace {

TEST(Address, LoopbackIsWhatOnlyThisMachineReaches) {
  for (const char* host : {"127.0.0.1", "127.9.8.7", "::1", "localhost", "LocalHost"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "128.0.0.1", "::", "::2", "localhost.example.com", "a"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Address, AnyAddressReachesNobody) {
  EXPECT_TRUE(is_any_address("0.0.0.0"));
  EXPECT_TRUE(is_any_address("::"));
  EXPECT_TRUE(is_any_address("0:0::0"));
  EXPECT_FALSE(is_any_address("0.0.0.1"));
  EXPECT_FALSE(is_any_address("::1"));
  EXPECT_FALSE(is_any_address("a"));
}

TEST(Address, AnIpv6HostIsWrittenInBrackets) {
  EXPECT_EQ(to_string(HostPort{"a", 1}), "a:1");
  EXPECT_EQ(to_string(HostPort{"::1", 65535}), "[::1]:65535");
}

}  // namespace
}  // namespace topod::node
