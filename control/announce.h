// What the operator is told when dotline has started: devices, CPUs, addresses, backends.
#pragma once

#include <cstdint>

#include "control/config/config.h"
#include "control/devices/ports.h"
#include "control/log/log.h"
#include "dataplane/ports/eal.h"

namespace control {

/// What clients get at an address.
enum class Serving : uint8_t {
  All,
  UdpOnly,  // Nobody listens there over TCP.
  Later,    // This machine does not have it.
  Nothing   // It is off.
};
void announce_bind(const Bind& bind, Serving serving, Log& log);

/// What has started: devices, CPUs, backends.
void announce_start(const Config& config, const Ports& ports, const ports::Eal& eal, Log& log);

}  // namespace control
