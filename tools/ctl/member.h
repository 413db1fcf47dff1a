// What the servers of an ensemble say of themselves: their four-letter words as values. Pure, but
// for `ask_members`, which asks all of them at once with a thread for each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/ids.h"
#include "server/zab/quorum.h"
#include "tools/client/address.h"

namespace topod::ctl {

// A member as the configuration of another (or its own) has it.
struct ConfiguredMember {
  uint32_t id = 0;
  std::string peer_address;    // "host:port", the first
  std::string client_address;  // empty: not published
  bool is_observer = false;
  uint32_t weight = 1;
  uint32_t group = 0;
  std::string cell;  // empty: not said
  bool operator==(const ConfiguredMember&) const = default;
};

struct MemberReport {
  std::string address;
  std::string unreachable;  // why it does not serve; empty: it does
  bool runs = false;        // it answered, whatever it said
  bool is_waiting = false;  // it answered that it does not serve: there is no leader for it
  double answer_ms = 0;     // until the whole answer to srvr was there
  uint32_t id = 0;          // 0: not told
  std::string version;      // "3.9.4-topod-0.1.0"
  std::string mode;         // leader, follower, observer, standalone, read-only
  Zxid zxid;
  std::vector<std::string> peers;            // srvr's lines "Peer 2: linked (...)"
  std::map<std::string, std::string> mntr;   // without "zk_"
  std::map<std::string, std::string> conf;   // "key=value" lines
  std::vector<ConfiguredMember> configured;  // as this member has it; of a single server none
  // By how much its clock is ahead of ours, as far as the way there lets us tell.
  std::optional<double> clock_ahead_ms;
  double clock_error_ms = 0;
  // Measured by doctor: a read, and how much longer a sync takes, which goes to the leader and,
  // for a leader, to a quorum.
  std::optional<double> read_ms;
  std::optional<double> agreement_ms;

  [[nodiscard]] bool answers() const { return unreachable.empty(); }
  [[nodiscard]] std::optional<int64_t> number(const std::string& mntr_key) const;
};

// Fill what the word tells. False: this is no answer to it ("not in the whitelist", say).
bool read_srvr(std::string_view text, MemberReport& report);
bool read_mntr(std::string_view text, MemberReport& report);
bool read_conf(std::string_view text, MemberReport& report);

// Asks these servers and, if `learn`, those that they name. In the order of ids, those without one
// last.
[[nodiscard]] std::vector<MemberReport> ask_members(const std::vector<client::Address>& servers,
                                                    int64_t timeout_ms, bool learn);

// The voters as the majority arithmetic wants them.
[[nodiscard]] zab::Quorum quorum_of(const std::vector<ConfiguredMember>& members);

}  // namespace topod::ctl
