// Where a Status comes from: the counters of all threads, what their backends have met, and the
// configuration in force. Collected on request, by any thread.
#pragma once

#include <memory>
#include <vector>

#include "control/config/config.h"
#include "control/http/health_verdict.h"
#include "control/metrics/metrics.h"
#include "control/process/core_load.h"
#include "control/status/status.h"
#include "dataplane/base/clock.h"
#include "tls-workers/backends/backend_report.h"

namespace control {

/// Under one configuration. What is pointed to outlives all of them.
struct StatusSources {
  std::shared_ptr<const MetricsSources> counters;
  std::vector<const CoreLoad*> loads;  // By core, as in `counters`.
  std::vector<Status::Pool> pools;
  std::vector<std::string> bound_pools;  // Those that an address leads to.
  std::string file;                      // The configuration's.
  base::Time started;
};

/// Now, on the clock that times, and on the one that people read.
struct Moment {
  base::Time time;
  backends::Date date;
};

[[nodiscard]] Status collect_status(const StatusSources& sources, const HealthReport& health,
                                    const Moment& now);

/// The pools of `config`, with the names of what they have.
[[nodiscard]] std::vector<Status::Pool> pools_in(const Config& config);

}  // namespace control
