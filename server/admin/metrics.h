// What Prometheus reads of a server: our own metrics (topod_*), those under the names that
// dashboards made for ZooKeeper ask for, and the process' own (process_*).
//
// `Metrics::Collect` runs on the exposer's threads. It asks the loop for plain values and waits a
// moment for them; a loop that does not answer is told by topod_loop_answered 0, and only what can
// be told without it follows.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <prometheus/collectable.h>

#include "server/admin/metric_families.h"
#include "server/admin/metrics_view.h"

namespace topod::admin {

class Metrics final : public prometheus::Collectable {
 public:
  // Safe from any thread; nothing: the loop did not answer in time.
  using Ask = std::function<std::optional<MetricsView>()>;

  explicit Metrics(Ask ask) : ask_(std::move(ask)) {}

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Ask ask_;
};

// metrics.cc
void add_server_metrics(const MetricsView& view, MetricFamilies& families);
// ensemble_metrics.cc
void add_ensemble_metrics(const EnsembleMetrics& ensemble, MetricFamilies& families);
void add_storage_metrics(const StorageMetrics& storage, MetricFamilies& families);
// zookeeper_metrics.cc
void add_zookeeper_metrics(const MetricsView& view, uint64_t open_files, MetricFamilies& families);

// process_metrics.cc. Read from the system, not for the loop.
struct ProcessFigures {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double start_seconds = 0;  // since 1970
  uint64_t threads = 0;
  uint64_t open_files = 0;
  uint64_t open_files_max = 0;
};
[[nodiscard]] ProcessFigures read_process();
void add_process_metrics(const ProcessFigures& process, MetricFamilies& families);

}  // namespace topod::admin
