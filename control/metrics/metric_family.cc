#include "control/metrics/metric_family.h"

namespace control {

void FamilyList::begin(std::string name, std::string help, prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  families_.push_back(std::move(family));
}

void FamilyList::begin_counter(std::string name, std::string help) {
  begin(std::move(name), std::move(help), prometheus::MetricType::Counter);
}
void FamilyList::begin_gauge(std::string name, std::string help) {
  begin(std::move(name), std::move(help), prometheus::MetricType::Gauge);
}
void FamilyList::begin_histogram(std::string name, std::string help) {
  begin(std::move(name), std::move(help), prometheus::MetricType::Histogram);
}

void FamilyList::sample(Labels labels, double value) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  metric.gauge.value = value;
  families_.back().metric.push_back(std::move(metric));
}

void FamilyList::sample(Labels labels, const std::vector<const base::Histogram*>& histograms) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  // Buckets are read while others write: the count is the sum of what was read, so that they agree.
  uint64_t count = 0;
  uint64_t nanoseconds = 0;
  for (size_t bucket = 0; bucket < base::Histogram::kBuckets; ++bucket) {
    for (const base::Histogram* histogram : histograms) count += histogram->count_in(bucket);
    if (bucket == base::Histogram::kBounded) break;  // The serializer writes le="+Inf" itself.
    const auto bound = static_cast<double>(base::Histogram::upper_bound(bucket).count()) / 1e6;
    metric.histogram.bucket.push_back({count, bound});
  }
  for (const base::Histogram* histogram : histograms) nanoseconds += histogram->sum_nanoseconds();
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = static_cast<double>(nanoseconds) / 1e9;
  families_.back().metric.push_back(std::move(metric));
}

}  // namespace control
