// The text of /zookeeper/config: the members of the ensemble as ZooKeeper shows them. It comes
// from the configuration and is no replicated state. Pure.
//
// Clients believe it: Curator connects to the client addresses that stand in it and forgets those
// it was given. So it has addresses that clients can reach, of every member or of none.
#pragma once

#include <string>

#include "server/node/config.h"

namespace topod::node {

// "server.1=zk1:2888:3888:participant;zk1:2181\n...version=0"; empty without an ensemble.
[[nodiscard]] std::string config_node_text(const Config& config);

}  // namespace topod::node
