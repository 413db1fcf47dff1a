// Host names and host:port pairs as they are written in configuration. Pure functions; no name is
// looked up. IPv6 literals stand in brackets wherever a port follows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace topod::node {

struct HostPort {
  std::string host;
  uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

// A name or an address that could exist: letters, digits, dots, hyphens and underscores, or an
// IPv6 address, without brackets.
[[nodiscard]] bool is_host(std::string_view text);

// 127.0.0.0/8, ::1 or localhost: reached from this machine alone.
[[nodiscard]] bool is_loopback(std::string_view host);
// 0.0.0.0 or ::, which stands for all of a machine's addresses and reaches nobody.
[[nodiscard]] bool is_any_address(std::string_view host);

// "name:1", "1.2.3.4:1" or "[::1]:1".
[[nodiscard]] std::string to_string(const HostPort& address);

// 0 to 65535, decimal digits only.
[[nodiscard]] std::optional<uint16_t> parse_port(std::string_view text);

// Takes "name", "1.2.3.4" or "[::1]" off the front of `text`, which then begins at what follows
// (a colon or nothing); the brackets are left out of what is returned.
[[nodiscard]] std::optional<std::string> take_host(std::string_view& text);

}  // namespace topod::node
