// Commands that take subtrees from one place to another: export, import, copy, diff.
#include <chrono>
#include <utility>

#include "tools/ctl/command.h"
#include "tools/ctl/compare.h"
#include "tools/ctl/importer.h"
#include "tools/ctl/source.h"
#include "tools/ctl/text.h"
#include "tools/ctl/value.h"

namespace topod::ctl {

namespace {

std::string now_text() {
  return time_text(std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count());
}

std::string consistency_text(const Exported& exported) {
  const std::string zxid = hex_number(exported.zxid.value());
  return exported.at_one_zxid ? "as of zxid " + zxid : "not of one moment, up to zxid " + zxid;
}

// ---- export ------------------------------------------------------------------------------------

struct ExportOptions {
  std::string path = "/";
  std::string file = "-";
  bool directory = false;
  bool decode = false;
  bool fuzzy = false;
};

void declare_export(CLI::App& app, ExportOptions& options) {
  add_path(app, options.path)->required();
  app.add_option("file", options.file, "where to: a file, or - for standard output")
      ->type_name(kFileType);
  auto* directory =
      app.add_flag("--dir", options.directory, "make a directory with a file for each znode");
  app.add_flag("--decode", options.decode, "Vitess's records as JSON instead of their bytes")
      ->excludes(directory);
  app.add_flag("--fuzzy", options.fuzzy, "go on if the subtree does not hold still");
}

Result<int> run_export(Context& context, const ExportOptions& options) {
  if (options.directory && is_standard_output(options.file)) {
    return failure(ExitCode::kUsage, "--dir needs the name of a directory");
  }
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  auto subtree = read_subtree(**znodes, options.path, options.fuzzy);
  if (!subtree) return tl::unexpected(subtree.error());
  const Exported result = exported(std::move(*subtree));
  const auto written =
      write_export(result, options.file, options.directory, options.decode, now_text());
  if (!written) return tl::unexpected(written.error());
  if (!is_standard_output(options.file)) {
    context.out().print_done(std::to_string(result.nodes.size()) + " znodes of " + options.path +
                                 " written to " + options.file + ", " + consistency_text(result),
                             {{"file", options.file},
                              {"znodes", result.nodes.size()},
                              {"zxid", hex_number(result.zxid.value())},
                              {"atOneZxid", result.at_one_zxid}});
  }
  return kDone;
}

// ---- import and copy ---------------------------------------------------------------------------

struct ImportCommandOptions {
  std::string from;
  std::string to;
  bool dry_run = false;
  bool fuzzy = false;
  ImportOptions import;
};

void declare_import_flags(CLI::App& app, ImportCommandOptions& options) {
  app.add_flag("-n,--dry-run", options.dry_run, "say what would be done");
  app.add_flag("--overwrite", options.import.overwrite, "replace data and ACLs that differ");
  app.add_flag("--delete", options.import.remove, "remove what the source does not have");
}

void declare_import(CLI::App& app, ImportCommandOptions& options) {
  app.add_option("file", options.from, "what export wrote: a file, a directory, or -")
      ->type_name(kFileType)
      ->required();
  takes_paths(
      app.add_option("path", options.to, "where to; without it the path that was exported"));
  declare_import_flags(app, options);
}

void declare_copy(CLI::App& app, ImportCommandOptions& options) {
  app.add_option("from", options.from, "/path, SERVERS/path or SPHERE:/path")
      ->type_name("SOURCE")
      ->required();
  app.add_option("to", options.to, "the same")->type_name("TARGET")->required();
  declare_import_flags(app, options);
  app.add_flag("--fuzzy", options.fuzzy, "go on if the source does not hold still");
}

Json plan_json(const ImportPlan& plan, bool done) {
  Json json;
  json["done"] = done;
  json["steps"] = Json::array();
  for (const ImportStep& step : plan.steps) {
    json["steps"].push_back({{"step", name_of(step.kind)}, {"path", step.path}});
  }
  json["conflicts"] = plan.conflicts;
  json["unchanged"] = plan.unchanged;
  json["ephemeralsLeftOut"] = plan.ephemerals;
  return json;
}

std::string plan_summary(const ImportPlan& plan) {
  size_t counts[4] = {};
  for (const ImportStep& step : plan.steps) ++counts[static_cast<size_t>(step.kind)];
  return std::to_string(counts[0]) + " created, " + std::to_string(counts[1]) + " updated, " +
         std::to_string(counts[2]) + " ACLs set, " + std::to_string(counts[3]) + " removed, " +
         std::to_string(plan.unchanged) + " unchanged, " + std::to_string(plan.ephemerals) +
         " ephemerals left out";
}

Result<int> bring(Context& context, const Exported& wanted, Znodes& znodes,
                  const std::string& target, const ImportCommandOptions& options) {
  const auto there = read_target(znodes, target);
  if (!there) return tl::unexpected(there.error());
  const ImportPlan plan = plan_import(wanted, *there, target, options.import);
  if (options.dry_run) {
    Table table({"STEP", "PATH"});
    for (const ImportStep& step : plan.steps) table.add({name_of(step.kind), step.path});
    for (const std::string& path : plan.conflicts) {
      table.add({Cell("conflict", Colour::kBad), path});
    }
    context.out().print(table, plan_json(plan, false));
    return plan.conflicts.empty() ? kDone : static_cast<int>(ExitCode::kConflict);
  }
  if (!plan.conflicts.empty()) {
    return failure(ExitCode::kConflict,
                   std::to_string(plan.conflicts.size()) +
                       " znodes are there with other content, " + plan.conflicts.front() +
                       " is the first; nothing was done. See --dry-run and --overwrite");
  }
  if (auto done = carry_out(znodes, plan, wanted); !done) return tl::unexpected(done.error());
  context.out().print_done(target + ": " + plan_summary(plan), plan_json(plan, true));
  return kDone;
}

Result<int> run_import(Context& context, const ImportCommandOptions& options) {
  const auto wanted = read_export(options.from);
  if (!wanted) return tl::unexpected(wanted.error());
  const std::string target = options.to.empty() ? wanted->root : options.to;
  if (const std::string trouble = path_trouble(target); !trouble.empty()) {
    return failure(ExitCode::kUsage, trouble);
  }
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  return bring(context, *wanted, **znodes, target, options);
}

Result<int> run_copy(Context& context, const ImportCommandOptions& options) {
  const Source target = parse_source(options.to);
  if (target.kind == Source::Kind::kFile) {
    return failure(ExitCode::kUsage, options.to + " is no place on a server; see export");
  }
  if (const std::string trouble = path_trouble(target.path); !trouble.empty()) {
    return failure(ExitCode::kUsage, trouble);
  }
  const auto wanted = read_source(context, parse_source(options.from), options.fuzzy);
  if (!wanted) return tl::unexpected(wanted.error());
  const auto znodes = connect(context, target);
  if (!znodes) return tl::unexpected(znodes.error());
  return bring(context, *wanted, **znodes, target.path, options);
}

// ---- diff --------------------------------------------------------------------------------------

struct DiffOptions {
  std::string left;
  std::string right;
  bool names_only = false;
  bool no_acls = false;
  CompareOptions compare;
};

void declare_diff(CLI::App& app, DiffOptions& options) {
  const char* what = "/path, SERVERS/path, SPHERE:/path, or file:NAME of an export or backup";
  app.add_option("left", options.left, what)->type_name("SOURCE")->required();
  app.add_option("right", options.right, what)->type_name("SOURCE")->required();
  app.add_flag("-q,--names-only", options.names_only, "which znodes differ, not how");
  app.add_flag("--ignore-acls", options.no_acls, "compare data only");
  app.add_flag("--ephemerals", options.compare.ephemerals, "compare ephemeral znodes, too");
}

std::string content_of(const Exported& exported, const Difference& difference) {
  const auto found = exported.nodes.find(difference.path);
  if (found == exported.nodes.end()) return {};
  if (difference.kind != Difference::Kind::kAcl) {
    const std::string path = exported.root + difference.path;
    return value_text(path, found->second.data);
  }
  std::string text;
  for (const Acl& acl : found->second.acls) text += acl_text(acl) + "\n";
  return text;
}

std::vector<std::string> shown_lines(const Exported& left, const Exported& right,
                                     const Difference& difference) {
  constexpr size_t kContext = 2;
  return line_diff(content_of(left, difference), content_of(right, difference), kContext);
}

void print_difference(Output& out, const Difference& difference,
                      const std::vector<std::string>& lines) {
  const std::string path = difference.path.empty() ? "/" : difference.path;
  out.print_line(
      out.coloured(std::string(name_of(difference.kind)) + "  " + escaped(path), Colour::kTitle));
  for (const std::string& line : lines) {
    const Colour colour = line.front() == '-'   ? Colour::kBad
                          : line.front() == '+' ? Colour::kGood
                                                : Colour::kNone;
    out.print_line("  " + out.coloured(escaped(line), colour));
  }
}

Result<int> run_diff(Context& context, const DiffOptions& options) {
  const auto left = read_source(context, parse_source(options.left), true);
  if (!left) return tl::unexpected(left.error());
  const auto right = read_source(context, parse_source(options.right), true);
  if (!right) return tl::unexpected(right.error());
  for (const Exported* side : {&*left, &*right}) {
    if (!side->at_one_zxid) {
      context.warn(side->root +
                   " was written to meanwhile: what is shown may be of different "
                   "moments");
    }
  }
  CompareOptions compare_options = options.compare;
  compare_options.acls = !options.no_acls;
  const std::vector<Difference> differences = compare(*left, *right, compare_options);
  Output& out = context.out();
  Json json = Json::array();
  for (const Difference& difference : differences) {
    const auto lines =
        options.names_only ? std::vector<std::string>() : shown_lines(*left, *right, difference);
    json.push_back(
        {{"path", difference.path}, {"difference", name_of(difference.kind)}, {"lines", lines}});
    if (out.format() == Format::kTable) print_difference(out, difference, lines);
    if (out.format() == Format::kText) {
      out.print_line(std::string(name_of(difference.kind)) + "\t" + escaped(difference.path));
    }
  }
  if (out.is_json()) out.print_json(json);
  return differences.empty() ? kDone : kFound;
}

constexpr const char* kGroup = "Copies";

}  // namespace

std::vector<Command> transfer_commands() {
  return {
      {"export", kGroup, "a subtree into a file or a directory, at one zxid",
       "Data, ACLs, versions, at one zxid, over the network. A subtree that fits into one answer\n"
       "of 4 MiB may be written to meanwhile, as long as its znodes stay the same; a larger one\n"
       "must hold still for as long as reading it takes. `topoctl backup` has no such limits.",
       "topoctl export /vitess vitess.json\n"
       "topoctl export --decode /vitess/global | jq '.znodes[] | select(.type == \"Shard\")'\n"
       "topoctl export --dir /vitess ./vitess && git -C ./vitess init",
       with_options(declare_export, run_export)},
      {"import", kGroup, "what export wrote, into a server",
       "Nothing is done if a znode is there with other content, unless --overwrite is given.\n"
       "Versions and times become new ones, for no client can set them: `topoctl restore` keeps\n"
       "them. Ephemeral znodes are left out.",
       "topoctl import --dry-run vitess.json\n"
       "topoctl import vitess.json /vitess-copy\n"
       "topoctl import --overwrite --delete ./vitess",
       with_options(declare_import, run_import)},
      {"copy", kGroup, "a subtree from one server to another", "",
       "topoctl copy /vitess/global /vitess/global-before\n"
       "topoctl copy old1:2181,old2:2181/vitess production:/vitess --dry-run\n"
       "topoctl copy old1:2181/vitess production:/vitess --overwrite && \\\n"
       "    topoctl diff old1:2181/vitess production:/vitess",
       with_options(declare_copy, run_copy)},
      {"diff", kGroup, "what differs between two subtrees, decoded; exit code 7 if anything does",
       "Data and ACLs are compared, versions and times are not.",
       "topoctl diff vitess.json /vitess\n"
       "topoctl diff file:/backup/2026-11-23 /\n"
       "topoctl diff -q /vitess/zone1 /vitess/zone2\n"
       "topoctl diff old1:2181/vitess production:/vitess -o json",
       with_options(declare_diff, run_diff)},
  };
}

}  // namespace topod::ctl
