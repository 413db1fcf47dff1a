// Serves the metrics to Prometheus over HTTP, at /metrics. Runs threads of its own; see Metrics
// for what they ask.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "server/admin/metrics.h"

namespace prometheus {
class Exposer;
}

namespace topod::admin {

class MetricsExposer {
 public:
  // `address` is a numeric one. The error says what failed.
  [[nodiscard]] static tl::expected<std::unique_ptr<MetricsExposer>, std::string> start(
      const std::string& address, uint16_t port, Metrics::Ask ask);
  // Waits until no scrape is under way.
  ~MetricsExposer();
  MetricsExposer(const MetricsExposer&) = delete;
  MetricsExposer& operator=(const MetricsExposer&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }  // as bound

 private:
  MetricsExposer(std::string address, Metrics::Ask ask);

  std::string address_;
  std::shared_ptr<Metrics> metrics_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  uint16_t port_ = 0;
};

}  // namespace topod::admin
