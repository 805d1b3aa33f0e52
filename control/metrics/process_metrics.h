// The metrics that Prometheus expects of any process, from /proc.
#pragma once

#include "control/metrics/metric_family.h"

namespace control {

/// Leaves out what /proc does not tell.
void add_process_metrics(FamilyList& families);

}  // namespace control
