// Builds one Prometheus metric family after the other, in as few words as its name, its help and
// its samples take.
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

#include "dataplane/base/histogram.h"

namespace control {

using Labels = std::vector<prometheus::ClientMetric::Label>;

class FamilyList {
 public:
  /// What follows adds samples to the family begun last.
  void begin_counter(std::string name, std::string help);
  void begin_gauge(std::string name, std::string help);
  void begin_histogram(std::string name, std::string help);

  void sample(Labels labels, double value);
  void sample(Labels labels, uint64_t value) {
    sample(std::move(labels), static_cast<double>(value));
  }
  /// The sum of `histograms`, in seconds.
  void sample(Labels labels, const std::vector<const base::Histogram*>& histograms);

  /// One for each of `names`, in their order; `value_of` is given the index.
  template <typename Names, typename ValueOf>
  void samples(const char* label, const Names& names, ValueOf value_of) {
    for (size_t i = 0; i < names.size(); ++i) sample({{label, std::string(names[i])}}, value_of(i));
  }

  /// Families of one sample without labels.
  template <typename Value>
  void counter(std::string name, std::string help, Value value) {
    begin_counter(std::move(name), std::move(help));
    sample({}, value);
  }
  template <typename Value>
  void gauge(std::string name, std::string help, Value value) {
    begin_gauge(std::move(name), std::move(help));
    sample({}, value);
  }

  [[nodiscard]] std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  void begin(std::string name, std::string help, prometheus::MetricType type);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace control
