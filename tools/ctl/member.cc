#include "tools/ctl/member.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <set>
#include <utility>

#include "tools/client/four_letter.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

uint32_t number_in(std::string_view text) {
  uint32_t value = 0;
  std::from_chars(text.begin(), text.end(), value);
  return value;
}

std::string host_and_port(std::string_view peer) {
  // "host:2888:3888" or "[::1]:2888:3888"; of several addresses the first.
  peer = peer.substr(0, peer.find('|'));
  const size_t last = peer.rfind(':');
  return std::string(peer.substr(0, last));
}

// "server.1=host:2888:3888:participant;host:2181".
ConfiguredMember parse_member(uint32_t id, std::string_view value) {
  ConfiguredMember member;
  member.id = id;
  const size_t semicolon = value.find(';');
  if (semicolon != std::string_view::npos) {
    member.client_address = value.substr(semicolon + 1);
    value = value.substr(0, semicolon);
  }
  member.is_observer = value.ends_with(":observer");
  for (const std::string_view role : {":observer", ":participant"}) {
    if (value.ends_with(role)) value.remove_suffix(role.size());
  }
  member.peer_address = host_and_port(value);
  return member;
}

void read_membership(std::string_view key, std::string_view value,
                     std::map<uint32_t, ConfiguredMember>& members) {
  const size_t dot = key.find('.');
  const std::string_view kind = key.substr(0, dot);
  const uint32_t number = number_in(key.substr(dot + 1));
  if (kind == "server") {
    const ConfiguredMember known = members[number];
    members[number] = parse_member(number, value);
    members[number].cell = known.cell;
  } else if (kind == "cell") {
    members[number].cell = value;
  } else if (kind == "weight") {
    members[number].weight = number_in(value);
  } else if (kind == "group") {
    for (const std::string& id : split(value, ':')) members[number_in(id)].group = number;
  }
}

int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void ask_clock(const std::string& text, int64_t sent_us, int64_t received_us,
               MemberReport& report) {
  if (!read_mntr(text, report)) return;
  const auto clock_ms = report.number("wall_clock");
  if (!clock_ms) return;
  const double middle_ms = static_cast<double>(sent_us + received_us) / 2000;
  report.clock_ahead_ms = static_cast<double>(*clock_ms) - middle_ms;
  report.clock_error_ms = static_cast<double>(received_us - sent_us) / 2000 + 1;
}

MemberReport ask(const client::Address& server, int64_t timeout_ms) {
  using std::chrono::steady_clock;
  const auto timeout = std::chrono::milliseconds(timeout_ms);
  MemberReport report;
  report.address = server.text();
  const auto began = steady_clock::now();
  const auto srvr = client::four_letter_word(server, "srvr", timeout);
  report.answer_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
  if (!srvr) {
    const std::string prefix = report.address + ": ";
    report.unreachable =
        srvr.error().starts_with(prefix) ? srvr.error().substr(prefix.size()) : srvr.error();
    return report;
  }
  report.runs = !srvr->empty();
  if (!read_srvr(*srvr, report)) {
    const std::string line(trimmed(srvr->substr(0, srvr->find('\n'))));
    report.unreachable = line.empty() ? "it closes the connection" : line;
    if (report.is_waiting) report.unreachable = "it runs, but has no leader to serve under";
  }
  const int64_t sent_us = wall_us();
  const auto mntr = client::four_letter_word(server, "mntr", timeout);
  if (mntr) ask_clock(*mntr, sent_us, wall_us(), report);
  const auto conf = client::four_letter_word(server, "conf", timeout);
  if (conf) read_conf(*conf, report);
  return report;
}

std::vector<MemberReport> ask_all(const std::vector<client::Address>& servers, int64_t timeout_ms) {
  std::vector<std::future<MemberReport>> answers;
  answers.reserve(servers.size());
  for (const client::Address& server : servers) {
    answers.push_back(std::async(std::launch::async, ask, server, timeout_ms));
  }
  std::vector<MemberReport> reports;
  reports.reserve(answers.size());
  for (auto& answer : answers) reports.push_back(answer.get());
  return reports;
}

// Addresses of members that have not been asked, and the id of each.
std::map<uint32_t, std::string> unknown_members(const std::vector<MemberReport>& reports) {
  std::map<uint32_t, std::string> unknown;
  std::set<std::string> asked;
  for (const MemberReport& report : reports) asked.insert(report.address);
  for (const MemberReport& report : reports) {
    for (const ConfiguredMember& member : report.configured) {
      if (!asked.contains(member.client_address)) unknown[member.id] = member.client_address;
    }
  }
  for (const MemberReport& report : reports) unknown.erase(report.id);
  return unknown;
}

// A member that did not answer is known by the address that others publish for it.
void name_silent_members(std::vector<MemberReport>& reports) {
  for (const MemberReport& report : std::vector<MemberReport>(reports)) {
    for (const ConfiguredMember& member : report.configured) {
      for (MemberReport& silent : reports) {
        if (silent.id == 0 && silent.address == member.client_address) silent.id = member.id;
      }
    }
  }
}

}  // namespace

std::optional<int64_t> MemberReport::number(const std::string& mntr_key) const {
  const auto found = mntr.find(mntr_key);
  if (found == mntr.end()) return std::nullopt;
  return parse_number(found->second.substr(0, found->second.find('.')));
}

bool read_srvr(std::string_view text, MemberReport& report) {
  constexpr std::string_view kVersion = "Zookeeper version: ";
  bool has_mode = false;
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with(kVersion)) {
      report.version = line.substr(kVersion.size(), line.find(',') - kVersion.size());
    } else if (line.starts_with("Mode: ")) {
      report.mode = line.substr(6);
      has_mode = true;
    } else if (line.starts_with("Zxid: ")) {
      report.zxid = Zxid(parse_number(line.substr(6)).value_or(0));
    } else if (line.find("not currently serving") != std::string::npos) {
      report.is_waiting = true;
    } else if (line.starts_with("Peer ") || line.starts_with("Not voting") ||
               line.starts_with("Last ")) {
      report.peers.push_back(line);
    }
  }
  return has_mode;
}

bool read_mntr(std::string_view text, MemberReport& report) {
  for (const std::string& line : split(text, '\n')) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos || !line.starts_with("zk_")) continue;
    report.mntr[line.substr(3, tab - 3)] = trimmed(std::string_view(line).substr(tab + 1));
  }
  return !report.mntr.empty();
}

bool read_conf(std::string_view text, MemberReport& report) {
  std::map<uint32_t, ConfiguredMember> members;
  for (const std::string& line : split(text, '\n')) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = line.substr(0, equals);
    const std::string value(trimmed(std::string_view(line).substr(equals + 1)));
    report.conf[key] = value;
    read_membership(key, value, members);
  }
  std::erase_if(members, [](const auto& entry) { return entry.second.peer_address.empty(); });
  report.configured.clear();
  for (auto& [id, member] : members) report.configured.push_back(std::move(member));
  const auto id = report.conf.find("serverId");
  if (id != report.conf.end()) report.id = number_in(id->second);
  return id != report.conf.end();
}

std::vector<MemberReport> ask_members(const std::vector<client::Address>& servers,
                                      int64_t timeout_ms, bool learn) {
  std::vector<MemberReport> reports = ask_all(servers, timeout_ms);
  if (learn) {
    std::vector<client::Address> more;
    for (const auto& [id, address] : unknown_members(reports)) {
      const auto parsed = client::parse_addresses(address);
      if (parsed && parsed->size() == 1) {
        more.push_back(parsed->front());
      } else {
        MemberReport silent;
        silent.id = id;
        silent.address = "server." + std::to_string(id);
        silent.unreachable = "the ensemble does not publish its address: name it with --servers";
        reports.push_back(std::move(silent));
      }
    }
    for (MemberReport& report : ask_all(more, timeout_ms)) reports.push_back(std::move(report));
  }
  name_silent_members(reports);
  std::stable_sort(reports.begin(), reports.end(), [](const auto& a, const auto& b) {
    return a.id - 1 < b.id - 1;  // 0 becomes the greatest
  });
  // Two of the addresses may be of one server.
  const auto same = [](const MemberReport& a, const MemberReport& b) {
    return a.id != 0 && a.id == b.id && a.answers() && b.answers();
  };
  reports.erase(std::unique(reports.begin(), reports.end(), same), reports.end());
  return reports;
}

zab::Quorum quorum_of(const std::vector<ConfiguredMember>& members) {
  std::vector<zab::Voter> voters;
  for (const ConfiguredMember& member : members) {
    if (!member.is_observer) voters.push_back({ServerId(member.id), member.weight, member.group});
  }
  return zab::Quorum(std::move(voters));
}

}  // namespace topod::ctl
