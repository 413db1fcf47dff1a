#include "tools/ctl/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

using Severity = Finding::Severity;

constexpr double kClockWarningMs = 500;
constexpr double kClockProblemMs = 10'000;
constexpr int64_t kFreeProblemBytes = int64_t{256} * 1024 * 1024;
constexpr int64_t kFreeWarningBytes = int64_t{2} * 1024 * 1024 * 1024;
constexpr double kFreeWarningShare = 0.1;
constexpr double kAgreementWarningMs = 100;
constexpr double kFlushWarningMs = 50;
constexpr int64_t kLagWarning = 10'000;
constexpr int64_t kSessionTimeoutOfVitessMs = 30'000;

// Client addresses are each member's own business.
bool has_same_members(const std::vector<ConfiguredMember>& a,
                      const std::vector<ConfiguredMember>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ConfiguredMember& x, const ConfiguredMember& y) {
                      return x.id == y.id && x.peer_address == y.peer_address &&
                             x.is_observer == y.is_observer && x.weight == y.weight &&
                             x.group == y.group && x.cell == y.cell;
                    });
}

class Diagnosis {
 public:
  Diagnosis(const std::vector<MemberReport>& reports, bool is_global)
      : reports_(reports), is_global_(is_global) {
    for (const MemberReport& report : reports_) {
      if (report.answers() && configured_.empty()) configured_ = report.configured;
    }
  }

  std::vector<Finding> run() {
    judge_presence();
    const bool anybody = std::any_of(reports_.begin(), reports_.end(),
                                     [](const auto& report) { return report.answers(); });
    if (!anybody) {
      judge_standstill();
      return std::move(findings_);
    }
    judge_leader();
    judge_quorum();
    judge_cells();
    judge_agreement();
    judge_versions();
    judge_clocks();
    judge_session_timeouts();
    for (const MemberReport& report : reports_) {
      if (report.answers()) judge_member(report);
    }
    say_what_is_well();
    return std::move(findings_);
  }

 private:
  void add(Severity severity, const std::string& where, const std::string& what,
           const std::string& advice = "") {
    findings_.push_back({severity, where, what, advice});
  }

  static std::string name_of(const MemberReport& report) {
    return report.id == 0 ? report.address
                          : fmt::format("server {} ({})", report.id, report.address);
  }
  [[nodiscard]] bool is_alone() const { return configured_.size() < 2; }
  [[nodiscard]] bool answers(uint32_t id) const {
    return std::any_of(reports_.begin(), reports_.end(), [&](const MemberReport& report) {
      return report.id == id && report.answers();
    });
  }

  // ---- the ensemble ------------------------------------------------------------------------

  void judge_presence() {
    for (const MemberReport& report : reports_) {
      if (report.answers()) continue;
      add(Severity::kProblem, name_of(report), "it does not serve: " + report.unreachable,
          report.runs ? "" : "look whether it runs, at its log, and at the network between");
    }
  }

  // Members wait for a leader. They do not tell their configuration, but whom they look for.
  void judge_standstill() {
    size_t members = reports_.size();
    size_t running = 0;
    for (const MemberReport& report : reports_) {
      running += report.is_waiting ? 1U : 0U;
      const auto peers = std::count_if(report.peers.begin(), report.peers.end(),
                                       [](const auto& line) { return line.starts_with("Peer "); });
      members = std::max(members, static_cast<size_t>(peers) + 1);
    }
    if (running == 0) return;
    if (2 * running > members) {
      return add(Severity::kProblem, "the ensemble",
                 fmt::format("it has no leader, though {} of {} members run", running, members),
                 "an election takes a second; if it lasts, look at their logs and at the network "
                 "between their peer ports");
    }
    add(Severity::kProblem, "the ensemble",
        fmt::format("the ensemble has no quorum: {} of {} members run", running, members),
        "start another");
  }

  void judge_leader() {
    size_t leaders = 0;
    for (const MemberReport& report : reports_) {
      leaders += report.mode == "leader" || report.mode == "standalone" ? 1U : 0U;
    }
    if (leaders == 1) return add(Severity::kGood, "the ensemble", "it has a leader");
    if (leaders > 1) {
      return add(Severity::kProblem, "the ensemble",
                 fmt::format("{} of these servers lead", leaders),
                 "they belong to different ensembles, or leadership is changing: look again, and "
                 "correct --servers");
    }
    add(Severity::kProblem, "the ensemble", "nobody leads: writes wait or are refused",
        "start enough members for a majority");
  }

  void judge_quorum() {
    if (is_alone()) {
      return add(Severity::kWarning, "the ensemble",
                 "it is one server: if it fails, everything waits for it",
                 "three members survive the loss of one, five of two");
    }
    const zab::Quorum quorum = quorum_of(configured_);
    const size_t voters = quorum.voters().size();
    const auto without = [&](uint32_t lost) {
      return quorum.reached([&](ServerId id) { return id.value() != lost && answers(id.value()); });
    };
    if (!quorum.reached([&](ServerId id) { return answers(id.value()); })) {
      const auto serving =
          std::count_if(quorum.voters().begin(), quorum.voters().end(),
                        [this](const zab::Voter& voter) { return answers(voter.id.value()); });
      return add(Severity::kProblem, "the ensemble",
                 fmt::format("the ensemble has no quorum: {} of {} voters serve", serving, voters),
                 "start another");
    }
    std::string critical;
    for (const zab::Voter& voter : quorum.voters()) {
      if (answers(voter.id.value()) && !without(voter.id.value())) {
        critical += (critical.empty() ? "" : ", ") + std::to_string(voter.id.value());
      }
    }
    if (!critical.empty()) {
      add(Severity::kWarning, "the ensemble",
          "the loss of one more voter would stop it (any of servers " + critical + ")",
          "bring back those that are down, or add voters");
    } else {
      add(Severity::kGood, "the ensemble",
          fmt::format("any one of its {} voters may fail now", voters));
    }
    if (voters % 2 == 0) {
      add(Severity::kWarning, "the ensemble",
          fmt::format("{} voters survive no more losses than {}", voters, voters - 1),
          "use an odd number of voters; others may be observers");
    }
  }

  // ---- cells -------------------------------------------------------------------------------

  void judge_cells() {
    if (is_alone()) return;
    std::map<std::string, std::set<uint32_t>> cells;
    std::string homeless;
    for (const ConfiguredMember& member : configured_) {
      if (member.is_observer) continue;
      if (member.cell.empty()) {
        homeless += (homeless.empty() ? "" : ", ") + std::to_string(member.id);
      } else {
        cells[member.cell].insert(member.id);
      }
    }
    if (cells.empty()) {
      if (!is_global_) return;
      return add(Severity::kWarning, "cells",
                 "no cell.N says where members stand: it cannot be told whether the ensemble "
                 "survives the loss of a cell",
                 "add cell.N=NAME for each server.N to the configuration of every member");
    }
    if (!homeless.empty()) {
      add(Severity::kWarning, "cells", "no cell.N for server " + homeless,
          "add cell.N=NAME to the configuration of every member");
    }
    if (!is_global_) return;
    const zab::Quorum quorum = quorum_of(configured_);
    const auto is_up = [&](ServerId id) { return answers(id.value()); };
    bool survives_all = quorum.reached(is_up);
    for (const auto& [cell, members] : cells) {
      const auto outside = [&, &lost = members](ServerId id) { return !lost.contains(id.value()); };
      const auto left = [&](ServerId id) { return outside(id) && is_up(id); };
      if (quorum.reached(outside) && quorum.reached(is_up) && !quorum.reached(left)) {
        survives_all = false;
        add(Severity::kWarning, "cell " + cell,
            "its loss would stop the ensemble now, while other members do not serve",
            "bring those back");
      }
      if (quorum.reached(outside)) continue;
      survives_all = false;
      add(Severity::kProblem, "cell " + cell,
          fmt::format("the ensemble does not survive its loss: {} of {} voters stand in it",
                      members.size(), quorum.voters().size()),
          "spread the voters over at least three cells, so that no cell holds half of them");
    }
    if (survives_all && homeless.empty()) {
      add(Severity::kGood, "cells",
          fmt::format("the ensemble survives the loss of any one of its {} cells", cells.size()));
    }
  }

  // ---- whether the members agree -------------------------------------------------------------

  void judge_agreement() {
    for (const MemberReport& report : reports_) {
      if (!report.answers() || has_same_members(report.configured, configured_)) continue;
      add(Severity::kProblem, name_of(report),
          "its configuration has other members, addresses, weights, groups or cells than " +
              std::string("that of the first one that answers"),
          "give all members the same server.N, weight.N, group.N and cell.N, then restart them "
          "one after the other");
    }
  }

  void judge_versions() {
    std::map<std::string, std::string> versions;
    for (const MemberReport& report : reports_) {
      if (report.version.empty()) continue;
      std::string& who = versions[report.version];
      who += (who.empty() ? "" : ", ") + report.address;
    }
    if (versions.empty()) return;
    if (versions.size() == 1) {
      return add(Severity::kGood, "versions", "all run " + versions.begin()->first);
    }
    std::string list;
    for (const auto& [version, who] : versions) {
      list += (list.empty() ? "" : "; ") + version + " on " + who;
    }
    add(Severity::kWarning, "versions", "members run different ones: " + list,
        "finish the upgrade");
  }

  void judge_session_timeouts() {
    std::optional<int64_t> least_ms;
    for (const MemberReport& report : reports_) {
      const auto found = report.conf.find("maxSessionTimeout");
      const auto most_ms = found == report.conf.end() ? std::nullopt : parse_number(found->second);
      if (most_ms) least_ms = std::min(least_ms.value_or(*most_ms), *most_ms);
    }
    if (!least_ms || *least_ms >= kSessionTimeoutOfVitessMs) return;
    add(Severity::kWarning, "the ensemble",
        fmt::format("it grants sessions of {} ms at most; Vitess asks for {}", *least_ms,
                    kSessionTimeoutOfVitessMs),
        "raise maxSessionTimeout or tickTime");
  }

  void judge_clocks() {
    std::vector<double> ahead;
    double error = 0;
    for (const MemberReport& report : reports_) {
      if (!report.clock_ahead_ms) continue;
      ahead.push_back(*report.clock_ahead_ms);
      error = std::max(error, report.clock_error_ms);
    }
    if (ahead.empty()) return;
    const auto [least, most] = std::minmax_element(ahead.begin(), ahead.end());
    const double apart = *most - *least - 2 * error;
    if (apart > kClockWarningMs) {
      return add(apart > kClockProblemMs ? Severity::kProblem : Severity::kWarning, "clocks",
                 fmt::format("those of the members are {:.1f} s apart: times in locks, records and "
                             "logs mislead",
                             (*most - *least) / 1000),
                 "run NTP or chrony on all of them");
    }
    const double ours = std::max(std::abs(*most), std::abs(*least)) - error;
    if (ours > kClockWarningMs) {
      return add(Severity::kWarning, "clocks",
                 fmt::format("the members agree, but this machine's is {:.1f} s away", ours / 1000),
                 "run NTP or chrony here");
    }
    add(Severity::kGood, "clocks", "those of the members agree");
  }

  // ---- one member ----------------------------------------------------------------------------

  void judge_member(const MemberReport& report) {
    const std::string where = name_of(report);
    for (const std::string& line : report.peers) {
      if (line.starts_with("Not voting")) {
        add(Severity::kProblem, where, "it does not vote: its voters are not those of the ensemble",
            "give it the server.N lines of the others");
      } else if (line.starts_with("Peer ") && line.find(": linked") == std::string::npos) {
        add(Severity::kWarning, where, "it is not connected with a member: " + line,
            "look whether that one runs, and at firewalls between their peer ports");
      }
    }
    if (report.mode == "read-only") {
      add(Severity::kProblem, where, "it has no quorum, and serves reads only", "");
    }
    if (report.mntr.empty()) {
      return add(Severity::kWarning, where, "it does not answer mntr, so its health is not known",
                 "add mntr to 4lw.commands.whitelist");
    }
    judge_disk(where, report, "data");
    judge_disk(where, report, "log");
    judge_load(where, report);
    judge_latency(where, report);
  }

  void judge_disk(const std::string& where, const MemberReport& report, const std::string& disk) {
    const auto free = report.number(disk + "_disk_free_bytes");
    const auto total = report.number(disk + "_disk_total_bytes");
    if (!free || !total || *total <= 0) return;
    least_free_bytes_ = std::min(least_free_bytes_.value_or(*free), *free);
    if (disk == "log" && report.number("data_disk_total_bytes") == total &&
        report.number("data_disk_free_bytes") == free) {
      return;  // it is the same one
    }
    const bool short_share =
        static_cast<double>(*free) < static_cast<double>(*total) * kFreeWarningShare;
    if (*free >= kFreeWarningBytes && !short_share) return;
    const bool grave = *free < kFreeProblemBytes;
    // A small part of a large disk is a lot all the same.
    if (!grave && *free >= 10 * kFreeWarningBytes) return;
    is_short_of_disk_ = true;
    add(grave ? Severity::kProblem : Severity::kWarning, where,
        fmt::format("its {} disk has {} free of {}", disk, size_text(static_cast<uint64_t>(*free)),
                    size_text(static_cast<uint64_t>(*total))),
        grave ? "free some now: writes are refused when it is full" : "free some, or enlarge it");
  }

  void judge_load(const std::string& where, const MemberReport& report) {
    if (report.number("digest_mismatches_count").value_or(0) > 0) {
      add(Severity::kProblem, where, "its data have differed from those of the others",
          "keep its damaged-* folders for a report, and check its memory and its disk");
    }
    const auto open = report.number("open_file_descriptor_count");
    const auto most = report.number("max_file_descriptor_count");
    if (open && most && *most > 0 && *open * 10 > *most * 8) {
      add(Severity::kWarning, where,
          fmt::format("{} of its {} file descriptors are in use", *open, *most),
          "raise the limit of open files, or find who leaks connections: topoctl four cons");
    }
    for (const auto& [key, value] : report.mntr) {
      if (!key.starts_with("learner_lag_")) continue;
      const int64_t lag = parse_number(value).value_or(0);
      if (lag < kLagWarning) continue;
      add(Severity::kWarning, "server " + key.substr(12),
          fmt::format("it is {} transactions behind the leader", lag),
          "its disk or the network to it is too slow");
    }
    const double flush_ms = figure(report, "avg_fsynctime");
    if (flush_ms > kFlushWarningMs) {
      add(Severity::kWarning, where,
          fmt::format("its disk takes {:.0f} ms on average to make a write durable", flush_ms),
          "put dataLogDir on a disk of its own, or a faster one");
    }
  }

  void judge_latency(const std::string& where, const MemberReport& report) {
    if (!report.agreement_ms || is_alone()) return;
    farthest_ms_ = std::max(farthest_ms_.value_or(0), *report.agreement_ms);
    if (*report.agreement_ms > kAgreementWarningMs) {
      add(Severity::kWarning, where,
          fmt::format("the others are {:.0f} ms away from it: every write waits for that",
                      *report.agreement_ms),
          "place a majority of the voters, the leader among them, closer to each other");
    }
  }

  void say_what_is_well() {
    if (least_free_bytes_ && !is_short_of_disk_) {
      add(Severity::kGood, "disks",
          "at least " + size_text(static_cast<uint64_t>(*least_free_bytes_)) + " are free");
    }
    if (farthest_ms_ && *farthest_ms_ <= kAgreementWarningMs) {
      add(Severity::kGood, "latency",
          fmt::format("the members agree within {:.1f} ms", std::max(*farthest_ms_, 0.1)));
    }
  }

  static double figure(const MemberReport& report, const std::string& key) {
    const auto found = report.mntr.find(key);
    return found == report.mntr.end() ? 0 : std::strtod(found->second.c_str(), nullptr);
  }

  const std::vector<MemberReport>& reports_;
  bool is_global_;
  std::vector<ConfiguredMember> configured_;  // as the first that answers has it
  std::vector<Finding> findings_;
  std::optional<int64_t> least_free_bytes_;
  bool is_short_of_disk_ = false;
  std::optional<double> farthest_ms_;
};

}  // namespace

std::vector<Finding> diagnose(const std::vector<MemberReport>& reports, bool is_global) {
  return Diagnosis(reports, is_global).run();
}

}  // namespace topod::ctl
