#include "tools/client/address.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace topod::client {

namespace {

bool is_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

std::optional<Address> parse(std::string_view text) {
  Address address;
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    address.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    const size_t colon = text.find(':');
    const bool is_bare_ipv6 = colon != std::string_view::npos && colon != text.rfind(':');
    const size_t end = is_bare_ipv6 ? text.size() : std::min(colon, text.size());
    address.host = text.substr(0, end);
    rest = text.substr(end);
  }
  if (address.host.empty()) return std::nullopt;
  if (rest.empty()) return address;
  if (!rest.starts_with(':') || !is_port(rest.substr(1))) return std::nullopt;
  address.port = rest.substr(1);
  return address;
}

}  // namespace

std::string Address::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + port;
}

tl::expected<std::vector<Address>, std::string> parse_addresses(std::string_view list) {
  std::vector<Address> addresses;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.empty()) continue;
    const std::optional<Address> address = parse(one);
    if (!address) return tl::unexpected("not host:port: '" + std::string(one) + "'");
    addresses.push_back(*address);
  }
  if (addresses.empty()) return tl::unexpected(std::string("no servers are named"));
  return addresses;
}

}  // namespace topod::client
