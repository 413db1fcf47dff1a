// Where a subtree comes from or goes to, as one word of the command line:
//
//   /vitess/global                       on the servers of this command
//   host:2181,host:2181/vitess/global    on these servers
//   production:/vitess/global            on the servers of a toposphere of the configuration file
//   backup.json, ./folder, -             an export or a backup
//   file:/backup/today                   the same; a bare / would begin a znode's path
#pragma once

#include <string>
#include <string_view>

#include "tools/ctl/context.h"
#include "tools/ctl/exported.h"
#include "tools/ctl/result.h"

namespace topod::ctl {

struct Source {
  enum class Kind { kHere, kServers, kFile };
  Kind kind = Kind::kHere;
  std::string servers;  // or a toposphere's name
  std::string path;     // of a znode or a file
};

[[nodiscard]] Source parse_source(std::string_view word);

// The connection to it; not for kFile.
[[nodiscard]] Result<Znodes*> connect(Context& context, const Source& source);
[[nodiscard]] Result<Exported> read_source(Context& context, const Source& source, bool fuzzy);

}  // namespace topod::ctl
