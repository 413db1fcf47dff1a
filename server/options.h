// What a configuration means to the parts that a server joins. Pure.
#pragma once

#include "server/net/client_options.h"
#include "server/net/peer_options.h"
#include "server/node/config.h"
#include "server/zab/config.h"
#include "storage/data_dir.h"

namespace topod::server {

// `open_files_max`: the process may have so many; 0: nobody knows.
[[nodiscard]] net::ClientOptions client_options(const node::Config& config,
                                                uint64_t open_files_max);
// `instance` of the identity is this data directory's, `ensemble` the id if it founds one.
[[nodiscard]] zab::ReplicaConfig replica_config(const node::Config& config,
                                                const storage::DirectoryIdentity& identity);
[[nodiscard]] net::PeerOptions peer_options(const node::Config& config,
                                            const storage::DirectoryIdentity& identity);

}  // namespace topod::server
