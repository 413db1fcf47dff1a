// What the administrator is shown of a member's part in its ensemble, under the names that
// monitoring knows from ZooKeeper and a few of our own. Reads only; loop thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/admin/view.h"
#include "server/node/config.h"
#include "server/node/peer_figures.h"
#include "server/zab/moment.h"
#include "server/zab/replica.h"

namespace topod::node {

// Transactions that the leader has and that server has not acknowledged. Those of earlier epochs
// are not counted, for nobody knows how many numbers of an epoch were used.
[[nodiscard]] int64_t lag_of(const zab::Learner& learner, Zxid last);

[[nodiscard]] admin::Mode mode_of(const Config& config, const zab::Replica& replica);
// "leading - broadcast" and the like; empty: no ensemble.
[[nodiscard]] std::string peer_state_of(const Config& config, const zab::Replica& replica);
[[nodiscard]] std::optional<admin::ProposalSizes> proposal_sizes_of(const zab::Replica& replica);
[[nodiscard]] std::optional<admin::EnsembleSettings> ensemble_settings_of(const Config& config);
// `peers` may be null: nothing is known of the links.
[[nodiscard]] std::optional<admin::EnsembleStatus> ensemble_status_of(const zab::Replica& replica,
                                                                      const PeerView* peers);

// Without what is known of checkpoints.
[[nodiscard]] admin::ZabStatus zab_status_of(const Config& config, const zab::Replica& replica);

// Of any server of an ensemble, and what only a leader knows: its followers and their lag.
void add_ensemble_gauges(const Config& config, const zab::Replica& replica, const PeerView* peers,
                         zab::Moment now, std::vector<admin::Gauge>& gauges);
// How long this server was without a leader, in milliseconds.
[[nodiscard]] admin::Summary election_times_of(const zab::Replica& replica);

}  // namespace topod::node
