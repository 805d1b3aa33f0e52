// All that the operator is told again and again, looked up in the counters of the configuration in
// force.
#pragma once

#include "control/log/log.h"
#include "control/log/reminders.h"
#include "control/metrics/metrics.h"
#include "dataplane/base/clock.h"

namespace control {

struct AllReminders {
  Reminders backends;  // Those of the configuration in force.
  OwnCertificateReminder own_certificates{};
  Http1Reminder http_1{};
};

/// Says what has to be said now. About once a second.
void remind(AllReminders& reminders, const MetricsSources& sources, base::Time now, Log& log);

}  // namespace control
