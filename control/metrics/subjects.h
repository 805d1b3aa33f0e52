// The metrics by what they are about. Each adds its families in the order they are shown.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "control/metrics/metric_family.h"
#include "control/metrics/metrics.h"

namespace control {

void add_ports(const MetricsSources& sources, FamilyList& families);
void add_exceptions(const MetricsSources& sources, FamilyList& families);
void add_queries(const MetricsSources& sources, FamilyList& families);
void add_caches(const MetricsSources& sources, FamilyList& families);
void add_connections(const MetricsSources& sources, FamilyList& families);
void add_client_tls(const MetricsSources& sources, FamilyList& families);
void add_misses(const MetricsSources& sources, FamilyList& families);
void add_backend_states(const MetricsSources& sources, FamilyList& families);
void add_backend_events(const MetricsSources& sources, FamilyList& families);

inline uint64_t unix_time(std::chrono::system_clock::time_point date) {
  return static_cast<uint64_t>(
      std::max<std::time_t>(std::chrono::system_clock::to_time_t(date), 0));
}

}  // namespace control
