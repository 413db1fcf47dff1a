// Commands that read and write single znodes: ls, tree, get, stat, put, edit, rm.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "tools/ctl/command.h"
#include "tools/ctl/editor.h"
#include "tools/ctl/removal.h"
#include "tools/ctl/text.h"
#include "tools/ctl/value.h"

namespace topod::ctl {

namespace {

// ---- ls ----------------------------------------------------------------------------------------

struct LsOptions {
  std::string path = "/";
  bool is_long = false;
};

void declare_ls(CLI::App& app, LsOptions& options) {
  add_path(app, options.path);
  app.add_flag("-l,--long", options.is_long, "size, children, version and age of each");
}

Json long_json(const Znode& znode) {
  Json json;
  json["name"] = name_in(znode.path);
  json["path"] = znode.path;
  json["kind"] = value_kind(znode.path, znode.data);
  json["stat"] = stat_json(znode.stat);
  return json;
}

Result<int> run_ls(Context& context, const LsOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  auto children = (*znodes)->children(options.path);
  if (!children) return tl::unexpected(children.error());
  if (!options.is_long) {
    std::string lines;
    for (const std::string& name : children->names) lines += escaped(name) + "\n";
    if (context.out().is_json()) {
      context.out().print_json(children->names);
    } else {
      context.out().print_raw(lines);
    }
    return kDone;
  }
  std::vector<std::string> paths;
  for (const std::string& name : children->names) paths.push_back(join_path(options.path, name));
  const auto found = (*znodes)->get_all(paths);
  if (!found) return tl::unexpected(found.error());
  Table table({"NAME", "BYTES", "CHILDREN", "VERSION", "CHANGED", "VALUE", "OWNER"});
  table.right(1).right(2).right(3);
  Json json = Json::array();
  for (const Znode& znode : *found) {
    const Stat& stat = znode.stat;
    table.add({std::string(name_in(znode.path)), std::to_string(stat.data_length),
               std::to_string(stat.num_children), std::to_string(stat.version),
               time_text(stat.mtime_ms / 1000), value_kind(znode.path, znode.data),
               stat.ephemeral_owner == 0 ? "" : hex_number(stat.ephemeral_owner)});
    json.push_back(long_json(znode));
  }
  context.out().print(table, json);
  return kDone;
}

// ---- tree --------------------------------------------------------------------------------------

struct TreeOptions {
  std::string path = "/";
  int depth = 1'000'000;
  bool values = false;
};

void declare_tree(CLI::App& app, TreeOptions& options) {
  add_path(app, options.path);
  app.add_option("-d,--depth", options.depth, "levels below the path")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000).description(""));
  app.add_flag("-v,--values", options.values, "with the data of each, decoded, in one line");
}

class TreePrinter {
 public:
  TreePrinter(Context& context, const TreeOptions& options, const std::vector<Znode>& all)
      : context_(context), options_(options) {
    for (const Znode& znode : all) by_path_[znode.path] = &znode;
  }

  void print(const std::string& path, const std::string& label, const std::string& indent) {
    const Znode& znode = *by_path_.at(path);
    std::string line = escaped(label);
    if (znode.stat.ephemeral_owner != 0) {
      line += context_.out().coloured("  [session " + hex_number(znode.stat.ephemeral_owner) + "]",
                                      Colour::kDim);
    }
    if (options_.values && znode.stat.data_length > 0) {
      constexpr size_t kWidth = 100;
      line += "  " + context_.out().coloured(value_line(path, znode.data, kWidth), Colour::kDim);
    }
    context_.out().print_line(line);
    std::vector<std::string> shown;
    for (const std::string& name : znode.children) {
      if (by_path_.contains(join_path(path, name))) shown.push_back(name);
    }
    for (const std::string& name : shown) {
      const bool last = &name == &shown.back();
      context_.out().print_raw(indent + (last ? "└── " : "├── "));
      print(join_path(path, name), name, indent + (last ? "    " : "│   "));
    }
  }

  [[nodiscard]] Json json(const std::string& path) const {
    const Znode& znode = *by_path_.at(path);
    Json json;
    json["path"] = path;
    if (znode.stat.ephemeral_owner != 0) {
      json["ephemeralOwner"] = hex_number(znode.stat.ephemeral_owner);
    }
    if (options_.values) add_value(json, path, znode.data, true);
    json["children"] = Json::array();
    for (const std::string& name : znode.children) {
      const std::string child = join_path(path, name);
      if (by_path_.contains(child)) json["children"].push_back(this->json(child));
    }
    return json;
  }

 private:
  Context& context_;
  const TreeOptions& options_;
  std::map<std::string, const Znode*> by_path_;
};

Result<int> run_tree(Context& context, const TreeOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto all = (*znodes)->walk(
      options.path, {.with_data = options.values, .with_acls = false, .depth = options.depth});
  if (!all) return tl::unexpected(all.error());
  TreePrinter printer(context, options, *all);
  switch (context.out().format()) {
    case Format::kJson: context.out().print_json(printer.json(options.path)); break;
    case Format::kText:
      for (const Znode& znode : *all) context.out().print_line(escaped(znode.path));
      break;
    case Format::kTable: printer.print(options.path, options.path, ""); break;
  }
  return kDone;
}

// ---- get, stat ---------------------------------------------------------------------------------

struct GetOptions {
  std::string path;
  bool raw = false;
  std::string type;
};

void declare_get(CLI::App& app, GetOptions& options) {
  add_path(app, options.path)->required();
  app.add_flag("--raw", options.raw, "the very bytes, not decoded");
  app.add_option("--type", options.type, "decode as this record, whatever the path is")
      ->type_name("RECORD");
}

Result<int> run_get(Context& context, const GetOptions& options) {
  const auto type = options.type.empty() ? std::nullopt : record_type_named(options.type);
  if (!options.type.empty() && !type) {
    return failure(ExitCode::kUsage, "there is no record type " + options.type);
  }
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto node = (*znodes)->get(options.path);
  if (!node) return tl::unexpected(node.error());
  // Records are known by their file's name.
  const std::string decoded_as = type ? join_path(options.path, *type) : options.path;
  if (type) {
    const auto record = decode_record(*type, node->bytes());
    if (!record) return failure(ExitCode::kFailed, options.path + ": " + record.error());
  }
  if (options.raw) {
    context.out().print_raw(node->bytes());
  } else if (context.out().is_json()) {
    Json json;
    json["path"] = options.path;
    add_value(json, decoded_as, node->data, true);
    json["stat"] = stat_json(node->stat);
    context.out().print_json(json);
  } else {
    context.out().print_raw(value_text(decoded_as, node->data));
  }
  return kDone;
}

struct PathOptions {
  std::string path;
};

void declare_path(CLI::App& app, PathOptions& options) { add_path(app, options.path)->required(); }

Result<int> run_stat(Context& context, const PathOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto acls = (*znodes)->acls(options.path);
  if (!acls) return tl::unexpected(acls.error());
  Json json;
  json["path"] = options.path;
  json.update(stat_json(acls->stat));
  json["acl"] = acls_json(acls->acls);
  Table table({"FIELD", "VALUE"});
  for (const auto& [key, value] : json.items()) {
    if (key == "acl") continue;
    table.add({key, value.is_string() ? value.get<std::string>() : value.dump()});
  }
  for (const client::Acl& acl : acls->acls) table.add({"acl", acl_text(acl)});
  context.out().print(table, json);
  return kDone;
}

// ---- put ---------------------------------------------------------------------------------------

struct PutOptions {
  std::string path;
  std::string value;
  bool has_value = false;
  std::string file;
  bool json = false;
  std::string type;
  int32_t version = kAnyVersion;
  bool create = false;
  bool update = false;
  bool sequential = false;
  std::string mode = "persistent";
  int64_t ttl_ms = 0;
  std::vector<std::string> acls;
};

void declare_put(CLI::App& app, PutOptions& options) {
  // A sequential znode's path may end in "/".
  app.add_option("path", options.path, "such as /vitess/global/metadata/owner")
      ->type_name(kPathType)
      ->check([](const std::string& path) { return path_trouble(without_slash(path)); })
      ->required();
  app.add_option("value", options.value, "the new data; else those of --file, else none")
      ->type_name("VALUE");
  app.add_option("-f,--file", options.file, "read the data here; - is standard input")
      ->type_name(kFileType);
  app.add_flag("--json", options.json, "the data are JSON of a record, to be encoded");
  app.add_option("--type", options.type, "the record, if the path does not tell")
      ->type_name("RECORD");
  app.add_option("--version", options.version, "only if the znode has this version")
      ->type_name("N");
  auto* create = app.add_flag("--create", options.create, "only if it does not exist");
  app.add_flag("--update", options.update, "only if it exists")->excludes(create);
  app.add_flag("--sequential", options.sequential, "append the next number to the name");
  app.add_option("--mode", options.mode, "kind of a new znode")
      ->type_name("MODE")
      ->check(CLI::IsMember({"persistent", "container", "ttl"}));
  app.add_option("--ttl", options.ttl_ms, "milliseconds, of mode ttl")->type_name("MS");
  app.add_option("--acl", options.acls, "of a new znode: world:anyone:cdrwa; may be repeated")
      ->type_name("SCHEME:ID:PERMS")
      ->allow_extra_args(false);
}

Result<std::string> new_data(const PutOptions& options) {
  std::string bytes = options.value;
  if (!options.file.empty()) {
    if (!options.value.empty()) {
      return failure(ExitCode::kUsage, "either a value or --file, not both");
    }
    auto read = read_file(options.file);
    if (!read) return tl::unexpected(read.error());
    bytes = std::move(*read);
  }
  const bool is_record = options.json || !options.type.empty();
  if (!is_record) return bytes;
  const auto type =
      options.type.empty() ? record_type_of(options.path) : record_type_named(options.type);
  if (!type) {
    return failure(ExitCode::kUsage, "which record is it? The path does not tell; give --type");
  }
  const Json json = Json::parse(bytes, nullptr, false);
  if (json.is_discarded()) return failure(ExitCode::kUsage, "the data are no JSON");
  auto encoded = encode_record(*type, json);
  if (!encoded) return failure(ExitCode::kUsage, encoded.error());
  return std::move(*encoded);
}

Result<CreateOptions> create_options(const PutOptions& options) {
  CreateOptions create;
  if (record_type_of(options.path)) create = file_options();
  if (!options.acls.empty()) create.acls.clear();
  for (const std::string& text : options.acls) {
    auto acl = parse_acl(text);
    if (!acl) return tl::unexpected(acl.error());
    create.acls.push_back(std::move(*acl));
  }
  if (options.mode == "container") {
    if (options.sequential) return failure(ExitCode::kUsage, "containers are not sequential");
    create.mode = CreateMode::kContainer;
  } else if (options.mode == "ttl") {
    if (options.ttl_ms <= 0) return failure(ExitCode::kUsage, "mode ttl needs --ttl");
    create.mode =
        options.sequential ? CreateMode::kPersistentSequentialTtl : CreateMode::kPersistentTtl;
    create.ttl_ms = options.ttl_ms;
  } else if (options.sequential) {
    create.mode = CreateMode::kPersistentSequential;
  }
  return create;
}

Result<int> run_put(Context& context, const PutOptions& options) {
  if (!options.path.starts_with('/')) {
    return failure(ExitCode::kUsage, "a path begins with /: " + options.path);
  }
  const auto data = new_data(options);
  if (!data) return tl::unexpected(data.error());
  const auto create = create_options(options);
  if (!create) return tl::unexpected(create.error());
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const std::string path = options.sequential ? options.path : without_slash(options.path);
  const bool only_create = options.create || options.sequential;
  const bool only_update = options.update || options.version != kAnyVersion;
  if (!only_create) {
    const auto stat = (*znodes)->set(path, *data, options.version);
    if (stat || only_update || stat.error().code != ExitCode::kNotFound) {
      if (!stat) return tl::unexpected(stat.error());
      context.out().print_done(path + " updated, version " + std::to_string(stat->version),
                               {{"path", path}, {"done", "updated"}, {"version", stat->version}});
      return kDone;
    }
  }
  const auto created = (*znodes)->create_with_parents(path, *data, *create);
  if (!created) return tl::unexpected(created.error());
  context.out().print_done(created->path + " created",
                           {{"path", created->path}, {"done", "created"}, {"version", 0}});
  return kDone;
}

// ---- edit --------------------------------------------------------------------------------------

Result<int> run_edit(Context& context, const PathOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto node = (*znodes)->get(options.path);
  if (!node) return tl::unexpected(node.error());
  const auto edited = edit_value(options.path, node->data);
  if (!edited) return tl::unexpected(edited.error());
  if (!*edited) {
    context.out().print_done(options.path + " left as it was",
                             {{"path", options.path}, {"done", "nothing"}});
    return kDone;
  }
  const auto stat = (*znodes)->set(options.path, **edited, node->stat.version);
  if (!stat) return tl::unexpected(stat.error());
  context.out().print_done(
      options.path + " updated, version " + std::to_string(stat->version),
      {{"path", options.path}, {"done", "updated"}, {"version", stat->version}});
  return kDone;
}

// ---- rm ----------------------------------------------------------------------------------------

struct RmOptions {
  std::string path;
  bool recursive = false;
  bool dry_run = false;
  int32_t version = kAnyVersion;
};

void declare_rm(CLI::App& app, RmOptions& options) {
  add_path(app, options.path)->required();
  auto* recursive = app.add_flag("-r,--recursive", options.recursive, "with everything below");
  app.add_flag("--dry-run", options.dry_run, "say what would be removed");
  app.add_option("--version", options.version, "only if the znode has this version")
      ->type_name("N")
      ->excludes(recursive);
}

Result<int> run_rm(Context& context, const RmOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  std::vector<std::string> removed = {options.path};
  if (options.recursive || options.dry_run) {
    const auto below = subtree_bottom_up(**znodes, options.path);
    if (!below) return tl::unexpected(below.error());
    removed = *below;
  }
  if (options.dry_run) {
    Table table({"WOULD BE REMOVED"});
    for (const std::string& path : removed) table.add({path});
    context.out().print(table, {{"wouldRemove", removed}});
    return kDone;
  }
  if (options.recursive) {
    const auto count = remove_subtree(**znodes, options.path);
    if (!count) return tl::unexpected(count.error());
    context.out().print_done(
        options.path + " removed, " + std::to_string(*count) + " znodes in all",
        {{"path", options.path}, {"done", "removed"}, {"znodes", *count}});
    return kDone;
  }
  if (auto done = (*znodes)->remove(options.path, options.version); !done) {
    Failure why = done.error();
    if (why.what.ends_with("it has children")) why.what += ": -r removes them, too";
    return tl::unexpected(why);
  }
  context.out().print_done(options.path + " removed",
                           {{"path", options.path}, {"done", "removed"}, {"znodes", 1}});
  return kDone;
}

constexpr const char* kGroup = "Data";

}  // namespace

std::vector<Command> data_commands() {
  return {
      {"ls", kGroup, "names of the children of a znode", "",
       "topoctl ls /vitess/global\n"
       "topoctl ls -l /vitess/zone1/tablets\n"
       "topoctl --cell zone1 ls / -o json",
       with_options_and_gaps(declare_ls, run_ls)},
      {"tree", kGroup, "a znode and everything below it", "",
       "topoctl tree /vitess\n"
       "topoctl tree --values --depth 3 /vitess/global/cells\n"
       "topoctl tree -o text / | grep locks",
       with_options_and_gaps(declare_tree, run_tree)},
      {"get", kGroup, "the data of a znode, decoded",
       "Vitess's records are shown as JSON; a field that is not known stands under @unknown by\n"
       "its number. Text is shown as it is, anything else in hex; --raw writes the very bytes.",
       "topoctl get /vitess/global/cells/zone1/CellInfo\n"
       "topoctl get -o json /vitess/zone1/tablets/zone1-0000000100/Tablet | jq .value.hostname\n"
       "topoctl get --raw /vitess/zone1/SrvVSchema > srv_vschema.bin",
       with_options(declare_get, run_get)},
      {"stat", kGroup, "versions, times and access control list of a znode", "",
       "topoctl stat /vitess/global/keyspaces/commerce/shards/0/Shard",
       with_options(declare_path, run_stat)},
      {"put", kGroup, "write a znode, creating it and what is missing above it",
       "With --json the data are the JSON that `get` shows of a record. --version makes it fail\n"
       "with exit code 6 if somebody else has written meanwhile.",
       "topoctl put /vitess/global/metadata/owner team-db\n"
       "topoctl put --json /vitess/global/cells/zone1/CellInfo \\\n"
       "    '{\"server_address\": \"topo1:2181\", \"root\": \"/vitess/zone1\"}'\n"
       "topoctl put --version 3 -f rules.txt /vitess/global/rules",
       with_options(declare_put, run_put)},
      {"edit", kGroup, "change a value in $EDITOR, records as JSON",
       "Nothing is written if the text is left as it was, if it cannot be encoded (the editor is\n"
       "opened again), or if somebody else has written the znode meanwhile (exit code 6).",
       "topoctl edit /vitess/global/keyspaces/commerce/shards/0/Shard\n"
       "EDITOR='sed -i s/16100/16101/' topoctl edit /vitess/zone1/tablets/zone1-0000000100/Tablet",
       with_options(declare_path, run_edit)},
      {"rm", kGroup, "remove a znode, with -r everything below it too",
       "-r is many requests, not one transaction: what others create below meanwhile goes as\n"
       "well, and an interruption leaves a part.",
       "topoctl rm /vitess/global/metadata/owner\n"
       "topoctl rm -r --dry-run /vitess/zone3\n"
       "topoctl rm -r /vitess/zone3",
       with_options(declare_rm, run_rm)},
  };
}

}  // namespace topod::ctl
