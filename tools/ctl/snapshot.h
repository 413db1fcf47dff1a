// A subtree as it was at one zxid, read over the client protocol, which has no snapshots of its
// own. Two ways:
//
// - All of it in one multiRead, which a server answers from one state. Names and access control
//   lists are not in that answer; they were read before, and the versions in it tell whether they
//   hold. Fits if request and answer are not too long.
// - Otherwise everything is read, and then every Stat again: if none has changed, then all that was
//   read held together at the end of the first pass.
//
// Both are tried a few times. A subtree in which znodes are created and deleted all the time, or a
// large one that is written to, does not hold still: then this fails (`topoctl backup` does not).
#pragma once

#include <string>
#include <vector>

#include "tools/ctl/result.h"
#include "tools/ctl/znodes.h"

namespace topod::ctl {

struct Subtree {
  std::string root;
  Zxid zxid;
  bool at_one_zxid = false;
  std::vector<Znode> znodes;  // parents before children
};

// `fuzzy`: what does not hold still is returned as it was found.
[[nodiscard]] Result<Subtree> read_subtree(Znodes& znodes, const std::string& root, bool fuzzy);

}  // namespace topod::ctl
