#include "tools/ctl/topology_check.h"

#include <algorithm>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

using Severity = Finding::Severity;

const Record* find_tablet(const Topology& topology, const std::string& alias) {
  for (const auto& [name, cell] : topology.cells) {
    const auto found = cell.tablets.find(alias);
    if (found != cell.tablets.end()) return &found->second;
  }
  return nullptr;
}

const Record* find_shard(const Topology& topology, const std::string& keyspace,
                         const std::string& shard) {
  const auto found = topology.keyspaces.find(keyspace);
  if (found == topology.keyspaces.end()) return nullptr;
  const auto one = found->second.shards.find(shard);
  return one == found->second.shards.end() ? nullptr : &one->second;
}

std::string place_of(const Json& tablet) {
  return string_of(tablet, "keyspace") + "/" + string_of(tablet, "shard");
}

class Check {
 public:
  explicit Check(const Topology& topology) : topology_(topology), findings_(topology.troubles) {}

  std::vector<Finding> run() {
    for (const auto& [name, cell] : topology_.cells) check_cell(name, cell);
    for (const auto& [name, alias] : topology_.aliases) check_alias(alias);
    for (const auto& [name, keyspace] : topology_.keyspaces) {
      check_ranges(name, keyspace);
      for (const auto& [shard, record] : keyspace.shards) check_shard(name, shard, record);
    }
    for (const auto& [name, cell] : topology_.cells) {
      if (cell.unreadable.empty()) check_contents(name, cell);
    }
    return std::move(findings_);
  }

 private:
  void problem(const std::string& where, const std::string& what, const std::string& advice) {
    findings_.push_back({Severity::kProblem, where, what, advice});
  }
  void warning(const std::string& where, const std::string& what, const std::string& advice) {
    findings_.push_back({Severity::kWarning, where, what, advice});
  }

  void check_cell(const std::string& name, const CellView& cell) {
    if (!cell.unreadable.empty()) {
      problem(cell.info.path.empty() ? "cell " + name : cell.info.path,
              "cell " + name + " at " + cell.servers + " cannot be read: " + cell.unreadable,
              "start its servers, or correct the address with `topoctl cell update " + name + "`");
    }
    for (const auto& [other_name, other] : topology_.cells) {
      if (other_name <= name || other.servers != cell.servers) continue;
      const bool overlap = other.root == cell.root || is_below(other.root, cell.root) ||
                           is_below(cell.root, other.root);
      if (overlap) {
        problem(other.info.path,
                "cells " + name + " and " + other_name + " share servers, and their roots " +
                    cell.root + " and " + other.root + " overlap",
                "give each cell a root of its own");
      }
    }
  }

  void check_alias(const Record& alias) {
    if (!alias.value.contains("cells")) return;
    for (const Json& cell : alias.value["cells"]) {
      if (cell.is_string() && topology_.cells.contains(cell.get<std::string>())) continue;
      problem(alias.path, "it names cell " + cell.dump() + ", which does not exist",
              "take it out of the alias, or add the cell");
    }
  }

  // Shards that serve must cover all keyspace ids once.
  void check_ranges(const std::string& name, const KeyspaceView& keyspace) {
    std::vector<std::pair<std::string, std::string>> ranges;
    for (const auto& [shard, record] : keyspace.shards) {
      if (!record.value.value("is_primary_serving", false)) continue;
      const Json range = record.value.value("key_range", Json::object());
      ranges.emplace_back(string_of(range, "start"), string_of(range, "end"));
    }
    if (ranges.empty()) return;
    std::sort(ranges.begin(), ranges.end());
    bool whole = ranges.front().first.empty() && ranges.back().second.empty();
    for (size_t i = 1; i < ranges.size(); ++i) {
      whole = whole && ranges[i - 1].second == ranges[i].first && !ranges[i].first.empty();
    }
    if (whole) return;
    std::string list;
    for (const auto& [start, end] : ranges) {
      list += list.empty() ? "" : ", ";
      list += start;
      list += "-";
      list += end;
    }
    warning("keyspace " + name, "the shards that serve do not cover all keyspace ids once: " + list,
            "finish or undo the resharding");
  }

  void check_shard(const std::string& keyspace, const std::string& shard, const Record& record) {
    const std::string primary = alias_of(record.value, "primary_alias");
    const std::string here = keyspace + "/" + shard;
    if (primary.empty()) {
      if (record.value.value("is_primary_serving", false)) {
        warning(record.path, "it serves, but has no primary", "reparent " + here);
      }
      return;
    }
    const std::string cell = string_of(record.value["primary_alias"], "cell");
    const auto found = topology_.cells.find(cell);
    if (found != topology_.cells.end() && !found->second.unreadable.empty()) return;
    const Record* tablet = find_tablet(topology_, primary);
    if (tablet == nullptr) {
      problem(record.path, "its primary " + primary + " has no tablet record",
              "start that tablet, or reparent " + here);
    } else if (place_of(tablet->value) != here) {
      problem(record.path, "its primary " + primary + " belongs to " + place_of(tablet->value),
              "reparent " + here);
    } else if (string_of(tablet->value, "type") != "PRIMARY") {
      problem(record.path,
              "its primary " + primary + " says that it is " + string_of(tablet->value, "type"),
              "reparent " + here);
    }
    const std::string end = range_text(record.value);
    if (shard.find('-') != std::string::npos && shard != end && end != "-") {
      warning(record.path, "its key range is " + end, "a shard is named after its range");
    }
  }

  // ---- in a cell ---------------------------------------------------------------------------

  void check_contents(const std::string& name, const CellView& cell) {
    for (const auto& [alias, tablet] : cell.tablets) check_tablet(name, cell, alias, tablet);
    for (const auto& [place, record] : cell.replications) check_replication(cell, place, record);
    for (const auto& [keyspace, record] : cell.srv_keyspaces) check_serving(keyspace, record);
    check_vschema(name, cell);
  }

  void check_tablet(const std::string& name, const CellView& cell, const std::string& alias,
                    const Record& tablet) {
    const std::string own = alias_of(tablet.value, "alias");
    if (own != alias) problem(tablet.path, "its record is that of " + own, "restart the tablet");
    const std::string place = place_of(tablet.value);
    const Record* shard = find_shard(topology_, string_of(tablet.value, "keyspace"),
                                     string_of(tablet.value, "shard"));
    if (shard == nullptr) {
      problem(tablet.path, "its shard " + place + " does not exist",
              "remove the record if the tablet is gone: topoctl rm -r " + parent_of(tablet.path));
      return;
    }
    const auto replication = cell.replications.find(place);
    bool listed = false;
    if (replication != cell.replications.end() && replication->second.value.contains("nodes")) {
      for (const Json& node : replication->second.value["nodes"]) {
        listed = listed || alias_of(node, "tablet_alias") == alias;
      }
    }
    if (!listed) {
      warning(tablet.path, "the ShardReplication of " + place + " in " + name + " lacks it",
              "restart the tablet, or run ShardReplicationFix");
    }
    const std::string primary = alias_of(shard->value, "primary_alias");
    if (string_of(tablet.value, "type") == "PRIMARY" && primary != alias) {
      problem(tablet.path,
              "it says that it is the primary of " + place + ", whose Shard record names " +
                  (primary.empty() ? "nobody" : primary),
              "the one whose primary_term_start_time is the later one is right; reparent " + place);
    }
  }

  void check_replication(const CellView& cell, const std::string& place, const Record& record) {
    if (!record.value.contains("nodes")) return;
    for (const Json& node : record.value["nodes"]) {
      const std::string alias = alias_of(node, "tablet_alias");
      if (!cell.tablets.contains(alias)) {
        warning(record.path, "it lists " + alias + " in " + place + ", which has no record",
                "run ShardReplicationFix");
      }
    }
  }

  void check_serving(const std::string& keyspace, const Record& record) {
    if (!topology_.keyspaces.contains(keyspace)) {
      warning(record.path, "keyspace " + keyspace + " does not exist any more",
              "topoctl rm " + record.path);
      return;
    }
    if (!record.value.contains("partitions")) return;
    for (const Json& partition : record.value["partitions"]) {
      for (const Json& reference : partition.value("shard_references", Json::array())) {
        const std::string shard = string_of(reference, "name");
        if (find_shard(topology_, keyspace, shard) != nullptr) continue;
        problem(record.path, "it sends queries to shard " + shard + ", which does not exist",
                "run RebuildKeyspaceGraph " + keyspace);
        return;
      }
    }
  }

  void check_vschema(const std::string& name, const CellView& cell) {
    if (!cell.srv_vschema) {
      if (!cell.tablets.empty()) {
        warning("cell " + name, "it has tablets and no SrvVSchema", "run RebuildVSchemaGraph");
      }
      return;
    }
    const Json served = cell.srv_vschema->value.value("keyspaces", Json::object());
    for (const auto& [keyspace, view] : topology_.keyspaces) {
      if (!view.vschema) continue;
      const Json there = served.value(keyspace, Json());
      if (there == view.vschema->value) continue;
      // A VSchema with nothing in it may be left out.
      if (there.is_null() && view.vschema->value.empty()) continue;
      warning(cell.srv_vschema->path,
              "it has " + std::string(there.is_null() ? "no" : "another") +
                  " VSchema of keyspace " + keyspace + " than " + view.vschema->path,
              "run RebuildVSchemaGraph");
    }
  }

  const Topology& topology_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_topology(const Topology& topology) { return Check(topology).run(); }

}  // namespace topod::ctl
