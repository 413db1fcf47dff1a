// "host:port,host:port" as command lines and TOPOCTL_SERVERS have it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace topod::client {

struct Address {
  std::string host;  // a name or an address, without brackets
  std::string port = "2181";
  [[nodiscard]] std::string text() const;
  bool operator==(const Address&) const = default;
};

// An IPv6 address stands in brackets if a port follows. Errors are sentences.
[[nodiscard]] tl::expected<std::vector<Address>, std::string> parse_addresses(
    std::string_view list);

}  // namespace topod::client
