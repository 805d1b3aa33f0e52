// What metrics and status are made of, as it is under the configuration in force. The control
// thread puts it together and publishes it; a thread that shows it takes all of it at once.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/devices/listeners.h"
#include "control/devices/ports.h"
#include "control/log/log.h"
#include "control/process/core_load.h"
#include "control/reload/reload_record.h"
#include "control/reload/topology.h"
#include "control/status/collect_status.h"
#include "dataplane/poll/lcore_state.h"
#include "dataplane/ports/exception_path.h"
#include "tls-workers/worker/worker.h"

namespace control {

class PublishedSources {
 public:
  /// What is running; it outlives this. `exception_path`: nullptr if there is none.
  struct Running {
    const Ports& ports;
    ports::ExceptionPath* exception_path;
    const std::vector<std::unique_ptr<poll::LcoreState>>& cores;
    const std::vector<std::unique_ptr<worker::Worker>>& workers;
    const std::vector<std::unique_ptr<CoreLoad>>& loads;  // By core.
    const Topology& topology;
    const Listeners& listeners;
    const ReloadRecord& reloads;
    const Log& log;
    base::Time started;
  };

  explicit PublishedSources(const Running& running) : running_(running) {}

  /// The control thread, whenever another configuration is in force. `off`: what is configured and
  /// not in effect.
  void publish(const Config& config, std::vector<std::string> off);

  /// Any thread, once something was published.
  [[nodiscard]] std::shared_ptr<const StatusSources> read() const;

 private:
  [[nodiscard]] MetricsSources counters_of_threads(const Config& config) const;
  [[nodiscard]] MetricsSources::Port counters_of_port(size_t index) const;

  const Running running_;
  mutable std::mutex mutex_;
  std::shared_ptr<const StatusSources> published_;  // Under the mutex.
};

}  // namespace control
