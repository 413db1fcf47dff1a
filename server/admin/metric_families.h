// Builds metric families in Prometheus' sense, one metric after the other. Of one thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

#include "proto/histogram.h"

namespace topod::admin {

using MetricLabels = std::initializer_list<prometheus::ClientMetric::Label>;

class MetricFamilies {
 public:
  // Begins a family; the metrics that follow are its own. A family without a metric is left out.
  void family(std::string name, prometheus::MetricType type, std::string_view help);
  void add(double value, MetricLabels labels = {});
  // Only the buckets first to last are shown, for what they measure lies there; values above the
  // last count for +Inf. `unit`: what one of the histogram's is in the metric's unit.
  struct Range {
    size_t first = 0;
    size_t last = Histogram::kBuckets - 2;
    double unit = 1;
  };
  void add(const Histogram& histogram, const Range& range, MetricLabels labels = {});
  // A summary of everything since start.
  struct Summary {
    uint64_t count = 0;
    double sum = 0;
    std::vector<prometheus::ClientMetric::Quantile> quantiles;
  };
  void add(Summary summary);

  // A family with one metric.
  void gauge(std::string name, std::string_view help, double value);
  void counter(std::string name, std::string_view help, double value);

  [[nodiscard]] std::vector<prometheus::MetricFamily> take();

 private:
  prometheus::ClientMetric& metric(MetricLabels labels);

  std::vector<prometheus::MetricFamily> families_;
};

// Times in microseconds from 32 us to 16 s, in seconds.
inline constexpr MetricFamilies::Range kSeconds{5, 24, 1e-6};

}  // namespace topod::admin
