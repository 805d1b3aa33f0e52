// A counter added up over all threads that have it. What follows the threads leads to it: pointers
// to members and, into arrays, indices: `sum(sources.cores, &CoreCounters::ports, 2,
// &PerPort::sent)`.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "control/metrics/metrics.h"

namespace control {

template <typename Thing, typename Step, typename... Rest>
uint64_t read_at(const Thing& thing, Step step, Rest... rest) {
  const auto& next = [&]() -> const auto& {
    if constexpr (std::is_member_object_pointer_v<Step>) {
      return thing.*step;
    } else {
      return thing[step];
    }
  }
  ();
  if constexpr (sizeof...(rest) == 0) {
    return next.read();
  } else {
    return read_at(next, rest...);
  }
}

/// Over all workers, all frontends or all that serve clients.
template <typename Counters, typename... Path>
uint64_t sum(const std::vector<const Counters*>& all, Path... path) {
  uint64_t total = 0;
  for (const Counters* one : all) total += read_at(*one, path...);
  return total;
}

/// Over all cores.
template <typename... Path>
uint64_t sum(const std::vector<MetricsSources::Core>& cores, Path... path) {
  uint64_t total = 0;
  for (const MetricsSources::Core& core : cores) total += read_at(*core.counters, path...);
  return total;
}

/// Of one backend over all workers.
template <typename... Path>
uint64_t sum(const questions::Configuration::Backend& backend, Path... path) {
  uint64_t total = 0;
  for (const backends::BackendLedger& ledger : backend.shared->ledgers)
    total += read_at(ledger.counters, path...);
  return total;
}

/// Over the exception paths of all ports.
template <typename... Path>
uint64_t sum_of_exceptions(const MetricsSources& sources, Path... path) {
  uint64_t total = 0;
  for (const MetricsSources::Port& port : sources.ports) {
    if (port.exceptions != nullptr) total += read_at(*port.exceptions, path...);
  }
  return total;
}

}  // namespace control
