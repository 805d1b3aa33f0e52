#include "control/status/published_sources.h"

#include <utility>

#include "control/config/named_files.h"
#include "control/text/version.h"
#include "tls-workers/server_tls/server_context.h"

namespace control {

MetricsSources::Port PublishedSources::counters_of_port(size_t i) const {
  const Ports& ports = running_.ports;
  return {.name = ports.name(i),
          .losses =
              [&ports, i] {
                const ports::PortStatistics lost = ports.statistics(i);
                return MetricsSources::PortLosses{lost.missed, lost.no_buffer,
                                                  lost.receive_errors + lost.send_errors};
              },
          .mempool_in_use = [&ports, i] { return ports.buffers_in_use(i); },
          .condition = [&ports, i] { return ports.condition(i); },
          .exceptions = running_.exception_path == nullptr
                            ? nullptr
                            : running_.exception_path->counters(static_cast<uint16_t>(i))};
}

/// Those that no reload changes.
MetricsSources PublishedSources::counters_of_threads(const Config& config) const {
  MetricsSources sources{.workers = {},
                         .reloads = &running_.reloads,
                         .log_lines_lost = [&log = running_.log] { return log.lost(); },
                         .version = version()};
  for (size_t core = 0; core < running_.cores.size(); ++core)
    sources.cores.push_back({config.eal.cores[core], &running_.cores[core]->counters});
  for (size_t i = 0; i < running_.ports.size(); ++i) sources.ports.push_back(counters_of_port(i));
  for (const auto& worker : running_.workers) {
    sources.workers.push_back(&worker->counters());
    sources.fronts.push_back(worker->client_counters());
  }
  return sources;
}

void PublishedSources::publish(const Config& config, std::vector<std::string> off) {
  auto counters = std::make_shared<MetricsSources>(counters_of_threads(config));
  for (const Topology::NumberedCache& numbered : running_.topology.caches())
    counters->caches.push_back({numbered.index, numbered.cache});
  counters->backends = running_.topology.backends();
  for (size_t i = 0; i < config.binds.size(); ++i) {
    const Bind& bind = config.binds[i];
    const std::string address = bind.address.text();
    if (bind.tls && bind.is_on()) counters->certificates.push_back({address, expiry_of(*bind.tls)});
    counters->binds.push_back({.address = address,
                               .protocol = protocol_name(bind.protocol),
                               .up = running_.listeners.is_up(config, i)});
  }
  counters->off = std::move(off);
  auto sources = std::make_shared<StatusSources>();
  sources->counters = std::move(counters);
  for (const auto& load : running_.loads) sources->loads.push_back(load.get());
  sources->pools = pools_in(config);
  for (const Bind& bind : config.binds)
    sources->bound_pools.push_back(config.pools[static_cast<size_t>(bind.pool)].name);
  sources->file = config.file;
  sources->started = running_.started;
  const std::lock_guard lock(mutex_);
  published_ = std::move(sources);
}

std::shared_ptr<const StatusSources> PublishedSources::read() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace control
