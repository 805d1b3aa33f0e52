// What the operator is told when dotline has started: devices, CPUs, addresses, backends.
#pragma once

#include "control/config/config.h"
#include "control/devices/listeners.h"
#include "control/devices/ports.h"
#include "control/log/log.h"
#include "dataplane/ports/eal.h"

namespace control {

/// That clients can ask at `bind`, if they can.
void announce_bind(const Bind& bind, Serving serving, Log& log);

/// What has started: devices, CPUs, backends.
void announce_start(const Config& config, const Ports& ports, const ports::Eal& eal, Log& log);

}  // namespace control
