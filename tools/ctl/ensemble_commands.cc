// Commands on the servers themselves: status, doctor, four, backup, restore.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <future>

#include "tools/client/four_letter.h"
#include "tools/ctl/backup.h"
#include "tools/ctl/command.h"
#include "tools/ctl/diagnosis.h"
#include "tools/ctl/member.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

constexpr const char* kGroup = "Servers";

Result<std::vector<client::Address>> addresses_of(Context& context) {
  const auto list = context.addresses();
  if (!list) return tl::unexpected(list.error());
  auto addresses = client::parse_addresses(*list);
  if (!addresses) return failure(ExitCode::kUsage, addresses.error());
  return std::move(*addresses);
}

struct NoOptions {};
void declare_nothing(CLI::App& app, NoOptions& options) {
  (void)app;
  (void)options;
}

// ---- status ------------------------------------------------------------------------------------

const ConfiguredMember* configured(const std::vector<MemberReport>& reports, uint32_t id) {
  for (const MemberReport& report : reports) {
    for (const ConfiguredMember& member : report.configured) {
      if (member.id == id) return &member;
    }
  }
  return nullptr;
}

// Transactions behind the leader, as the leader counts them.
std::string lag_of(const std::vector<MemberReport>& reports, const MemberReport& member) {
  if (member.mode == "leader" || member.mode == "standalone") return "0";
  for (const MemberReport& report : reports) {
    if (report.mode != "leader") continue;
    const auto lag = report.number("learner_lag_" + std::to_string(member.id));
    if (lag) return std::to_string(*lag);
  }
  return "";
}

std::string figure(const MemberReport& report, const char* key) {
  const auto found = report.mntr.find(key);
  return found == report.mntr.end() ? "" : found->second;
}

std::string free_text(const MemberReport& report) {
  const auto free = report.number("data_disk_free_bytes");
  return free ? size_text(static_cast<uint64_t>(*free)) : "";
}

Cell mode_cell(const MemberReport& report) {
  if (report.is_waiting) return Cell("not serving", Colour::kBad);
  if (!report.answers()) return Cell(report.runs ? "unknown" : "down", Colour::kBad);
  if (report.mode == "read-only") return Cell(report.mode, Colour::kWarning);
  return Cell(report.mode, report.mode == "leader" ? Colour::kGood : Colour::kNone);
}

bool nobody_runs(const std::vector<MemberReport>& reports) {
  return std::none_of(reports.begin(), reports.end(),
                      [](const auto& report) { return report.runs; });
}

Json report_json(const std::vector<MemberReport>& reports, const MemberReport& report) {
  Json json;
  json["id"] = report.id;
  json["address"] = report.address;
  json["answers"] = report.answers();
  json["runs"] = report.runs;
  if (!report.answers()) json["why"] = report.unreachable;
  json["role"] = report.mode;
  json["zxid"] = hex_number(report.zxid.value());
  const std::string lag = lag_of(reports, report);
  if (!lag.empty()) json["lag"] = parse_number(lag).value_or(0);
  json["version"] = report.version;
  json["answerMs"] = std::round(report.answer_ms * 1000) / 1000;
  const ConfiguredMember* member = configured(reports, report.id);
  json["cell"] = member == nullptr ? "" : member->cell;
  const std::array<std::pair<const char*, const char*>, 6> figures = {
      {{"sessions", "global_sessions"},
       {"connections", "num_alive_connections"},
       {"znodes", "znode_count"},
       {"dataBytes", "approximate_data_size"},
       {"diskFreeBytes", "data_disk_free_bytes"},
       {"uptimeMs", "uptime"}}};
  for (const auto& [name, key] : figures) {
    if (const auto value = report.number(key)) json[name] = *value;
  }
  return json;
}

Result<int> run_status(Context& context, const NoOptions& options) {
  (void)options;
  const auto servers = addresses_of(context);
  if (!servers) return tl::unexpected(servers.error());
  const auto reports = ask_members(*servers, context.timeout_ms(), true);
  Table table({"ID", "ADDRESS", "CELL", "ROLE", "ZXID", "LAG", "SESSIONS", "CONNECTIONS", "ZNODES",
               "DISK FREE", "VERSION", "ANSWER"});
  table.right(5).right(6).right(7).right(8).right(9).right(11);
  Json json = Json::array();
  size_t answer = 0;
  size_t lead = 0;
  for (const MemberReport& report : reports) {
    const ConfiguredMember* member = configured(reports, report.id);
    answer += report.answers() ? 1U : 0U;
    lead += report.mode == "leader" || report.mode == "standalone" ? 1U : 0U;
    table.add({report.id == 0 ? "" : std::to_string(report.id), report.address,
               member == nullptr ? "" : member->cell, mode_cell(report),
               report.answers() ? hex_number(report.zxid.value()) : "", lag_of(reports, report),
               figure(report, "global_sessions"), figure(report, "num_alive_connections"),
               figure(report, "znode_count"), free_text(report), report.version,
               report.answers() ? fmt::format("{:.1f} ms", report.answer_ms) : ""});
    json.push_back(report_json(reports, report));
  }
  context.out().print(table, json);
  for (const MemberReport& report : reports) {
    if (!report.answers()) context.warn(report.address + ": " + report.unreachable);
  }
  if (nobody_runs(reports)) return static_cast<int>(ExitCode::kUnreachable);
  return answer == reports.size() && lead == 1 ? kDone : kFound;
}

// ---- doctor ------------------------------------------------------------------------------------

struct DoctorOptions {
  bool quiet = false;
};

void declare_doctor(CLI::App& app, DoctorOptions& options) {
  app.add_flag("-q,--quiet", options.quiet, "only what is wrong");
}

// The quickest of a few: what the way takes, not what it waits for.
template <class Call>
std::optional<double> quickest_ms(const Call& call) {
  using std::chrono::steady_clock;
  constexpr int kAttempts = 5;
  std::optional<double> best;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto began = steady_clock::now();
    if (!call()) return std::nullopt;
    const double took =
        std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
    best = std::min(best.value_or(took), took);
  }
  return best;
}

// How far the members are from each other: what a sync takes longer than a read.
void measure_agreement(MemberReport& report, int64_t timeout_ms) {
  if (!report.answers()) return;
  client::Options options;
  options.servers = report.address;
  options.call_timeout_ms = static_cast<int32_t>(timeout_ms);
  auto client = client::Client::connect(std::move(options));
  if (!client) return;
  report.read_ms = quickest_ms([&] { return (*client)->exists("/").has_value(); });
  const auto sync_ms = quickest_ms([&] { return (*client)->sync("/").has_value(); });
  if (report.read_ms && sync_ms) report.agreement_ms = std::max(0.0, *sync_ms - *report.read_ms);
}

Result<int> run_doctor(Context& context, const DoctorOptions& options) {
  const auto servers = addresses_of(context);
  if (!servers) return tl::unexpected(servers.error());
  auto reports = ask_members(*servers, context.timeout_ms(), true);
  std::vector<std::future<void>> measurements;
  measurements.reserve(reports.size());
  for (MemberReport& report : reports) {
    measurements.push_back(std::async(std::launch::async, [&report, &context] {
      measure_agreement(report, context.timeout_ms());
    }));
  }
  for (auto& measurement : measurements) measurement.get();
  std::vector<Finding> findings = diagnose(reports, context.options().cell.empty());
  const bool trouble = any_trouble(findings);
  if (options.quiet) {
    std::erase_if(findings, [](const Finding& finding) {
      return finding.severity == Finding::Severity::kGood;
    });
  }
  print_findings(context.out(), findings);
  if (nobody_runs(reports)) return static_cast<int>(ExitCode::kUnreachable);
  return trouble ? kFound : kDone;
}

// ---- four --------------------------------------------------------------------------------------

struct FourOptions {
  std::string word;
};

void declare_four(CLI::App& app, FourOptions& options) {
  app.add_option("word", options.word, "ruok, srvr, mntr, conf, cons, wchs, ...")
      ->type_name("WORD")
      ->required()
      ->check([](const std::string& word) {
        return word.size() == 4 ? "" : "a four-letter word has four letters: " + word;
      });
}

// Servers close the connection at a word that they do not know.
bool is_refused(const std::string& answer) {
  return answer.empty() ||
         answer.find(" is not executed because it is not in the whitelist") != std::string::npos;
}

Result<int> run_four(Context& context, const FourOptions& options) {
  const auto servers = addresses_of(context);
  if (!servers) return tl::unexpected(servers.error());
  Json json = Json::object();
  bool all = true;
  bool refused = false;
  for (const client::Address& server : *servers) {
    const auto answer = client::four_letter_word(server, options.word,
                                                 std::chrono::milliseconds(context.timeout_ms()));
    if (!answer) {
      context.warn(answer.error());
      all = false;
      continue;
    }
    if (is_refused(*answer)) {
      context.warn(server.text() + ": " + options.word +
                   " is a word that it does not know, or that is not in its "
                   "4lw.commands.whitelist");
      refused = true;
      continue;
    }
    json[server.text()] = *answer;
    if (context.out().is_json()) continue;
    if (servers->size() > 1 && context.out().format() == Format::kTable) {
      context.out().print_line(context.out().coloured("== " + server.text(), Colour::kTitle));
    }
    context.out().print_raw(*answer);
    if (!answer->ends_with('\n') && !answer->empty()) context.out().print_line("");
  }
  if (context.out().is_json()) context.out().print_json(json);
  if (!all) return static_cast<int>(ExitCode::kUnreachable);
  return refused ? static_cast<int>(ExitCode::kFailed) : kDone;
}

// ---- backup and restore ------------------------------------------------------------------------

struct BackupOptions {
  std::string backup;
  std::string data_dir;
  uint32_t server_id = 1;
  bool check = false;
};

void declare_backup(CLI::App& app, BackupOptions& options) {
  app.add_option("backup", options.backup, "the folder to make")
      ->type_name(kDirectoryType)
      ->required();
  app.add_option("--data-dir", options.data_dir, "dataDir of a server on this machine")
      ->type_name(kDirectoryType)
      ->required();
}

std::string manifest_text(const Manifest& manifest) {
  return fmt::format("{} znodes, {} of data, as of zxid {}", manifest.znodes,
                     size_text(manifest.data_bytes), hex_number(manifest.zxid.value()));
}

Result<int> run_backup(Context& context, const BackupOptions& options) {
  const auto manifest = make_backup(options.data_dir, options.backup);
  if (!manifest) return tl::unexpected(manifest.error());
  context.out().print_done(options.backup + ": " + manifest_text(*manifest), to_json(*manifest));
  return kDone;
}

void declare_restore(CLI::App& app, BackupOptions& options) {
  app.add_option("backup", options.backup, "what backup made")
      ->type_name(kDirectoryType)
      ->required();
  auto* check = app.add_flag("--check", options.check, "only examine it");
  app.add_option("--data-dir", options.data_dir, "the data directory to make")
      ->type_name(kDirectoryType)
      ->excludes(check);
  app.add_option("--server-id", options.server_id, "of the server that it is for: 1")
      ->type_name("N")
      ->check(CLI::Range(1U, 255U).description(""));
}

Result<int> run_restore(Context& context, const BackupOptions& options) {
  if (options.data_dir.empty() && !options.check) {
    return failure(ExitCode::kUsage,
                   "--data-dir says where to; --check examines only. To bring a "
                   "backup into a running ensemble, use import");
  }
  const auto manifest = options.check
                            ? check_backup(options.backup)
                            : restore_data_dir(options.backup, options.data_dir, options.server_id);
  if (!manifest) return tl::unexpected(manifest.error());
  const std::string what =
      options.check ? options.backup + " is intact" : options.data_dir + " restored";
  context.out().print_done(what + ": " + manifest_text(*manifest), to_json(*manifest));
  return kDone;
}

}  // namespace

std::vector<Command> ensemble_commands() {
  return {
      {"status", kGroup, "every member: role, zxid, lag, sessions, version, disk",
       "Members that the servers know of are asked as well. Exit code 0 if all answer and one\n"
       "leads, 7 if not, 3 if nobody answers.",
       "topoctl status\n"
       "topoctl --cell zone1 status\n"
       "topoctl status -o json | jq '.[] | select(.role == \"leader\").address'",
       with_options(declare_nothing, run_status)},
      {"doctor", kGroup, "what is wrong with the ensemble, in plain words, and what to do",
       "Members, leader, how many failures it survives and whether that of any one cell (cell.N\n"
       "in the configuration), clocks, versions, disks, latency between members. Exit code 7 if\n"
       "anything is wrong. With --cell the cell's own ensemble.",
       "topoctl doctor\n"
       "topoctl --cell zone1 doctor --quiet",
       with_options(declare_doctor, run_doctor)},
      {"backup", kGroup, "a hot, consistent copy of a server's data, at one zxid",
       "Run it on the machine (in the container) of any member, as the user that may write its\n"
       "data directory; the server runs on. The copy is of its last checkpoint, about a second\n"
       "old, whatever is written meanwhile, with ACLs, versions, times and sessions. Every row is\n"
       "compared with its hash. It takes as much space as the stored tree. Over the network, of a\n"
       "subtree: `topoctl export`.",
       "topoctl backup --data-dir /var/lib/topod /backup/$(date +%F)\n"
       "topoctl restore --check /backup/2026-11-23",
       with_options(declare_backup, run_backup)},
      {"restore", kGroup, "a new data directory from a backup",
       "For a single server: start topod with it, and everything is as it was at the backup's\n"
       "zxid, versions and times too; sessions of then expire. The members of an ensemble would\n"
       "not trust it: start them with empty directories and bring the data there with import,\n"
       "which keeps data and ACLs but gives new versions and leaves ephemerals out.",
       "topoctl restore /backup/2026-11-23 --data-dir /var/lib/topod\n"
       "topoctl import /backup/2026-11-23 / --dry-run\n"
       "topoctl diff file:/backup/2026-11-23 production:/",
       with_options(declare_restore, run_restore)},
      {"four", kGroup, "a four-letter word to each server", "",
       "topoctl four ruok\n"
       "topoctl --servers topo1:2181 four mntr | grep zk_synced",
       with_options(declare_four, run_four)},
  };
}

}  // namespace topod::ctl
