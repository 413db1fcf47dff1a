// Where the servers are: "host:port", resolved once, before any connection is opened.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace topod::bench {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// All of a comma-separated list; an IPv6 address stands in brackets. Errors are sentences.
[[nodiscard]] tl::expected<std::vector<SocketAddress>, std::string> resolve(
    std::string_view servers);

}  // namespace topod::bench
