// Commands on what a topology holds: cells, keyspaces, shards, tablets, show, validate, cell.
#include <cctype>
#include <chrono>

#include "tools/ctl/command.h"
#include "tools/ctl/text.h"
#include "tools/ctl/topology.h"
#include "tools/ctl/topology_check.h"

namespace topod::ctl {

namespace {

constexpr const char* kGroup = "Topology";

// A record with where it lies and which version it has.
Json record_json(const Record& record) {
  Json json;
  json["path"] = record.path;
  json["version"] = record.stat.version;
  json["mtime"] = time_text_ms(record.stat.mtime_ms);
  json["record"] = record.value;
  return json;
}

// Says which cells are missing from what was printed; that is an error, not an empty list.
Result<int> finish(Context& context, const Topology& topology) {
  bool whole = true;
  for (const auto& [name, cell] : topology.cells) {
    if (cell.unreadable.empty()) continue;
    context.warn("cell " + name + " at " + cell.servers + " is missing here: " + cell.unreadable);
    whole = false;
  }
  for (const Finding& trouble : topology.troubles) {
    if (trouble.severity != Finding::Severity::kProblem) continue;
    context.warn(trouble.where + " is missing here: " + trouble.what);
    whole = false;
  }
  return whole ? kDone : static_cast<int>(ExitCode::kUnreachable);
}

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

// ---- keyspaces and shards ----------------------------------------------------------------------

struct NoOptions {};
void declare_nothing(CLI::App& app, NoOptions& options) {
  (void)app;
  (void)options;
}

Result<int> run_keyspaces(Context& context, const NoOptions& options) {
  (void)options;
  const auto topology = read_topology(context, {.cells = false});
  if (!topology) return tl::unexpected(topology.error());
  Table table({"KEYSPACE", "TYPE", "SHARDS", "SHARDED", "DURABILITY", "BASE"});
  table.right(2);
  Json json = Json::array();
  for (const auto& [name, keyspace] : topology->keyspaces) {
    const Json record = keyspace.keyspace ? keyspace.keyspace->value : Json::object();
    const Json vschema = keyspace.vschema ? keyspace.vschema->value : Json::object();
    const std::string type = string_of(record, "keyspace_type");
    table.add({name, type.empty() ? "NORMAL" : type, std::to_string(keyspace.shards.size()),
               vschema.value("sharded", false) ? "yes" : "no",
               string_of(record, "durability_policy"), string_of(record, "base_keyspace")});
    Json entry;
    entry["keyspace"] = name;
    entry["shards"] = Json::array();
    for (const auto& [shard, ignored] : keyspace.shards) entry["shards"].push_back(shard);
    if (keyspace.keyspace) entry.update(record_json(*keyspace.keyspace));
    if (keyspace.vschema) entry["vschema"] = vschema;
    json.push_back(std::move(entry));
  }
  context.out().print(table, json);
  return finish(context, *topology);
}

struct KeyspaceOptions {
  std::string keyspace;
};

void declare_keyspace(CLI::App& app, KeyspaceOptions& options) {
  app.add_option("keyspace", options.keyspace, "only of this one")->type_name("KEYSPACE");
}

struct ShardList {
  Table table{{"KEYSPACE", "SHARD", "RANGE", "PRIMARY", "SINCE", "SERVING"}};
  Json json = Json::array();
};

void add_shard(ShardList& list, const std::string& keyspace, const std::string& name,
               const Record& shard) {
  const std::string primary = alias_of(shard.value, "primary_alias");
  const bool serving = shard.value.value("is_primary_serving", false);
  list.table.add({keyspace, name, range_text(shard.value),
                  primary.empty() ? Cell("none", Colour::kWarning) : Cell(primary),
                  string_of(shard.value, "primary_term_start_time"), serving ? "yes" : "no"});
  Json entry = {{"keyspace", keyspace}, {"shard", name}, {"primary", primary}};
  entry["serving"] = serving;
  entry.update(record_json(shard));
  list.json.push_back(std::move(entry));
}

Result<int> run_shards(Context& context, const KeyspaceOptions& options) {
  const auto topology = read_topology(context, {.cells = false});
  if (!topology) return tl::unexpected(topology.error());
  if (!options.keyspace.empty() && !topology->keyspaces.contains(options.keyspace)) {
    return failure(ExitCode::kNotFound, "there is no keyspace " + options.keyspace);
  }
  ShardList list;
  for (const auto& [keyspace, view] : topology->keyspaces) {
    if (!options.keyspace.empty() && keyspace != options.keyspace) continue;
    for (const auto& [name, shard] : view.shards) add_shard(list, keyspace, name, shard);
  }
  context.out().print(list.table, list.json);
  return finish(context, *topology);
}

// ---- tablets -----------------------------------------------------------------------------------

struct TabletsOptions {
  std::string keyspace;
  std::string shard;
  std::string type;
};

void declare_tablets(CLI::App& app, TabletsOptions& options) {
  app.add_option("-k,--keyspace", options.keyspace, "only of this keyspace")->type_name("NAME");
  app.add_option("-s,--shard", options.shard, "only of this shard")->type_name("NAME");
  app.add_option("-t,--type", options.type, "only of this type: primary, replica, rdonly, ...")
      ->type_name("TYPE")
      ->check([](std::string type) {
        for (char& letter : type) letter = static_cast<char>(std::toupper(letter));
        const bool is_one = encode_record("Tablet", {{"type", type}}).has_value();
        return is_one || type == "MASTER" ? "" : "there is no type of tablet " + type;
      });
}

bool is_wanted(const Json& tablet, const TabletsOptions& options) {
  const auto fits = [&](const std::string& wanted, const char* field) {
    return wanted.empty() || equal_ignoring_case(wanted, string_of(tablet, field));
  };
  return fits(options.keyspace, "keyspace") && fits(options.shard, "shard") &&
         fits(options.type == "master" ? "primary" : options.type, "type");
}

struct TabletList {
  Table table{{"ALIAS", "KEYSPACE", "SHARD", "TYPE", "ADDRESS", "GRPC", "MYSQL", "WRITTEN"}};
  Json json = Json::array();
};

void add_tablet(TabletList& list, const std::string& alias, const Record& tablet) {
  const Json& value = tablet.value;
  const std::string type = string_of(value, "type");
  const std::string mysql_host = string_of(value, "mysql_hostname");
  const std::string mysql_port = string_of(value, "mysql_port");
  list.table.add(
      {alias, string_of(value, "keyspace"), string_of(value, "shard"),
       Cell(type.empty() ? "UNKNOWN" : type, type == "PRIMARY" ? Colour::kGood : Colour::kNone),
       address_of(value, "vt"), address_of(value, "grpc"),
       mysql_host.empty() ? mysql_port : mysql_host + ":" + mysql_port,
       time_text(tablet.stat.mtime_ms / 1000)});
  Json entry;
  entry["alias"] = alias;
  entry.update(record_json(tablet));
  list.json.push_back(std::move(entry));
}

// Nothing was found: is it because there is no such keyspace or shard?
Result<void> must_exist(Context& context, const TabletsOptions& options) {
  if (options.keyspace.empty()) return {};
  const auto root = context.root();
  if (!root) return tl::unexpected(root.error());
  const auto znodes = context.global();
  if (!znodes) return tl::unexpected(znodes.error());
  std::string path = join_path(join_path(*root, "keyspaces"), options.keyspace);
  if (!options.shard.empty()) path = join_path(join_path(path, "shards"), options.shard);
  const auto there = (*znodes)->exists(path);
  if (!there) return tl::unexpected(there.error());
  if (*there) return {};
  return failure(ExitCode::kNotFound,
                 options.shard.empty()
                     ? "there is no keyspace " + options.keyspace
                     : "keyspace " + options.keyspace + " has no shard " + options.shard);
}

Result<int> run_tablets(Context& context, const TabletsOptions& options) {
  TopologyParts parts{.keyspaces = false, .only_below = "tablets"};
  if (!context.options().cell.empty()) parts.only = {context.options().cell};
  const auto topology = read_topology(context, parts);
  if (!topology) return tl::unexpected(topology.error());
  TabletList list;
  for (const auto& [name, cell] : topology->cells) {
    for (const auto& [alias, tablet] : cell.tablets) {
      if (is_wanted(tablet.value, options)) add_tablet(list, alias, tablet);
    }
  }
  if (list.json.empty()) {
    if (auto there = must_exist(context, options); !there) return tl::unexpected(there.error());
  }
  context.out().print(list.table, list.json);
  return finish(context, *topology);
}

// ---- show --------------------------------------------------------------------------------------

struct ShowOptions {
  std::string place;
};

void declare_show(CLI::App& app, ShowOptions& options) {
  app.add_option("place", options.place, "a keyspace, or one shard of it")
      ->type_name("KEYSPACE[/SHARD]")
      ->required();
}

void print_part(Output& out, const std::string& title, const std::string& text) {
  if (text.empty()) return;
  out.print_line("");
  out.print_line(out.coloured(title, Colour::kTitle));
  out.print_raw(text);
}

Json serving_json(const Topology& topology, const std::string& keyspace) {
  Json json = Json::object();
  for (const auto& [name, cell] : topology.cells) {
    const auto found = cell.srv_keyspaces.find(keyspace);
    if (found != cell.srv_keyspaces.end()) json[name] = found->second.value;
  }
  return json;
}

// "zone1: PRIMARY 0; REPLICA 0".
std::string serving_lines(const Json& serving) {
  std::string text;
  for (const auto& [cell, graph] : serving.items()) {
    text += cell + ":";
    for (const Json& partition : graph.value("partitions", Json::array())) {
      text += " " + string_of(partition, "served_type");
      for (const Json& shard : partition.value("shard_references", Json::array())) {
        text += " " + string_of(shard, "name");
      }
      text += ";";
    }
    if (text.ends_with(';')) text.pop_back();
    text += "\n";
  }
  return text;
}

Result<int> run_show(Context& context, const ShowOptions& options) {
  const size_t slash = options.place.find('/');
  const std::string keyspace = options.place.substr(0, slash);
  const std::string only = slash == std::string::npos ? "" : options.place.substr(slash + 1);
  const auto topology = read_topology(context, {});
  if (!topology) return tl::unexpected(topology.error());
  const auto found = topology->keyspaces.find(keyspace);
  if (found == topology->keyspaces.end()) {
    return failure(ExitCode::kNotFound, "there is no keyspace " + keyspace);
  }
  if (!only.empty() && !found->second.shards.contains(only)) {
    return failure(ExitCode::kNotFound, "keyspace " + keyspace + " has no shard " + only);
  }
  ShardList shards;
  for (const auto& [name, shard] : found->second.shards) {
    if (only.empty() || only == name) add_shard(shards, keyspace, name, shard);
  }
  TabletList tablets;
  for (const auto& [cell_name, cell] : topology->cells) {
    for (const auto& [alias, tablet] : cell.tablets) {
      const TabletsOptions wanted{.keyspace = keyspace, .shard = only, .type = ""};
      if (is_wanted(tablet.value, wanted)) add_tablet(tablets, alias, tablet);
    }
  }
  const Json serving = serving_json(*topology, keyspace);
  Json json;
  json["keyspace"] = keyspace;
  if (found->second.keyspace) json["record"] = found->second.keyspace->value;
  if (found->second.vschema) json["vschema"] = found->second.vschema->value;
  json["shards"] = shards.json;
  json["tablets"] = tablets.json;
  json["serving"] = serving;
  Output& out = context.out();
  if (out.format() == Format::kTable) {
    const Json record = found->second.keyspace ? found->second.keyspace->value : Json::object();
    out.print_line(out.coloured("keyspace " + escaped(keyspace), Colour::kTitle) + "  " +
                   record.dump());
    const bool colour = out.coloured("x", Colour::kBad) != "x";
    print_part(out, "shards", shards.table.as_table(colour));
    print_part(out, "tablets", tablets.table.as_table(colour));
    print_part(out, "served", serving_lines(serving));
  } else {
    out.print(tablets.table, json);
  }
  return finish(context, *topology);
}

// ---- validate ----------------------------------------------------------------------------------

Result<int> run_validate(Context& context, const NoOptions& options) {
  (void)options;
  const auto topology = read_topology(context, {});
  if (!topology) return tl::unexpected(topology.error());
  const std::vector<Finding> findings = check_topology(*topology);
  print_findings(context.out(), findings);
  if (findings.empty() && context.out().format() == Format::kTable) {
    size_t tablets = 0;
    for (const auto& [name, cell] : topology->cells) tablets += cell.tablets.size();
    context.out().print_line("nothing is wrong: " + std::to_string(topology->cells.size()) +
                             " cells, " + std::to_string(topology->keyspaces.size()) +
                             " keyspaces, " + std::to_string(tablets) + " tablets");
  }
  return any_trouble(findings) ? kFound : kDone;
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

std::vector<Command> topology_commands() {
  return {
      {"cells", kGroup, "the cells, their servers and roots", "",
       "topoctl cells\n"
       "topoctl cells --check && echo all cells answer",
       with_options_and_gaps(declare_cells, run_cells)},
      {"keyspaces", kGroup, "the keyspaces", "",
       "topoctl keyspaces\n"
       "topoctl keyspaces -o json | jq '.[].shards'",
       with_options_and_gaps(declare_nothing, run_keyspaces)},
      {"shards", kGroup, "the shards and their primaries", "",
       "topoctl shards\n"
       "topoctl shards commerce -o text | cut -f2,4",
       with_options_and_gaps(declare_keyspace, run_shards)},
      {"tablets", kGroup, "the tablets of all cells, or of --cell",
       "If a cell cannot be read the others are shown and the exit code is 3.",
       "topoctl tablets\n"
       "topoctl tablets --keyspace commerce --type replica\n"
       "topoctl --cell zone1 tablets -o json | jq -r '.[].record.hostname'",
       with_options_and_gaps(declare_tablets, run_tablets)},
      {"show", kGroup, "all about a keyspace or a shard", "",
       "topoctl show commerce\n"
       "topoctl show customer/-80 -o json",
       with_options_and_gaps(declare_show, run_show)},
      {"validate", kGroup, "whether the records agree with each other, and what to do if not",
       "Shards and their primaries, tablets, replication and serving graphs, VSchemas, cells and\n"
       "their roots, lengths. Exit code 7 if anything was found.",
       "topoctl validate\n"
       "topoctl validate -o json | jq -r '.[] | select(.severity == \"problem\").what'",
       with_options_and_gaps(declare_nothing, run_validate)},
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
