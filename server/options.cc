#include "server/options.h"

#include <algorithm>

#include "server/node/config_node.h"
#include "server/state/state.h"
#include "server/zab/membership.h"

namespace topod::server {

net::ClientOptions client_options(const node::Config& config, uint64_t open_files_max) {
  net::ClientOptions options;
  options.address = config.client_address;
  options.port = static_cast<uint16_t>(std::max(config.client_port, 0));
  options.backlog = config.listen_backlog;
  options.tcp_keep_alive = config.client_tcp_keep_alive;
  options.max_frame_bytes = config.max_frame_bytes;
  options.max_connections = config.max_connections;
  options.max_connections_per_address = config.max_connections_per_address;
  if (open_files_max > 0) {  // With very few, clients have half of them.
    options.max_connections_by_files =
        open_files_max - std::min(net::kReservedFiles, open_files_max / 2);
  }
  options.unsent_close_bytes = config.max_unsent_bytes;
  options.unsent_close_total_bytes = config.max_unsent_bytes_total;
  options.unsent_pause_bytes = std::min(options.unsent_pause_bytes, config.max_unsent_bytes);
  options.sessionless_timeout_ms = config.sessionless_timeout_ms;
  return options;
}

zab::ReplicaConfig replica_config(const node::Config& config,
                                  const storage::DirectoryIdentity& identity) {
  zab::ReplicaConfig replica;
  replica.self = config.server_id;
  replica.instance = identity.instance;
  replica.fresh_ensemble = identity.ensemble;
  for (const node::Member& member : config.members) {
    replica.members.push_back({member.id, member.role == node::MemberRole::kObserver, member.weight,
                               member.group.value_or(0)});
  }
  if (config.members.size() > 1) {
    replica.init_limit_ms = int64_t{config.init_limit_ticks} * config.tick_time_ms;
    replica.sync_limit_ms = int64_t{config.sync_limit_ticks} * config.tick_time_ms;
  }
  replica.failover_hold_ms = config.failover_hold_ms;
  replica.read_only_enabled = config.read_only_enabled;
  replica.config_node_data = node::config_node_text(config);
  replica.tick_ms = config.tick_time_ms;
  replica.min_session_timeout_ms = config.min_session_timeout_ms;
  replica.max_session_timeout_ms = config.max_session_timeout_ms;
  replica.authentication = {.digest_enabled = config.digest_enabled,
                            .digest_algorithm = config.digest_algorithm,
                            .super_digest = config.super_digest.reveal()};
  replica.skip_acl = config.skip_acl;
  replica.enforce_quota = config.enforce_quota;
  replica.ttl_nodes_enabled = config.extended_types;
  if (config.enforce_auth) replica.required_schemes = config.enforce_auth_schemes;
  replica.max_unsent_bytes = config.max_unsent_bytes;
  replica.watch_limit_per_connection = config.max_watches_per_connection;
  replica.container_check_interval_ms = config.container_check_interval_ms;
  replica.container_max_per_minute = config.container_max_per_minute;
  replica.container_max_never_used_ms = config.container_max_never_used_ms;
  return replica;
}

net::PeerOptions peer_options(const node::Config& config,
                              const storage::DirectoryIdentity& identity) {
  net::PeerOptions peers;
  peers.self = config.server_id;
  peers.instance = identity.instance;
  peers.secret = config.peer_secret;
  peers.voters_hash = zab::voters_hash(replica_config(config, identity));
  peers.feature_level = state::kFeatureLevel;
  peers.silence_max_ms = int64_t{config.sync_limit_ticks} * config.tick_time_ms;
  for (const node::Member& member : config.members) {
    std::vector<node::HostPort> addresses;
    for (const node::PeerAddress& address : member.addresses) {
      addresses.push_back({address.host, address.quorum_port});
    }
    if (member.id == config.server_id) {
      if (config.listen_for_peers_on_all) addresses = {{"", addresses.front().port}};
      peers.listen = std::move(addresses);
    } else {
      peers.members.push_back({member.id, std::move(addresses)});
    }
  }
  return peers;
}

}  // namespace topod::server
