// Commands on the cells of a topology: cells, cell add, cell update, cell delete.
#include <chrono>

#include "tools/ctl/command.h"
#include "tools/ctl/text.h"
#include "tools/ctl/topology.h"

namespace topod::ctl {

namespace {

constexpr const char* kGroup = "Topology";

// ---- cells -------------------------------------------------------------------------------------

struct CellsOptions {
  bool check = false;
};

void declare_cells(CLI::App& app, CellsOptions& options) {
  app.add_flag("--check", options.check, "ask the servers of each cell, too");
}

std::string aliases_of(const Topology& topology, const std::string& cell) {
  std::string names;
  for (const auto& [name, alias] : topology.aliases) {
    for (const Json& member : alias.value.value("cells", Json::array())) {
      if (member == cell) names += (names.empty() ? "" : ",") + name;
    }
  }
  return names;
}

// "12 ms", or why not.
std::pair<bool, std::string> ask_cell(Context& context, const CellView& cell) {
  using std::chrono::steady_clock;
  const auto began = steady_clock::now();
  const auto znodes = context.servers(cell.servers);
  const auto there = znodes ? (*znodes)->exists(cell.root.empty() ? "/" : cell.root)
                            : tl::unexpected(znodes.error());
  if (!there) return {false, there.error().what};
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
  const std::string time = std::to_string(took.count()) + " ms";
  return {true, *there ? time : time + ", nothing at " + cell.root};
}

Result<int> run_cells(Context& context, const CellsOptions& options) {
  const auto topology = read_topology(context, {.keyspaces = false, .cells = false});
  if (!topology) return tl::unexpected(topology.error());
  std::vector<std::string> headings = {"CELL", "SERVERS", "ROOT", "VERSION", "ALIASES"};
  if (options.check) headings.emplace_back("ANSWER");
  Table table(headings);
  Json json = Json::array();
  bool all_answer = true;
  for (const auto& [name, cell] : topology->cells) {
    std::vector<Cell> row = {name, cell.servers, cell.root, std::to_string(cell.info.stat.version),
                             aliases_of(*topology, name)};
    Json entry = {{"cell", name}, {"servers", cell.servers}, {"root", cell.root}};
    entry["version"] = cell.info.stat.version;
    const std::string aliases = aliases_of(*topology, name);
    entry["aliases"] = aliases.empty() ? std::vector<std::string>() : split(aliases, ',');
    if (options.check) {
      const auto [answers, answer] = ask_cell(context, cell);
      row.emplace_back(answer, answers ? Colour::kGood : Colour::kBad);
      entry["answers"] = answers;
      entry["answer"] = answer;
      all_answer = all_answer && answers;
    }
    table.add(std::move(row));
    json.push_back(std::move(entry));
  }
  context.out().print(table, json);
  return all_answer ? kDone : kFound;
}

// ---- cell add, update, delete ------------------------------------------------------------------

struct CellOptions {
  std::string name;
  std::string servers;
  std::string root;
  int32_t version = kAnyVersion;
  bool force = false;
};

void declare_cell_name(CLI::App& app, CellOptions& options) {
  app.add_option("name", options.name, "of the cell")->type_name("CELL")->required();
}

void declare_cell_version(CLI::App& app, CellOptions& options) {
  app.add_option("--version", options.version, "only if the record has this version")
      ->type_name("N");
}

void declare_cell_add(CLI::App& app, CellOptions& options) {
  declare_cell_name(app, options);
  app.add_option("--cell-servers", options.servers, "host:port,... of the cell's own servers")
      ->type_name("HOST:PORT,...")
      ->required();
  app.add_option("--cell-root", options.root, "where the cell's topology lies on them")
      ->type_name(kPathType)
      ->required();
  app.add_flag("--force", options.force, "even if its servers do not answer");
}

void declare_cell_update(CLI::App& app, CellOptions& options) {
  declare_cell_name(app, options);
  app.add_option("--cell-servers", options.servers, "the new addresses")
      ->type_name("HOST:PORT,...");
  app.add_option("--cell-root", options.root, "the new root")->type_name(kPathType);
  declare_cell_version(app, options);
  app.add_flag("--force", options.force, "even if its servers do not answer");
}

void declare_cell_delete(CLI::App& app, CellOptions& options) {
  declare_cell_name(app, options);
  declare_cell_version(app, options);
  app.add_flag("--force", options.force, "even if it has tablets or its servers do not answer");
}

Result<std::string> cell_path(Context& context, const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos) {
    return failure(ExitCode::kUsage, "\"" + name + "\" is no name of a cell");
  }
  const auto root = context.root();
  if (!root) return tl::unexpected(root.error());
  return join_path(join_path(join_path(*root, "cells"), name), "CellInfo");
}

Result<void> must_answer(Context& context, const CellOptions& options, const Json& record) {
  const std::string root = string_of(record, "root");
  if (!root.starts_with('/')) {
    return failure(ExitCode::kUsage, "the root of a cell is a path: " + root);
  }
  if (options.force) return {};
  const std::string servers = string_of(record, "server_address");
  const auto znodes = context.servers(servers);
  if (znodes) return {};
  return failure(znodes.error().code,
                 znodes.error().what + " Nothing was written; --force writes it all the same");
}

Result<int> run_cell_add(Context& context, const CellOptions& options) {
  const auto path = cell_path(context, options.name);
  if (!path) return tl::unexpected(path.error());
  const Json record = {{"server_address", options.servers}, {"root", options.root}};
  const auto znodes = context.global();
  if (!znodes) return tl::unexpected(znodes.error());
  if (auto answers = must_answer(context, options, record); !answers) {
    return tl::unexpected(answers.error());
  }
  const auto bytes = encode_record("CellInfo", record);
  if (!bytes) return failure(ExitCode::kUsage, bytes.error());
  const auto created = (*znodes)->create_with_parents(*path, *bytes, file_options());
  if (!created) return tl::unexpected(created.error());
  context.out().print_done("cell " + options.name + " added",
                           {{"cell", options.name}, {"done", "added"}, {"record", record}});
  return kDone;
}

Result<int> run_cell_update(Context& context, const CellOptions& options) {
  const auto path = cell_path(context, options.name);
  if (!path) return tl::unexpected(path.error());
  const auto znodes = context.global();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto node = (*znodes)->get(*path);
  if (!node) return tl::unexpected(node.error());
  auto record = decode_record("CellInfo", node->bytes());
  if (!record) return failure(ExitCode::kFailed, *path + ": " + record.error());
  if (options.servers.empty() && options.root.empty()) {
    return failure(ExitCode::kUsage, "nothing to change: give --cell-servers or --cell-root");
  }
  if (!options.servers.empty()) (*record)["server_address"] = options.servers;
  if (!options.root.empty()) (*record)["root"] = options.root;
  if (auto answers = must_answer(context, options, *record); !answers) {
    return tl::unexpected(answers.error());
  }
  const auto bytes = encode_record("CellInfo", *record);
  if (!bytes) return failure(ExitCode::kUsage, bytes.error());
  const int32_t version = options.version == kAnyVersion ? node->stat.version : options.version;
  const auto stat = (*znodes)->set(*path, *bytes, version);
  if (!stat) return tl::unexpected(stat.error());
  context.out().print_done(
      "cell " + options.name + " updated, version " + std::to_string(stat->version),
      {{"cell", options.name}, {"done", "updated"}, {"version", stat->version}});
  return kDone;
}

Result<int> run_cell_delete(Context& context, const CellOptions& options) {
  const auto path = cell_path(context, options.name);
  if (!path) return tl::unexpected(path.error());
  const auto znodes = context.global();
  if (!znodes) return tl::unexpected(znodes.error());
  if (!options.force) {
    const TopologyParts parts{.keyspaces = false, .only_below = "tablets", .only = {options.name}};
    const auto topology = read_topology(context, parts);
    if (!topology) return tl::unexpected(topology.error());
    const CellView& cell = topology->cells.at(options.name);
    if (!cell.unreadable.empty()) {
      return failure(ExitCode::kUnreachable,
                     cell.unreadable + " --force deletes the cell's record all the same");
    }
    if (!cell.tablets.empty()) {
      return failure(ExitCode::kConflict, "cell " + options.name + " has " +
                                              std::to_string(cell.tablets.size()) +
                                              " tablets; --force deletes its record all the same");
    }
  }
  if (auto done = (*znodes)->remove(*path, options.version); !done) {
    return tl::unexpected(done.error());
  }
  // The directory goes with its file, as Vitess has it; somebody's else in it keeps it.
  (void)(*znodes)->remove(parent_of(*path), kAnyVersion);
  context.out().print_done("cell " + options.name + " deleted; what its servers hold is left there",
                           {{"cell", options.name}, {"done", "deleted"}});
  return kDone;
}

}  // namespace

std::vector<Command> cell_commands() {
  return {
      {"cells", kGroup, "the cells, their servers and roots", "",
       "topoctl cells\n"
       "topoctl cells --check && echo all cells answer",
       with_options_and_gaps(declare_cells, run_cells)},
      {"cell add", kGroup, "add a cell", "Its servers must answer, unless --force is given.",
       "topoctl cell add zone3 --cell-servers topo7:2181,topo8:2181 --cell-root /vitess/zone3",
       with_options(declare_cell_add, run_cell_add)},
      {"cell update", kGroup, "change a cell's servers or root",
       "Somebody else's change meanwhile is not overwritten (exit code 6). For JSON see\n"
       "`topoctl edit ROOT/cells/CELL/CellInfo`.",
       "topoctl cell update zone3 --cell-servers topo7:2181,topo9:2181",
       with_options(declare_cell_update, run_cell_update)},
      {"cell delete", kGroup, "delete a cell",
       "Only the record in the global topology goes; what the cell's servers hold stays.",
       "topoctl cell delete zone3", with_options(declare_cell_delete, run_cell_delete)},
  };
}

}  // namespace topod::ctl
