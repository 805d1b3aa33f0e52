// The running program: ports, cores and workers assembled from a configuration.
#pragma once

#include "control/config/config.h"

namespace control {

/// Runs until SIGTERM. Returns the process's exit code: 0 after a clean drain, 1 after a fault.
int run(const Config& config);

}  // namespace control
