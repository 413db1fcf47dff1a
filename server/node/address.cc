#include "server/node/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace topod::node {
namespace {

constexpr size_t kHostBytesMax = 255;

bool is_ipv6(std::string_view text) {
  // A zone ("fe80::1%eth0") is not part of what inet_pton understands.
  const std::string address(text.substr(0, text.find('%')));
  in6_addr parsed{};
  return inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

// What consists of digits and dots is meant as an IPv4 address.
bool is_meant_as_ipv4(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > kHostBytesMax) return false;
  if (text.find('\0') != std::string_view::npos) return false;
  if (text.find(':') != std::string_view::npos) return is_ipv6(text);
  if (is_meant_as_ipv4(text)) {
    in_addr parsed{};
    return inet_pton(AF_INET, std::string(text).c_str(), &parsed) == 1;
  }
  return text.front() != '-' && std::all_of(text.begin(), text.end(), is_name_character);
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<std::string> take_host(std::string_view& text) {
  std::string_view host;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
    text.remove_prefix(close + 1);
  } else {
    host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
  }
  if (!is_host(host)) return std::nullopt;
  return std::string(host);
}

}  // namespace topod::node
