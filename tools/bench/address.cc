#include "tools/bench/address.h"

#include <netdb.h>

#include <cstring>

namespace topod::bench {

namespace {

tl::expected<SocketAddress, std::string> resolve_one(std::string_view server) {
  const size_t colon = server.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == server.size()) {
    return tl::unexpected("expected host:port, found '" + std::string(server) + "'");
  }
  std::string host(server.substr(0, colon));
  const std::string port(server.substr(colon + 1));
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return tl::unexpected(std::string(server) + ": " + gai_strerror(error));
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

}  // namespace

tl::expected<std::vector<SocketAddress>, std::string> resolve(std::string_view servers) {
  std::vector<SocketAddress> addresses;
  size_t begin = 0;
  while (begin <= servers.size()) {
    const size_t end = std::min(servers.find(',', begin), servers.size());
    auto address = resolve_one(servers.substr(begin, end - begin));
    if (!address) return tl::unexpected(address.error());
    addresses.push_back(*address);
    begin = end + 1;
  }
  return addresses;
}

}  // namespace topod::bench
