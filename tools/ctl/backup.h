// A backup: a folder with the stored tree of a server as it was at one zxid, and a manifest.
//
//   OUT/manifest.json   what it is: zxid, counts, digest, and the hash of tree/data.mdb
//   OUT/tree/data.mdb   the tree as topod stores it, with ACLs, versions, times, sessions
//
// It is copied from the data directory of a server on this machine, which may be running: LMDB
// shows the copier one checkpoint, however much is written meanwhile. Every row is checked against
// its hash before the manifest is written, and again before anything is restored.
#pragma once

#include <string>

#include "tools/ctl/exported.h"
#include "tools/ctl/record.h"
#include "tools/ctl/result.h"

namespace topod::ctl {

struct Manifest {
  Zxid zxid;
  uint64_t znodes = 0;
  uint64_t sessions = 0;
  uint64_t data_bytes = 0;  // of the znodes
  uint64_t file_bytes = 0;
  std::string digest;  // of the state, as the word `hash` has its lower half
  std::string sha256;  // of the file
  std::string time;
};
[[nodiscard]] Json to_json(const Manifest& manifest);

// `out` must not exist. Takes the space of the stored tree.
[[nodiscard]] Result<Manifest> make_backup(const std::string& data_dir, const std::string& out);

// Reads the manifest and compares file, rows, counts and digest with it.
[[nodiscard]] Result<Manifest> check_backup(const std::string& backup);

// Makes a data directory that does not exist yet: that of a single server with this id. It goes on
// from the backup's zxid, with its ACLs, versions and times.
[[nodiscard]] Result<Manifest> restore_data_dir(const std::string& backup,
                                                const std::string& data_dir, uint32_t server_id);

// Whether that is the folder of a backup.
[[nodiscard]] bool is_backup(const std::string& path);
// Its znodes, for diff and import.
[[nodiscard]] Result<Exported> read_backup(const std::string& path);

}  // namespace topod::ctl
