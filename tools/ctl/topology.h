// A Vitess topology as its znodes tell it: cells, keyspaces, shards, tablets, and what each cell's
// serving graph says of them. Filled from the znodes of the global topology and of each cell.
// Plain values; pure functions but for read_topology.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/ctl/context.h"
#include "tools/ctl/finding.h"
#include "tools/ctl/record.h"
#include "tools/ctl/znodes.h"

namespace topod::ctl {

struct Record {
  std::string path;
  Json value = Json::object();
  Stat stat = {};
};

struct CellView {
  Record info;
  std::string servers;
  std::string root;
  std::string unreadable;                      // why it could not be read; empty: it was
  std::map<std::string, Record> tablets;       // by alias, "zone1-0000000100"
  std::map<std::string, Record> replications;  // by "keyspace/shard"
  std::map<std::string, Record> srv_keyspaces;
  std::optional<Record> srv_vschema;
};

struct KeyspaceView {
  std::optional<Record> keyspace;
  std::optional<Record> vschema;
  std::map<std::string, Record> shards;
};

struct Topology {
  std::string root;
  std::map<std::string, CellView> cells;
  std::map<std::string, Record> aliases;  // of groups of cells
  std::map<std::string, KeyspaceView> keyspaces;
  std::vector<Finding> troubles;  // what could not be decoded, or is too long
};

// Takes what it knows from the znodes below `root`, which were read with their data.
void add_global(Topology& topology, const std::string& root, const std::vector<Znode>& znodes);
void add_cell(Topology& topology, const std::string& cell, const std::vector<Znode>& znodes);

struct TopologyParts {
  bool keyspaces = true;
  bool cells = true;                // what lies in each of them
  std::string only_below = {};      // of each cell: "tablets"
  std::set<std::string> only = {};  // these cells; empty: all
};
// A cell that cannot be read says so in `unreadable`; the global topology must be there.
[[nodiscard]] Result<Topology> read_topology(Context& context, const TopologyParts& parts);

// ---- what records say --------------------------------------------------------------------------

// "zone1-0000000100" of {"cell": "zone1", "uid": 100}; empty if there is none.
[[nodiscard]] std::string alias_text(const Json& alias);
[[nodiscard]] std::string string_of(const Json& record, const char* field);
[[nodiscard]] std::string alias_of(const Json& record, const char* field);
// "host:port" of the port with this name; empty if there is none.
[[nodiscard]] std::string address_of(const Json& tablet, const char* port);
// "-80", "80-", "-" from a key range.
[[nodiscard]] std::string range_text(const Json& record);

}  // namespace topod::ctl
