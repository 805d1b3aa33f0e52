// What is wrong with this process, gathered from the parts that know of it. What that does to the
// verdict is health_verdict.h's.
#pragma once

#include "control/devices/drop_watch.h"
#include "control/devices/ports.h"
#include "control/http/health_verdict.h"
#include "control/log/log.h"
#include "control/process/watchdog.h"
#include "control/status/collect_status.h"
#include "dataplane/base/clock.h"

namespace control {

struct HealthSources {
  const Watchdog& watchdog;
  const Ports& ports;
  const DropWatch& drops;
  const Log& log;
  bool over_udp = false;  // It is answered at some address over UDP, whatever becomes of sockets.
};

/// Asked by the thread of the HTTP side, which is none of those that are judged here.
[[nodiscard]] HealthReport collect_health(const HealthSources& health, const StatusSources& status,
                                          base::Time now);

/// What DropWatch looks at.
[[nodiscard]] DropWatch::Counts counts_of_drops(const MetricsSources& sources);

}  // namespace control
