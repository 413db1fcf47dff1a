// Brings a subtree of a server to what an export says: first a plan, then, if it is wanted, its
// steps. Over the protocol versions, times and zxids become new ones; data, ACLs and the shape are
// those of the export. Ephemeral znodes are left out: they belong to sessions.
#pragma once

#include <string>
#include <vector>

#include "tools/ctl/exported.h"
#include "tools/ctl/result.h"
#include "tools/ctl/znodes.h"

namespace topod::ctl {

struct ImportStep {
  enum class Kind { kCreate, kUpdate, kSetAcl, kRemove };
  Kind kind = Kind::kCreate;
  std::string path;      // on the server
  std::string relative;  // in the export; empty for kRemove
  int32_t version = -1;  // of what is replaced
};
[[nodiscard]] const char* name_of(ImportStep::Kind kind);

struct ImportOptions {
  bool overwrite = false;  // otherwise data that differ are a conflict
  bool remove = false;     // what is below the target and not in the export
};

struct ImportPlan {
  std::vector<ImportStep> steps;       // in the order in which they can be done
  std::vector<std::string> conflicts;  // paths that would have to be overwritten
  size_t unchanged = 0;
  size_t ephemerals = 0;  // left out
};

// Pure.
[[nodiscard]] ImportPlan plan_import(const Exported& wanted, const Exported& there,
                                     const std::string& target, const ImportOptions& options);

// What is below `target`; nothing if it does not exist.
[[nodiscard]] Result<Exported> read_target(Znodes& znodes, const std::string& target);

[[nodiscard]] Result<void> carry_out(Znodes& znodes, const ImportPlan& plan,
                                     const Exported& wanted);

}  // namespace topod::ctl
