// The servers of an ensemble as zoo.cfg lists them: the lines server.N, group.N, weight.N and
// our own cell.N. Pure; values without threading rule.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "proto/ids.h"
#include "server/node/address.h"

namespace topod::node {

enum class MemberRole { kParticipant, kObserver };

// One way to reach a member; several are tried in their order.
struct PeerAddress {
  std::string host;
  uint16_t quorum_port = 0;
  uint16_t election_port = 0;
  bool operator==(const PeerAddress&) const = default;
};

struct Member {
  ServerId id;
  std::vector<PeerAddress> addresses;  // at least one
  MemberRole role = MemberRole::kParticipant;
  std::optional<HostPort> client;  // of the server line, not of clientPort
  std::optional<HostPort> secure_client;
  uint32_t weight = 1;            // 0: never votes
  std::optional<uint32_t> group;  // set for every participant or for none
  std::string cell;               // failure domain, empty: not said
};

inline constexpr uint32_t kServerIdMax = 255;

// host:quorumPort:electionPort[:role][|...][;[clientHost:]clientPort][;[secureHost:]securePort].
// The error says what was expected.
[[nodiscard]] tl::expected<Member, std::string> parse_member(ServerId id, std::string_view text);

// Gathers the lines, in any order.
class MembershipReader {
 public:
  // Whether a key is one of the four.
  [[nodiscard]] static bool owns(std::string_view key);

  // Takes one line; says what was expected if it is wrong.
  std::optional<std::string> add(std::string_view key, std::string_view value);

  // The members in ascending order of their ids, or everything that does not fit together.
  [[nodiscard]] tl::expected<std::vector<Member>, std::vector<std::string>> finish() const;

 private:
  std::optional<std::string> add_group(uint32_t group, std::string_view ids);
  void check_addresses(std::vector<std::string>& wrong) const;
  void check_groups(std::vector<std::string>& wrong) const;
  void check_references(std::vector<std::string>& wrong) const;

  std::map<uint32_t, Member> members_;
  std::map<uint32_t, std::vector<uint32_t>> groups_;
  std::map<uint32_t, uint32_t> weights_;
  std::map<uint32_t, std::string> cells_;
};

}  // namespace topod::node
