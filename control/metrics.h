// Every counter of every thread as Prometheus metrics, read when somebody asks and at no other
// time. Nothing a client sends becomes a label; every label value there can be is exported from the
// start, at 0.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "control/version.h"
#include "dataplane/cache/cache.h"
#include "dataplane/poll/counters.h"
#include "dataplane/poll/exception_path.h"
#include "tls-workers/upstream/backend.h"
#include "tls-workers/worker.h"

namespace control {

/// Where the numbers come from. What is pointed to outlives the metrics; the functions are called
/// by any thread.
struct MetricsSources {
  struct Core {
    unsigned cpu = 0;
    const poll::CoreCounters* counters = nullptr;
  };
  struct PortLosses {
    uint64_t missed = 0;     // Frames that found the receive ring full.
    uint64_t no_buffer = 0;  // Frames that found the mempool empty.
    uint64_t errors = 0;     // Frames the device could not receive or send.
  };
  struct Port {
    std::string name;
    std::function<PortLosses()> losses;
    std::function<uint64_t()> mempool_in_use;
    std::function<bool()> link_is_up;
    const poll::ExceptionPath::PortCounters* exceptions = nullptr;  // Nullptr: the port has none.
  };
  struct Worker {
    const tls::WorkerCounters* counters = nullptr;
    std::vector<const tls::BackendCounters*> backends;  // One for each of `backends` below.
    std::vector<const tls::BackendRecord*> records;     // As many.
  };

  std::vector<Core> cores;
  std::vector<Port> ports;  // In the order of the configuration, as are caches and backends.
  std::vector<const cache::Cache*> caches;
  std::vector<std::string> backends;            // Their names.
  std::vector<const tls::Rotation*> rotations;  // Of the backends.
  std::vector<Worker> workers;
  Version version;
};

class Metrics : public prometheus::Collectable {
 public:
  explicit Metrics(MetricsSources sources) : sources_(std::move(sources)) {}

  /// Any thread, any number at once.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  MetricsSources sources_;
};

}  // namespace control
