// What the operator is told about a configuration when it comes into force.
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/log.h"
#include "control/ports.h"

namespace control {

/// "backend NAME: HOST:PORT over TLS, as SUBJECT".
[[nodiscard]] std::string line_about(const tls::BackendSettings& backend);
/// What a backend must prove, in words.
[[nodiscard]] std::string identity_of(const tls::BackendSettings& backend);

/// What is different in `after`, one line for each thing; empty if nothing is. Settings that only a
/// restart changes are the same in both.
[[nodiscard]] std::vector<std::string> changes_between(const Config& before, const Config& after);

/// What has started: devices, CPUs, addresses, backends. `hugepages`: whether memory is in some.
void announce_start(const Config& config, const Ports& ports, bool hugepages, Log& log);

}  // namespace control
