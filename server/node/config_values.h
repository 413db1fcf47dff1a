// Readers of single configuration values: each puts one into a Config or says what it expected
// ("a whole number from 1 to 100"), never repeating the value. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "server/node/config.h"

namespace topod::node {

using Expected = std::optional<std::string>;  // empty: all is well

// Decimal or, with 0x, hexadecimal.
[[nodiscard]] std::optional<int64_t> parse_whole_number(std::string_view text);
// true, false, yes, no in any case.
[[nodiscard]] std::optional<bool> parse_truth(std::string_view text);
// The parts between commas, trimmed; empty ones are left out.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view text);

[[nodiscard]] std::string expected_number(int64_t min, int64_t max);

template <auto Member, int64_t Min, int64_t Max>
Expected number(std::string_view value, Config& config) {
  const std::optional<int64_t> parsed = parse_whole_number(value);
  if (!parsed || *parsed < Min || *parsed > Max) return expected_number(Min, Max);
  auto& place = config.*Member;
  place = static_cast<std::remove_reference_t<decltype(place)>>(*parsed);
  return std::nullopt;
}

template <auto Member>
Expected truth(std::string_view value, Config& config) {
  const std::optional<bool> parsed = parse_truth(value);
  if (!parsed) return "true or false";
  config.*Member = *parsed;
  return std::nullopt;
}

// Text that must not be empty and holds no NUL, for the system would cut it there.
template <auto Member>
Expected text(std::string_view value, Config& config) {
  if (value.empty() || value.find('\0') != std::string_view::npos) return "a path";
  config.*Member = value;
  return std::nullopt;
}

// A host name or address; brackets around IPv6 are allowed and dropped.
Expected read_host(std::string_view value, std::string& host);

template <auto Member>
Expected address(std::string_view value, Config& config) {
  return read_host(value, config.*Member);
}

Expected super_digest(std::string_view value, Config& config);
Expected digest_algorithm(std::string_view value, Config& config);
Expected auth_schemes(std::string_view value, Config& config);
Expected four_letter_words(std::string_view value, Config& config);
// secret, which needs a peerSecretFile, or none.
Expected peer_auth(std::string_view value, Config& config);
// host, host:port, or none.
Expected advertised_client(std::string_view value, Config& config);
// A class of Java's: that which provides nothing, or another one, for which ours stands in.
Expected metrics_provider(std::string_view value, Config& config);
Expected admin_server(std::string_view value, Config& config);
Expected log_level(std::string_view value, Config& config);

}  // namespace topod::node
