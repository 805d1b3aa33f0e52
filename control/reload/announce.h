// What the operator is told about a configuration when it comes into force.
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/log/log.h"
#include "control/devices/ports.h"
#include "dataplane/ports/eal.h"

namespace control {

/// "backend NAME: HOST:PORT over TLS, as SUBJECT".
[[nodiscard]] std::string line_about(const backends::BackendSettings& backend);
/// What a backend must prove, in words.
[[nodiscard]] std::string identity_of(const backends::BackendSettings& backend);

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
