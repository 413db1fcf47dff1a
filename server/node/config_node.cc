#include "server/node/config_node.h"

#include <map>
#include <optional>

namespace topod::node {
namespace {

// Where clients reach a member, as far as this server can tell.
std::optional<HostPort> client_address(const Config& config, const Member& member) {
  if (member.id == config.server_id && config.advertised_client) {
    HostPort advertised = *config.advertised_client;
    if (advertised.port == 0) advertised.port = static_cast<uint16_t>(config.client_port);
    if (advertised.port == 0) return std::nullopt;  // the kernel picks one
    return advertised;
  }
  if (!member.client) return std::nullopt;
  if (!is_any_address(member.client->host)) return member.client;
  // A bare port is one of the host that the other members connect to. Where this server's clients
  // need another address than its peers, those of other members will too.
  const std::string& host = member.addresses.front().host;
  if (config.advertised_client || is_any_address(host)) return std::nullopt;
  return HostPort{host, member.client->port};
}

std::map<ServerId, HostPort> client_addresses(const Config& config) {
  std::map<ServerId, HostPort> addresses;
  if (config.hides_client_addresses) return addresses;
  for (const Member& member : config.members) {
    const std::optional<HostPort> address = client_address(config, member);
    if (!address) return {};
    addresses.emplace(member.id, *address);
  }
  return addresses;
}

std::string server_line(const Member& member) {
  std::string line = "server." + std::to_string(member.id.value()) + "=";
  for (const PeerAddress& address : member.addresses) {
    if (!line.ends_with('=')) line += "|";
    line += to_string(HostPort{address.host, address.quorum_port}) + ":" +
            std::to_string(address.election_port);
  }
  return line + (member.role == MemberRole::kObserver ? ":observer" : ":participant");
}

std::string group_lines(const Config& config) {
  std::map<uint32_t, std::string> groups;
  std::string weights;
  for (const Member& member : config.members) {
    if (!member.group) continue;
    const std::string id = std::to_string(member.id.value());
    std::string& ids = groups[*member.group];
    if (!ids.empty()) ids += ":";
    ids += id;
    weights += "weight." + id + "=" + std::to_string(member.weight) + "\n";
  }
  std::string lines;
  for (const auto& [group, ids] : groups) {
    lines += "group." + std::to_string(group) + "=" + ids + "\n";
  }
  return lines + weights;
}

}  // namespace

std::string config_node_text(const Config& config) {
  if (config.members.size() < 2) return {};
  const std::map<ServerId, HostPort> addresses = client_addresses(config);
  std::map<std::string, std::string> lines;  // in the order of the ids as text
  for (const Member& member : config.members) {
    std::string& line = lines[std::to_string(member.id.value())];
    line = server_line(member);
    if (const auto address = addresses.find(member.id); address != addresses.end()) {
      line += ";" + to_string(address->second);
    }
  }
  std::string text;
  for (const auto& [id, line] : lines) text += line + "\n";
  // The version of a set of servers that is never changed while they run.
  return text + group_lines(config) + "version=0";
}

}  // namespace topod::node
