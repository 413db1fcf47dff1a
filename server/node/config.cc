#include "server/node/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "server/node/config_keys.h"
#include "server/node/config_values.h"
#include "server/node/properties.h"
#include "server/node/text.h"

namespace topod::node {
namespace {

constexpr std::string_view kZooKeeperPrefix = "zookeeper.";
constexpr size_t kValueBytesShown = 80;

// A value as it may stand in a message: quoted and not too long.
std::string shown(std::string_view key, std::string_view value) {
  if (is_secret_key(key)) return kSecretAsPrinted;
  const std::string_view end = value.size() > kValueBytesShown ? "...\"" : "\"";
  return "\"" + std::string(value.substr(0, kValueBytesShown)) + std::string(end);
}

std::string_view without_prefix(std::string_view key) {
  if (key.starts_with(kZooKeeperPrefix)) key.remove_prefix(kZooKeeperPrefix.size());
  return key;
}

// One reading of one configuration: gathers remarks and errors on its way.
class Loader {
 public:
  Loader(std::string file, const Overrides& overrides, const ConfigOptions& options,
         const ReadFile& read_file)
      : file_(std::move(file)), overrides_(overrides), options_(options), read_file_(read_file) {}

  LoadResult load(std::string_view text) {
    read_properties(text, file_);
    read_dynamic_file();
    apply_overrides();
    settle_members();
    settle_client_port();
    settle_session_timeouts();
    settle_http_ports();
    check_relations();
    check_words();
    read_peer_secret();
    check_peers_are_believed_for_a_reason();
    if (!errors_.empty()) return tl::unexpected(std::move(errors_));
    return Loaded{std::move(config_), std::move(remarks_)};
  }

 private:
  void read_properties(std::string_view text, const std::string& file);
  void take(const Property& property, const std::string& file);
  void ignore(const IgnoredKey& known, const Property& property, const std::string& file);
  void take_unknown(const Property& property, const std::string& file);
  void read_dynamic_file();
  void take_dynamic(const Property& property, const std::string& file);
  void apply_overrides();
  void settle_members();
  void read_server_id();
  [[nodiscard]] std::string listed_ids() const;
  void settle_client_port();
  void settle_session_timeouts();
  void settle_http_ports();
  void check_relations();
  void check_words();
  void read_peer_secret();
  void check_peers_are_believed_for_a_reason();
  [[nodiscard]] std::optional<std::string> reachable_peer_port() const;

  void remark(LogLevel level, const std::string& file, int line, std::string_view key,
              std::string text) {
    auto& list = level == LogLevel::kError ? errors_ : remarks_;
    list.push_back({level, file, line, std::string(key), std::move(text)});
  }
  // About a key of the main file, with the line it stands in, if it does.
  void remark_on(LogLevel level, std::string_view key, std::string text) {
    const auto line = lines_.find(key);
    remark(level, file_, line == lines_.end() ? 0 : line->second, key, std::move(text));
  }
  void fail_on(std::string_view key, std::string text) {
    remark_on(LogLevel::kError, key, std::move(text));
  }

  const std::string file_;
  const Overrides& overrides_;
  const ConfigOptions& options_;
  const ReadFile& read_file_;

  Config config_;
  MembershipReader membership_;
  std::string dynamic_file_;
  std::map<std::string, int, std::less<>> lines_;  // of the main file's keys
  std::vector<ConfigRemark> remarks_;
  std::vector<ConfigError> errors_;
};

void Loader::read_properties(std::string_view text, const std::string& file) {
  const auto properties = parse_properties(text);
  if (!properties) {
    remark(LogLevel::kError, file, properties.error().line, "",
           "expected " + properties.error().expected);
    return;
  }
  // As in Java, the last line with a key is the one that counts.
  for (const Property& property : *properties) {
    const std::string_view name = without_prefix(property.key);
    const auto [place, is_new] = lines_.try_emplace(std::string(name), property.line);
    if (is_new) continue;
    remark(LogLevel::kWarn, file, place->second, name,
           "written again in line " + std::to_string(property.line) + ", which is what counts");
    place->second = property.line;
  }
  for (const Property& property : *properties) {
    if (lines_.find(without_prefix(property.key))->second == property.line) {
      take(property, file);
    }
  }
}

void Loader::take(const Property& property, const std::string& file) {
  const std::string_view name = without_prefix(property.key);
  if (MembershipReader::owns(name)) {
    if (const auto expected = membership_.add(name, property.value)) {
      remark(LogLevel::kError, file, property.line, name,
             "expected " + *expected + ", not " + shown(name, property.value));
    }
  } else if (name == kDynamicConfigFileKey) {
    dynamic_file_ = property.value;
  } else if (const AppliedKey* applied = find_applied_key(name)) {
    if (const auto expected = applied->apply(property.value, config_)) {
      remark(LogLevel::kError, file, property.line, name,
             "expected " + *expected + ", not " + shown(name, property.value));
    }
  } else if (const IgnoredKey* known = find_ignored_key(name)) {
    ignore(*known, property, file);
  } else {
    take_unknown(property, file);
  }
}

void Loader::ignore(const IgnoredKey& known, const Property& property, const std::string& file) {
  const std::string_view name = without_prefix(property.key);
  const std::string reason(known.reason);
  if (is_harmless(known, property.value)) {
    remark(LogLevel::kInfo, file, property.line, name, "ignored: " + reason);
  } else if (known.is_protection) {
    remark(LogLevel::kError, file, property.line, name,
           "expected " + std::string(known.harmless) + ", not " + shown(name, property.value) +
               ": " + reason);
  } else {
    remark(LogLevel::kWarn, file, property.line, name,
           shown(name, property.value) + " is ignored: " + reason);
  }
}

void Loader::take_unknown(const Property& property, const std::string& file) {
  std::string text = "is not a key that topod or ZooKeeper knows";
  if (const auto similar = similar_key(without_prefix(property.key))) {
    text += "; is " + std::string(*similar) + " meant?";
  }
  std::string key = shown("", property.key);
  remark(options_.strict ? LogLevel::kError : LogLevel::kWarn, file, property.line, key,
         std::move(text));
}

void Loader::read_dynamic_file() {
  if (dynamic_file_.empty()) return;
  const tl::expected<std::string, std::string> text = read_file_(dynamic_file_);
  if (!text) {
    fail_on(kDynamicConfigFileKey, "cannot read " + shown("", dynamic_file_) + ": " + text.error());
    return;
  }
  const auto properties = parse_properties(*text);
  if (!properties) {
    remark(LogLevel::kError, dynamic_file_, properties.error().line, "",
           "expected " + properties.error().expected);
    return;
  }
  for (const Property& property : *properties) take_dynamic(property, dynamic_file_);
}

void Loader::take_dynamic(const Property& property, const std::string& file) {
  if (property.key == "version") return;
  if (MembershipReader::owns(property.key)) {
    take(property, file);
    return;
  }
  remark(LogLevel::kError, file, property.line, shown("", property.key),
         "expected server.N, group.N, weight.N, cell.N or version in a dynamic configuration");
}

void Loader::apply_overrides() {
  if (overrides_.data_dir) config_.data_dir = *overrides_.data_dir;
  if (overrides_.client_port) config_.client_port = *overrides_.client_port;
  if (overrides_.log_level) config_.log_level = *overrides_.log_level;
  if (overrides_.client_address && read_host(*overrides_.client_address, config_.client_address)) {
    remark(LogLevel::kError, "", 0, "--client-address",
           "expected a host name or an address without a port, not " +
               shown("", *overrides_.client_address));
  }
}

void Loader::settle_members() {
  auto members = membership_.finish();
  if (!members) {
    for (std::string& wrong : members.error()) {
      remark(LogLevel::kError, dynamic_file_.empty() ? file_ : dynamic_file_, 0, "",
             "expected " + wrong);
    }
    return;
  }
  config_.members = std::move(*members);
  if (config_.members.empty()) return;
  read_server_id();
  if (config_.members.size() < 2) return;
  constexpr const char* kWhyLimits = "expected, for there are several servers";
  if (config_.init_limit_ticks == 0) fail_on("initLimit", kWhyLimits);
  if (config_.sync_limit_ticks == 0) fail_on("syncLimit", kWhyLimits);
  const auto voters =
      std::count_if(config_.members.begin(), config_.members.end(),
                    [](const Member& member) { return member.role == MemberRole::kParticipant; });
  if (voters % 2 == 0) {
    remark(LogLevel::kWarn, file_, 0, "",
           std::to_string(voters) + " voting servers survive no more failures than " +
               std::to_string(voters - 1));
  }
}

// Which of the servers this one is: in the file myid of the data directory. A lone server needs
// none.
void Loader::read_server_id() {
  if (config_.data_dir.empty()) return;
  const std::string path = config_.data_dir + "/myid";
  const tl::expected<std::string, std::string> text = read_file_(path);
  if (!text) {
    if (config_.members.size() == 1)
      config_.server_id = config_.members.front().id;
    else
      remark(LogLevel::kError, path, 0, "",
             "expected this server's id, one of " + listed_ids() +
                 ", in a line of its own: " + text.error());
    return;
  }
  const auto id = parse_whole_number(trimmed(*text));
  if (!id || *id < 1 || *id > kServerIdMax) {
    remark(LogLevel::kError, path, 1, "",
           "expected " + expected_number(1, kServerIdMax) + ", not " + shown("", *text));
    return;
  }
  config_.server_id = ServerId(static_cast<uint32_t>(*id));
  if (find_self(config_) == nullptr) {
    remark(LogLevel::kError, path, 1, "",
           "expected the id of a server line (" + listed_ids() + "), not " + std::to_string(*id) +
               ": add a line server." + std::to_string(*id) + ", or correct the id");
  }
}

std::string Loader::listed_ids() const {
  std::string ids;
  for (const Member& member : config_.members) {
    if (!ids.empty()) ids += ", ";
    ids += std::to_string(member.id.value());
  }
  return ids;
}

// The port may come with the server's own line; a line of its own must then agree.
void Loader::settle_client_port() {
  const Member* self = find_self(config_);
  if (self != nullptr && self->client && !overrides_.client_port) {
    if (config_.client_port > 0 && config_.client_port != self->client->port) {
      fail_on("clientPort", "expected " + std::to_string(self->client->port) +
                                ", the port of this server's own server line");
    }
    config_.client_port = self->client->port;
    if (config_.client_address.empty()) config_.client_address = self->client->host;
  }
  if (config_.client_port < 0 && options_.requires_client_port) {
    fail_on("clientPort", "expected: the port that clients connect to (or --client-port)");
  }
}

void Loader::settle_session_timeouts() {
  int32_t& min_ms = config_.min_session_timeout_ms;
  int32_t& max_ms = config_.max_session_timeout_ms;
  if (min_ms == 0) fail_on("minSessionTimeout", "expected a number from 1, or -1 for two ticks");
  if (max_ms == 0) fail_on("maxSessionTimeout", "expected a number from 1, or -1 for 20 ticks");
  if (min_ms < 0) min_ms = limits::kMinSessionTimeoutTicks * config_.tick_time_ms;
  if (max_ms < 0) max_ms = limits::kMaxSessionTimeoutTicks * config_.tick_time_ms;
  if (min_ms > max_ms) {
    fail_on("minSessionTimeout", "expected at most maxSessionTimeout (" + std::to_string(max_ms) +
                                     " ms), not " + std::to_string(min_ms) + " ms");
  }
}

// Metrics and status are served if they are asked for, by name or by giving a port; at ZooKeeper's
// ports unless told otherwise.
void Loader::settle_http_ports() {
  const auto settle = [](const std::optional<bool>& wanted, int32_t& port, int32_t usual) {
    if (!wanted.value_or(port >= 0)) {
      port = -1;
    } else if (port < 0) {
      port = usual;
    }
  };
  settle(config_.wants_metrics, config_.metrics_port, kMetricsPort);
  settle(config_.wants_status, config_.status_port, kStatusPort);
}

void Loader::check_relations() {
  if (config_.data_dir.empty()) {
    fail_on("dataDir", "expected: the directory that holds the data (or --data-dir)");
  }
  if (config_.enforce_auth && config_.enforce_auth_schemes.empty()) {
    fail_on("enforce.auth.schemes", "expected, for enforce.auth.enabled is true");
  }
  if (!config_.super_digest.empty() && !config_.digest_enabled) {
    remark_on(LogLevel::kWarn, "DigestAuthenticationProvider.superDigest",
              "nobody can become super while DigestAuthenticationProvider.enabled is false");
  }
  if (config_.skip_acl) {
    remark_on(LogLevel::kWarn, "skipACL", "every client may read and change everything");
  }
}

void Loader::check_words() {
  for (const std::string& word : config_.four_letter_words) {
    const bool is_known =
        word == kEveryWord ||
        std::find(kFourLetterWords.begin(), kFourLetterWords.end(), word) != kFourLetterWords.end();
    if (!is_known) {
      remark_on(LogLevel::kWarn, "4lw.commands.whitelist",
                shown("", word) + " is not a four-letter word");
    }
  }
}

void Loader::read_peer_secret() {
  constexpr const char* kKey = "peerSecretFile";
  const std::string& path = config_.peer_secret_file;
  if (path.empty()) return;
  if (config_.peer_auth_off) {
    fail_on("peerAuth", "expected secret, for there is a peerSecretFile: leave out one of the two");
  }
  const tl::expected<std::string, std::string> text = read_file_(path);
  if (!text) {
    fail_on(kKey, "cannot read " + shown(kKey, path) + ": " + text.error());
  } else if (trimmed(*text).empty()) {
    fail_on(kKey, "expected a secret in " + shown(kKey, path) + ", which is empty");
  } else {
    config_.peer_secret = Secret(std::string(trimmed(*text)));
  }
}

// Without a secret whoever reaches the port of a member may claim to be another: only on one
// machine, or by the operator's own word.
void Loader::check_peers_are_believed_for_a_reason() {
  if (config_.members.size() < 2 || !config_.peer_secret_file.empty()) return;
  const std::optional<std::string> open = reachable_peer_port();
  if (!open) return;
  if (config_.peer_auth_off) {
    remark_on(LogLevel::kWarn, "peerAuth",
              "whoever reaches the port of a server may join the ensemble as another");
    return;
  }
  fail_on("peerSecretFile", "expected, for " + *open +
                                " can be reached from other machines: a file with the same secret "
                                "on every server; or peerAuth=none to believe whoever reaches the "
                                "port");
}

// What other machines can reach of the ports between members, if anything.
std::optional<std::string> Loader::reachable_peer_port() const {
  for (const Member& member : config_.members) {
    for (const PeerAddress& address : member.addresses) {
      if (is_loopback(address.host)) continue;
      return "server." + std::to_string(member.id.value()) + " at " + address.host;
    }
  }
  if (config_.listen_for_peers_on_all) return "this server, with quorumListenOnAllIPs,";
  return std::nullopt;
}

tl::expected<std::string, std::string> read_text_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return tl::unexpected(std::string("it is a directory"));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return tl::unexpected(std::string(std::strerror(errno)));
  std::string text(kConfigFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return tl::unexpected(std::string("it cannot be read"));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kConfigFileBytesMax) {
    return tl::unexpected("it is longer than " + std::to_string(kConfigFileBytesMax) + " bytes");
  }
  return text;
}

// What only a look at the file system can tell.
void check_data_dir(const Config& config, const std::string& file,
                    std::vector<ConfigError>& errors) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(config.data_dir, error);
  const auto fail = [&](std::string text) {
    errors.push_back({LogLevel::kError, file, 0, "dataDir", std::move(text)});
  };
  if (status.type() == std::filesystem::file_type::not_found) {
    if (!config.create_data_dir) {
      fail("expected a directory that exists, for datadir.autocreate is false: " +
           shown("", config.data_dir));
    }
  } else if (status.type() != std::filesystem::file_type::directory) {
    fail("expected a directory: " + shown("", config.data_dir));
  }
}

void check_secret_file(const Config& config, const std::string& file,
                       std::vector<ConfigError>& errors) {
  if (config.peer_secret_file.empty()) return;
  using std::filesystem::perms;
  std::error_code error;
  const perms mode = std::filesystem::status(config.peer_secret_file, error).permissions();
  if (error || (mode & perms::others_all) == perms::none) return;
  errors.push_back({LogLevel::kError, file, 0, "peerSecretFile",
                    "expected a file that others cannot read or write: chmod o= " +
                        shown("", config.peer_secret_file)});
}

}  // namespace

const Member* find_self(const Config& config) {
  const auto self = std::find_if(config.members.begin(), config.members.end(),
                                 [&](const Member& each) { return each.id == config.server_id; });
  return self == config.members.end() ? nullptr : &*self;
}

std::string to_string(const ConfigRemark& remark) {
  std::string text = remark.file.empty() ? "command line" : remark.file;
  if (remark.line > 0) text += ":" + std::to_string(remark.line);
  if (!remark.key.empty()) text += ": " + remark.key;
  text += ": " + remark.text;
  // A remark is one line, whatever was in the file.
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
  return text;
}

LoadResult parse_config(std::string_view text, const std::string& file, const Overrides& overrides,
                        const ConfigOptions& options, const ReadFile& read_file) {
  return Loader(file, overrides, options, read_file).load(text);
}

LoadResult load_config(const std::optional<std::string>& file, const Overrides& overrides,
                       const ConfigOptions& options) {
  std::string text;
  if (file) {
    tl::expected<std::string, std::string> read = read_text_file(*file);
    if (!read) {
      return tl::unexpected(std::vector<ConfigError>{
          {LogLevel::kError, *file, 0, "", "cannot be read: " + read.error()}});
    }
    text = std::move(*read);
  }
  LoadResult result = parse_config(text, file.value_or(""), overrides, options, read_text_file);
  if (!result) return result;
  std::vector<ConfigError> errors;
  check_data_dir(result->config, file.value_or(""), errors);
  check_secret_file(result->config, file.value_or(""), errors);
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return result;
}

}  // namespace topod::node
