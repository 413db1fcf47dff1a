// Commands on what a topology holds: keyspaces, shards, tablets, show, validate.
#include <cctype>

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

}  // namespace

std::vector<Command> topology_commands() {
  return {
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
  };
}

}  // namespace topod::ctl
