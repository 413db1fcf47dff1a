// Gathers what the metrics tell from the parts of a running node: copies numbers, makes no text
// and asks nobody, for the loop waits meanwhile. Loop thread only.
#pragma once

#include <cstdint>

#include "server/admin/metrics_view.h"
#include "server/node/administration.h"
#include "server/node/config.h"
#include "server/node/interfaces.h"
#include "server/node/log_adapter.h"
#include "server/node/node.h"
#include "server/node/peer_figures.h"
#include "server/node/tree_adapter.h"
#include "server/zab/replica.h"

namespace topod::node {

class MetricsSource {
 public:
  struct Parts {
    const Config& config;
    const Administration& administration;
    const zab::Replica& replica;
    const Node& node;
    const ClientNet& net;
    const LogAdapter& log;
    const TreeAdapter& tree;
    const Meters* meters = nullptr;  // null: the load was not measured
    const Clock& clock;
    const PeerView* peers = nullptr;  // of a member of an ensemble
  };

  explicit MetricsSource(const Parts& parts) : parts_(parts) {}

  [[nodiscard]] admin::MetricsView view() const;

 private:
  void add_clients(admin::MetricsView& view) const;
  void add_refusals(admin::MetricsView& view) const;
  void add_ensemble(admin::EnsembleMetrics& ensemble) const;
  void add_storage(admin::StorageMetrics& storage, int64_t now_ms) const;
  void add_load(admin::MetricsView& view) const;
  void add_locks(admin::MetricsView& view, int64_t now_us) const;

  Parts parts_;
};

}  // namespace topod::node
