#include "control/metrics/metrics.h"

#include "control/metrics/metric_family.h"
#include "control/metrics/process_metrics.h"
#include "control/metrics/subjects.h"

namespace control {
namespace {

void add_cores(const MetricsSources& sources, FamilyList& families) {
  families.begin_counter("dotline_core_busy_cycles_total",
                         "TSC cycles of turns that found something to do.");
  for (const MetricsSources::Core& core : sources.cores) {
    families.sample({{"core", std::to_string(core.cpu)}}, core.counters->busy_cycles.read());
  }
  families.begin_counter("dotline_core_cycles_total", "TSC cycles of all turns.");
  for (const MetricsSources::Core& core : sources.cores) {
    families.sample({{"core", std::to_string(core.cpu)}}, core.counters->cycles.read());
  }
  families.begin_counter("dotline_worker_turns_total",
                         "Turns of the worker, which stands still if this does.");
  for (size_t i = 0; i < sources.workers.size(); ++i) {
    families.sample({{"worker", std::to_string(i)}}, sources.workers[i]->turns.read());
  }
}

void add_parts_off(const MetricsSources& sources, FamilyList& families) {
  families.begin_gauge("dotline_bind_up",
                       "Whether all of what is configured is answered at this address.");
  for (const MetricsSources::Bind& bind : sources.binds)
    families.sample({{"bind", bind.address}}, uint64_t{bind.up ? 1U : 0U});
  families.begin_gauge(
      "dotline_parts_off",
      "Things that are configured and not in effect; `dotline status` names them.");
  families.sample({}, uint64_t{sources.off.size()});
}

void add_reloads(const MetricsSources& sources, FamilyList& families) {
  const ReloadRecord::Report report = sources.reloads->read();
  families.begin_counter("dotline_config_reloads_total",
                         "Reloads of the configuration, by result.");
  families.sample({{"result", "ok"}}, report.succeeded);
  families.sample({{"result", "failed"}}, report.failed);
  families.gauge("dotline_config_last_reload_successful",
                 "1 unless the last reload failed and the configuration before it stayed.",
                 report.last_error.empty() ? uint64_t{1} : uint64_t{0});
  families.gauge("dotline_config_loaded_timestamp_seconds",
                 "When the configuration in force was taken up.", unix_time(report.loaded));
  families.counter("dotline_log_lines_lost_total",
                   "Lines of the log that nobody will read: there was no room left for them.",
                   sources.log_lines_lost());
}

}  // namespace

std::vector<const rules::ClientCounters*> MetricsSources::clients() const {
  std::vector<const rules::ClientCounters*> all;
  for (const Core& core : cores) all.push_back(core.counters);
  all.insert(all.end(), fronts.begin(), fronts.end());
  return all;
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  const std::shared_ptr<const MetricsSources> sources = sources_();
  FamilyList families;
  families.begin_gauge("dotline_build_info", "Always 1; the labels tell what runs.");
  families.sample({{"version", sources->version.dotline},
                   {"dpdk", sources->version.dpdk},
                   {"openssl", sources->version.openssl}},
                  uint64_t{1});
  add_ports(*sources, families);
  add_exceptions(*sources, families);
  add_queries(*sources, families);
  add_caches(*sources, families);
  add_connections(*sources, families);
  add_client_tls(*sources, families);
  add_misses(*sources, families);
  add_cores(*sources, families);
  add_backend_states(*sources, families);
  add_backend_events(*sources, families);
  add_parts_off(*sources, families);
  add_reloads(*sources, families);
  add_process_metrics(families);
  return families.take();
}

}  // namespace control
