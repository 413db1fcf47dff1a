#include "tools/ctl/topology.h"

#include <fmt/format.h>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

// Vitess's own client cannot write more than this, and servers usually take no more than 1 MiB.
constexpr int32_t kLongBytes = 512 * 1024;

// The components of a path below the root.
std::vector<std::string> components(const std::string& root, const std::string& path) {
  if (!is_below(path, root)) return {};
  return split(path.substr(root == "/" ? 1 : root.size() + 1), '/');
}

std::optional<Record> record_of(Topology& topology, const Znode& znode) {
  if (znode.stat.data_length > kLongBytes) {
    topology.troubles.push_back({Finding::Severity::kWarning, znode.path,
                                 "it holds " +
                                     size_text(static_cast<uint64_t>(znode.stat.data_length)) +
                                     "; beyond 1 MiB (jute.maxbuffer) it can be written no more",
                                 "raise jute.maxbuffer on all servers, or split the keyspace"});
  }
  const auto type = record_type_of(znode.path);
  if (!type) return std::nullopt;
  auto value = decode_record(*type, znode.data ? std::string_view(*znode.data) : "");
  if (!value) {
    topology.troubles.push_back({Finding::Severity::kProblem, znode.path, value.error(),
                                 "look at it with `topoctl get`, and write it anew"});
    return std::nullopt;
  }
  return Record{znode.path, std::move(*value), znode.stat};
}

void add_keyspace_file(Topology& topology, const std::vector<std::string>& parts,
                       const Znode& znode) {
  KeyspaceView& keyspace = topology.keyspaces[parts[1]];
  const bool is_file = parts.size() == 3 && (parts[2] == "Keyspace" || parts[2] == "VSchema");
  const bool is_shard = parts.size() == 5 && parts[2] == "shards" && parts[4] == "Shard";
  if (!is_file && !is_shard) return;
  auto record = record_of(topology, znode);
  if (!record) return;
  if (is_shard) {
    keyspace.shards[parts[3]] = std::move(*record);
  } else {
    (parts[2] == "Keyspace" ? keyspace.keyspace : keyspace.vschema) = std::move(*record);
  }
}

}  // namespace

void add_global(Topology& topology, const std::string& root, const std::vector<Znode>& znodes) {
  topology.root = root;
  for (const Znode& znode : znodes) {
    const std::vector<std::string> parts = components(root, znode.path);
    if (parts.size() == 3 && parts[0] == "cells" && parts[2] == "CellInfo") {
      CellView& cell = topology.cells[parts[1]];
      if (auto record = record_of(topology, znode)) cell.info = std::move(*record);
      cell.servers = string_of(cell.info.value, "server_address");
      cell.root = without_slash(string_of(cell.info.value, "root"));
    } else if (parts.size() == 3 && parts[0] == "cells_aliases") {
      if (auto record = record_of(topology, znode)) topology.aliases[parts[1]] = *record;
    } else if (parts.size() >= 2 && parts[0] == "keyspaces") {
      add_keyspace_file(topology, parts, znode);
    } else if (!parts.empty()) {
      (void)record_of(topology, znode);  // for what may be wrong with it
    }
  }
}

void add_cell(Topology& topology, const std::string& name, const std::vector<Znode>& znodes) {
  CellView& cell = topology.cells[name];
  for (const Znode& znode : znodes) {
    const std::vector<std::string> parts = components(cell.root, znode.path);
    const size_t depth = parts.size();
    const bool known = (depth == 1 && parts[0] == "SrvVSchema") ||
                       (depth == 3 && (parts[2] == "Tablet" || parts[2] == "SrvKeyspace")) ||
                       (depth == 5 && parts[4] == "ShardReplication");
    if (!known) continue;
    auto record = record_of(topology, znode);
    if (!record) continue;
    if (depth == 1) {
      cell.srv_vschema = std::move(*record);
    } else if (depth == 5) {
      cell.replications[parts[1] + "/" + parts[3]] = std::move(*record);
    } else if (parts[2] == "Tablet") {
      cell.tablets[parts[1]] = std::move(*record);
    } else {
      cell.srv_keyspaces[parts[1]] = std::move(*record);
    }
  }
}

// ---- reading -----------------------------------------------------------------------------------

namespace {

// Below the root, if it is there.
Result<std::vector<Znode>> walk_if_there(Znodes& znodes, const std::string& root) {
  auto found = znodes.walk(root, {.with_data = true});
  if (!found && found.error().code == ExitCode::kNotFound) return std::vector<Znode>();
  return found;
}

Result<void> read_cell(Context& context, Topology& topology, const std::string& name,
                       const TopologyParts& parts) {
  const CellView& cell = topology.cells[name];
  const auto znodes = context.servers(cell.servers);
  if (!znodes) return tl::unexpected(znodes.error());
  const std::string root =
      parts.only_below.empty() ? cell.root : join_path(cell.root, parts.only_below);
  const auto found = walk_if_there(**znodes, root);
  if (!found) return tl::unexpected(found.error());
  add_cell(topology, name, *found);
  return {};
}

}  // namespace

Result<Topology> read_topology(Context& context, const TopologyParts& parts) {
  const auto root = context.root();
  if (!root) return tl::unexpected(root.error());
  const auto znodes = context.global();
  if (!znodes) return tl::unexpected(znodes.error());
  Topology topology;
  const auto there = (*znodes)->exists(*root);
  if (!there) return tl::unexpected(there.error());
  if (!*there) {
    return failure(ExitCode::kNotFound,
                   "there is no topology at " + *root + ": --root says where it is");
  }
  std::vector<Znode> all;
  if (parts.keyspaces) {
    auto found = walk_if_there(**znodes, *root);
    if (!found) return tl::unexpected(found.error());
    all = std::move(*found);
  } else {
    for (const char* folder : {"cells", "cells_aliases"}) {
      auto found = walk_if_there(**znodes, join_path(*root, folder));
      if (!found) return tl::unexpected(found.error());
      all.insert(all.end(), found->begin(), found->end());
    }
  }
  add_global(topology, *root, all);
  for (const std::string& name : parts.only) {
    if (!topology.cells.contains(name)) {
      return failure(ExitCode::kNotFound, "there is no cell " + name);
    }
  }
  if (!parts.cells) return topology;
  for (auto& [name, cell] : topology.cells) {
    if (!parts.only.empty() && !parts.only.contains(name)) continue;
    const auto done = cell.servers.empty() || !cell.root.starts_with('/')
                          ? failure(ExitCode::kFailed, "its CellInfo has no address or no root")
                          : read_cell(context, topology, name, parts);
    if (!done) cell.unreadable = done.error().what;
  }
  return topology;
}

// ---- what records say --------------------------------------------------------------------------

std::string string_of(const Json& record, const char* field) {
  const auto found = record.find(field);
  if (found == record.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string alias_text(const Json& alias) {
  if (!alias.is_object() || alias.empty()) return {};
  return fmt::format("{}-{:010}", string_of(alias, "cell"), alias.value("uid", 0U));
}

std::string alias_of(const Json& record, const char* field) {
  return record.contains(field) ? alias_text(record[field]) : "";
}

std::string address_of(const Json& tablet, const char* port) {
  const bool has_port = tablet.contains("port_map") && tablet["port_map"].contains(port);
  if (!has_port) return {};
  return string_of(tablet, "hostname") + ":" + tablet["port_map"][port].dump();
}

std::string range_text(const Json& record) {
  if (!record.contains("key_range")) return "-";
  return string_of(record["key_range"], "start") + "-" + string_of(record["key_range"], "end");
}

}  // namespace topod::ctl
