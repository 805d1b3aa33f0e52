// Where packet caches lie: in large pages, on the memory of the CPUs that read them.
#pragma once

#include "control/config/config.h"
#include "control/log/log.h"

namespace control {

/// Once, before the first cache is made; EAL runs by then. Logs where they will be.
void place_caches(const Config& config, Log& log);

}  // namespace control
