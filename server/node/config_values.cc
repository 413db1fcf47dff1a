#include "server/node/config_values.h"

#include <algorithm>
#include <charconv>

#include "server/node/address.h"
#include "server/node/text.h"

namespace topod::node {
namespace {

// Names of OpenSSL that Java knows too, for the ids made with them must stay the same.
constexpr std::string_view kDigestAlgorithms[] = {"SHA1",     "SHA-1",    "SHA-224",  "SHA-256",
                                                  "SHA-384",  "SHA-512",  "SHA3-224", "SHA3-256",
                                                  "SHA3-384", "SHA3-512", "MD5"};
constexpr std::string_view kAuthSchemes[] = {"digest", "ip", "sasl", "x509"};

template <class Range>
std::string joined(const Range& names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

}  // namespace

std::optional<int64_t> parse_whole_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> parse_truth(std::string_view text) {
  const std::string word = lower_case(text);
  if (word == "true" || word == "yes") return true;
  if (word == "false" || word == "no") return false;
  return std::nullopt;
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(text, ',')) {
    if (!trimmed(part).empty()) parts.emplace_back(trimmed(part));
  }
  return parts;
}

std::string expected_number(int64_t min, int64_t max) {
  return "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
}

Expected read_host(std::string_view value, std::string& host) {
  if (value.size() > 2 && value.front() == '[' && value.back() == ']') {
    value = value.substr(1, value.size() - 2);
  }
  if (!is_host(value)) return "a host name or an address without a port";
  host = value;
  return std::nullopt;
}

Expected super_digest(std::string_view value, Config& config) {
  const size_t colon = value.find(':');
  if (colon == std::string_view::npos || colon + 1 == value.size()) {
    return "user:BASE64(HASH(user:password))";
  }
  config.super_digest = Secret(std::string(value));
  return std::nullopt;
}

Expected digest_algorithm(std::string_view value, Config& config) {
  const std::string wanted = lower_case(value);
  for (const std::string_view name : kDigestAlgorithms) {
    if (lower_case(name) != wanted) continue;
    config.digest_algorithm = name;
    return std::nullopt;
  }
  return "one of " + joined(kDigestAlgorithms);
}

Expected auth_schemes(std::string_view value, Config& config) {
  std::vector<std::string> schemes = parse_list(value);
  for (const std::string& scheme : schemes) {
    if (std::find(std::begin(kAuthSchemes), std::end(kAuthSchemes), scheme) ==
        std::end(kAuthSchemes)) {
      return "a list of schemes out of " + joined(kAuthSchemes);
    }
  }
  config.enforce_auth_schemes = std::move(schemes);
  return std::nullopt;
}

Expected four_letter_words(std::string_view value, Config& config) {
  config.four_letter_words = parse_list(value);
  return std::nullopt;
}

Expected peer_auth(std::string_view value, Config& config) {
  const std::string word = lower_case(value);
  if (word != "secret" && word != "none") return "secret or none";
  config.peer_auth_off = word == "none";
  return std::nullopt;
}

Expected advertised_client(std::string_view value, Config& config) {
  config.hides_client_addresses = value == "none";
  config.advertised_client.reset();
  if (config.hides_client_addresses) return std::nullopt;
  const std::string expected = "host or host:port that clients can reach, or none";
  const std::optional<std::string> host = take_host(value);
  if (!host || is_any_address(*host)) return expected;
  HostPort address{*host, 0};
  if (!value.empty()) {
    const std::optional<uint16_t> port = parse_port(value.substr(1));
    if (!port || *port == 0) return expected;
    address.port = *port;
  }
  config.advertised_client = std::move(address);
  return std::nullopt;
}

Expected metrics_provider(std::string_view value, Config& config) {
  if (value.empty()) return "the name of a class";
  config.wants_metrics = !lower_case(value).ends_with("nullmetricsprovider");
  return std::nullopt;
}

Expected admin_server(std::string_view value, Config& config) {
  const std::optional<bool> parsed = parse_truth(value);
  if (!parsed) return "true or false";
  config.wants_status = *parsed;
  return std::nullopt;
}

Expected log_level(std::string_view value, Config& config) {
  const std::optional<LogLevel> level = parse_log_level(lower_case(value));
  if (!level) return "one of trace, debug, info, warn, error";
  config.log_level = *level;
  return std::nullopt;
}

}  // namespace topod::node
