#include "server/admin/metric_families.h"

#include <algorithm>
#include <utility>

namespace topod::admin {

using prometheus::ClientMetric;
using prometheus::MetricType;

void MetricFamilies::family(std::string name, MetricType type, std::string_view help) {
  families_.push_back({std::move(name), std::string(help), type, {}});
}

ClientMetric& MetricFamilies::metric(MetricLabels labels) {
  ClientMetric& added = families_.back().metric.emplace_back();
  added.label.assign(labels.begin(), labels.end());
  return added;
}

void MetricFamilies::add(double value, MetricLabels labels) {
  ClientMetric& added = metric(labels);
  // The serializer reads the one that the family's type names.
  added.gauge.value = added.counter.value = value;
}

void MetricFamilies::add(const Histogram& histogram, const Range& range, MetricLabels labels) {
  ClientMetric::Histogram& shown = metric(labels).histogram;
  uint64_t passed = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    passed += histogram.count_of(i);
    if (i < range.first || i > range.last) continue;
    shown.bucket.push_back({passed, static_cast<double>(Histogram::bound(i)) * range.unit});
  }
  shown.sample_count = passed;
  shown.sample_sum = static_cast<double>(histogram.sum()) * range.unit;
}

void MetricFamilies::add(Summary summary) {
  ClientMetric::Summary& shown = metric({}).summary;
  shown.sample_count = summary.count;
  shown.sample_sum = summary.sum;
  shown.quantile = std::move(summary.quantiles);
}

void MetricFamilies::gauge(std::string name, std::string_view help, double value) {
  family(std::move(name), MetricType::Gauge, help);
  add(value);
}

void MetricFamilies::counter(std::string name, std::string_view help, double value) {
  family(std::move(name), MetricType::Counter, help);
  add(value);
}

std::vector<prometheus::MetricFamily> MetricFamilies::take() {
  std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
  return std::exchange(families_, {});
}

}  // namespace topod::admin
