#include "server/node/membership.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "server/node/text.h"

namespace topod::node {
namespace {

constexpr std::string_view kServerPrefix = "server.";
constexpr std::string_view kGroupPrefix = "group.";
constexpr std::string_view kWeightPrefix = "weight.";
constexpr std::string_view kCellPrefix = "cell.";
constexpr uint32_t kWeightMax = 1'000'000;

constexpr std::string_view kMemberForm =
    "host:quorumPort:electionPort[:participant|observer][|more addresses]"
    "[;[clientHost:]clientPort][;[secureHost:]securePort]";

std::optional<uint32_t> parse_number(std::string_view text, uint32_t max) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) {
    return std::nullopt;
  }
  return number;
}

std::optional<MemberRole> parse_role(std::string_view text) {
  const std::string lower = lower_case(text);
  if (lower == "participant") return MemberRole::kParticipant;
  if (lower == "observer") return MemberRole::kObserver;
  return std::nullopt;
}

std::optional<uint16_t> parse_listening_port(std::string_view text) {
  const std::optional<uint16_t> port = parse_port(text);
  return port && *port != 0 ? port : std::nullopt;
}

// host:quorumPort:electionPort[:role]
bool add_address(std::string_view text, Member& member) {
  const std::optional<std::string> host = take_host(text);
  if (!host || !text.starts_with(':')) return false;
  const std::vector<std::string_view> parts = split(text.substr(1), ':');
  if (parts.size() < 2 || parts.size() > 3) return false;
  const std::optional<uint16_t> quorum_port = parse_listening_port(parts[0]);
  const std::optional<uint16_t> election_port = parse_listening_port(parts[1]);
  if (!quorum_port || !election_port) return false;
  if (parts.size() == 3) {
    const std::optional<MemberRole> role = parse_role(parts[2]);
    if (!role) return false;
    member.role = *role;
  }
  member.addresses.push_back({*host, *quorum_port, *election_port});
  return true;
}

// [host:]port
std::optional<HostPort> parse_client_part(std::string_view text) {
  if (const std::optional<uint16_t> port = parse_listening_port(text)) {
    return HostPort{"0.0.0.0", *port};
  }
  const std::optional<std::string> host = take_host(text);
  if (!host || !text.starts_with(':')) return std::nullopt;
  const std::optional<uint16_t> port = parse_listening_port(text.substr(1));
  if (!port) return std::nullopt;
  return HostPort{*host, *port};
}

std::string named(uint32_t id) { return "server." + std::to_string(id); }

}  // namespace

tl::expected<Member, std::string> parse_member(ServerId id, std::string_view text) {
  const auto wrong = [] { return tl::unexpected(std::string(kMemberForm)); };
  Member member;
  member.id = id;
  const std::vector<std::string_view> parts = split(text, ';');
  if (parts.size() > 3) return wrong();
  for (const std::string_view address : split(parts[0], '|')) {
    if (!add_address(address, member)) return wrong();
  }
  if (parts.size() > 1 && !parts[1].empty()) {
    member.client = parse_client_part(parts[1]);
    if (!member.client) return wrong();
  }
  if (parts.size() > 2 && !parts[2].empty()) {
    member.secure_client = parse_client_part(parts[2]);
    if (!member.secure_client) return wrong();
  }
  return member;
}

bool MembershipReader::owns(std::string_view key) {
  return key.starts_with(kServerPrefix) || key.starts_with(kGroupPrefix) ||
         key.starts_with(kWeightPrefix) || key.starts_with(kCellPrefix);
}

std::optional<std::string> MembershipReader::add(std::string_view key, std::string_view value) {
  const std::string_view prefix = key.substr(0, key.find('.') + 1);
  const std::optional<uint32_t> id = parse_number(key.substr(prefix.size()), kServerIdMax);
  if (!id || (*id == 0 && prefix != kGroupPrefix)) {
    return "a key that ends in a server id from 1 to " + std::to_string(kServerIdMax);
  }
  if (prefix == kServerPrefix) {
    tl::expected<Member, std::string> member = parse_member(ServerId(*id), value);
    if (!member) return member.error();
    members_[*id] = std::move(*member);
    return std::nullopt;
  }
  if (prefix == kGroupPrefix) return add_group(*id, value);
  if (prefix == kWeightPrefix) {
    const std::optional<uint32_t> weight = parse_number(value, kWeightMax);
    if (!weight) return "a whole number from 0 to " + std::to_string(kWeightMax);
    weights_[*id] = *weight;
    return std::nullopt;
  }
  if (!is_host(value)) return "a name of letters, digits, dots, hyphens and underscores";
  cells_[*id] = value;
  return std::nullopt;
}

std::optional<std::string> MembershipReader::add_group(uint32_t group, std::string_view ids) {
  std::vector<uint32_t> members;
  for (const std::string_view text : split(ids, ':')) {
    const std::optional<uint32_t> id = parse_number(text, kServerIdMax);
    if (!id || *id == 0) return "server ids separated by colons, such as 1:2:3";
    members.push_back(*id);
  }
  groups_[group] = std::move(members);
  return std::nullopt;
}

void MembershipReader::check_addresses(std::vector<std::string>& wrong) const {
  std::map<std::pair<std::string, uint16_t>, uint32_t> owners;
  const auto claim = [&](const std::string& host, uint16_t port, uint32_t id) {
    const auto [place, is_new] = owners.try_emplace({host, port}, id);
    if (is_new) return;
    wrong.push_back(named(id) + " to have an address of its own: " + host + ":" +
                    std::to_string(port) + " is already used by " + named(place->second));
  };
  for (const auto& [id, member] : members_) {
    for (const PeerAddress& address : member.addresses) {
      claim(address.host, address.quorum_port, id);
      claim(address.host, address.election_port, id);
    }
  }
}

void MembershipReader::check_groups(std::vector<std::string>& wrong) const {
  if (groups_.empty()) return;
  std::map<uint32_t, int> seen;
  for (const auto& [group, ids] : groups_) {
    for (const uint32_t id : ids) ++seen[id];
  }
  for (const auto& [id, member] : members_) {
    if (member.role != MemberRole::kParticipant || seen[id] == 1) continue;
    wrong.push_back(named(id) +
                    " to be in exactly one group, as every participant must be when "
                    "there are groups");
  }
}

void MembershipReader::check_references(std::vector<std::string>& wrong) const {
  const auto check = [&](const std::string& key, uint32_t id) {
    if (!members_.contains(id)) {
      wrong.push_back(key + " to name a server that has a line " + named(id));
    }
  };
  for (const auto& [group, ids] : groups_) {
    for (const uint32_t id : ids) check("group." + std::to_string(group), id);
  }
  for (const auto& [id, weight] : weights_) check("weight." + std::to_string(id), id);
  for (const auto& [id, cell] : cells_) check("cell." + std::to_string(id), id);
}

tl::expected<std::vector<Member>, std::vector<std::string>> MembershipReader::finish() const {
  std::vector<std::string> wrong;
  check_addresses(wrong);
  check_groups(wrong);
  check_references(wrong);
  std::vector<Member> members;
  bool someone_votes = members_.empty();
  for (const auto& [id, listed] : members_) {
    Member member = listed;
    if (const auto weight = weights_.find(id); weight != weights_.end()) {
      member.weight = weight->second;
    }
    if (const auto cell = cells_.find(id); cell != cells_.end()) member.cell = cell->second;
    for (const auto& [group, ids] : groups_) {
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) member.group = group;
    }
    someone_votes |= member.role == MemberRole::kParticipant && member.weight > 0;
    members.push_back(std::move(member));
  }
  if (!someone_votes) wrong.emplace_back("at least one participant with a weight above 0");
  if (!wrong.empty()) return tl::unexpected(std::move(wrong));
  return members;
}

}  // namespace topod::node
