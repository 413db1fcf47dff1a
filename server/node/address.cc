#include "server/node/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "server/node/text.h"

namespace topod::node {
namespace {

constexpr size_t kHostBytesMax = 255;

// In network byte order.
std::optional<in_addr> as_ipv4(std::string_view text) {
  in_addr parsed{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &parsed) != 1) return std::nullopt;
  return parsed;
}

std::optional<in6_addr> as_ipv6(std::string_view text) {
  in6_addr parsed{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), &parsed) != 1) return std::nullopt;
  return parsed;
}

bool is_ipv6(std::string_view text) {
  // A zone ("fe80::1%eth0") is not part of what inet_pton understands.
  return as_ipv6(text.substr(0, text.find('%'))).has_value();
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
  if (is_meant_as_ipv4(text)) return as_ipv4(text).has_value();
  return text.front() != '-' && std::all_of(text.begin(), text.end(), is_name_character);
}

bool is_loopback(std::string_view host) {
  constexpr uint32_t kLoopbackNet = 127;
  if (const auto ipv4 = as_ipv4(host)) return ntohl(ipv4->s_addr) >> 24 == kLoopbackNet;
  if (const auto ipv6 = as_ipv6(host)) return IN6_IS_ADDR_LOOPBACK(&*ipv6);
  return lower_case(host) == "localhost";
}

bool is_any_address(std::string_view host) {
  if (const auto ipv4 = as_ipv4(host)) return ipv4->s_addr == INADDR_ANY;
  if (const auto ipv6 = as_ipv6(host)) return IN6_IS_ADDR_UNSPECIFIED(&*ipv6);
  return false;
}

std::string to_string(const HostPort& address) {
  const bool needs_brackets = address.host.find(':') != std::string::npos;
  return (needs_brackets ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port);
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
