// Every counter of every thread as Prometheus metrics, read when scraped and at no other time.
// Nothing a client sends becomes a label; every label value there can be is exported from the
// start, at 0.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/devices/port_condition.h"
#include "control/reload/reload_record.h"
#include "control/text/version.h"
#include "dataplane/cache/cache.h"
#include "dataplane/poll/counters.h"
#include "dataplane/ports/exception_path.h"
#include "tls-workers/frontend/counters.h"
#include "tls-workers/questions/configuration.h"
#include "tls-workers/questions/counters.h"

namespace control {

/// Where the numbers come from, under one configuration. What is pointed to outlives all metrics;
/// what a reload may take away is shared. The functions are called by any thread.
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
    std::function<PortCondition()> condition;
    const ports::ExceptionPath::PortCounters* exceptions = nullptr;  // Nullptr: the port has none.
  };
  struct Cache {
    size_t index = 0;  // Of poll::CoreCounters::caches.
    std::shared_ptr<const cache::Cache> cache;
  };

  std::vector<Core> cores;
  std::vector<Port> ports;  // In the order of the configuration, as are caches and backends.
  std::vector<Cache> caches;
  std::vector<questions::Configuration::Backend> backends;
  std::vector<const questions::WorkerCounters*> workers;
  std::vector<const frontend::Counters*> fronts;  // Of workers that serve clients.
  struct ShownCertificate {
    std::string bind;
    std::chrono::system_clock::time_point expiry;
  };
  std::vector<ShownCertificate> certificates;  // To clients.
  struct Bind {
    std::string address;
    std::string protocol;
    bool up = false;  // All of it is answered.
  };
  std::vector<Bind> binds;
  std::vector<std::string> off;  // What is configured and not in effect, and why; a line for each.
  const ReloadRecord* reloads = nullptr;
  std::function<uint64_t()> log_lines_lost = [] { return uint64_t{0}; };
  Version version;

  /// The counters of all that serve clients: cores and frontends.
  [[nodiscard]] std::vector<const rules::ClientCounters*> clients() const;
};

class Metrics : public prometheus::Collectable {
 public:
  /// Those of the configuration in force. Any thread.
  using Sources = std::function<std::shared_ptr<const MetricsSources>()>;

  explicit Metrics(Sources sources) : sources_(std::move(sources)) {}

  /// Any thread, any number at once.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Sources sources_;
};

}  // namespace control
