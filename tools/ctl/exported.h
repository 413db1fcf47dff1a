// A subtree outside of any server: what `export` writes, `import` reads, and `copy` and `diff`
// compare. Two forms of the same:
//
//   a JSON document   {"format": "topoctl export 1", "root", "zxid", "time", "znodes": [...]}
//   a directory       DIR/export.json is that document, with "file" instead of data; the data of
//                     /a/b lie in DIR/data/a/b/@data, to be looked at, changed and kept in git
//
// Each znode: "path" relative to the root ("" is the root), "encoding" and "value" (see value.h),
// "acl", "ephemeral" if it is, "stat". Plain values; errors name the file and the znode.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tools/ctl/record.h"
#include "tools/ctl/result.h"
#include "tools/ctl/snapshot.h"

namespace topod::ctl {

struct ExportedNode {
  client::Data data;
  Acls acls;
  bool is_ephemeral = false;
  Stat stat = {};
};

struct Exported {
  std::string root;
  Zxid zxid;
  bool at_one_zxid = true;
  std::map<std::string, ExportedNode> nodes;  // by path relative to the root, "" for the root
};

[[nodiscard]] Exported exported(Subtree subtree);

// "decode": Vitess's records as JSON instead of their bytes.
[[nodiscard]] Json to_json(const Exported& exported, bool decode, std::string_view time);
[[nodiscard]] Result<Exported> from_json(const Json& json, const std::string& name);

// `path`: a file, "-", or (with `as_directory`) a directory that is new or empty.
[[nodiscard]] Result<void> write_export(const Exported& exported, const std::string& path,
                                        bool as_directory, bool decode, std::string_view time);
[[nodiscard]] Result<Exported> read_export(const std::string& path);

// "a/b:c" -> "a%2fb%3ac": safe as the name of a file, whatever a znode is called.
[[nodiscard]] std::string file_name_of(std::string_view znode_name);

}  // namespace topod::ctl
