// What the operator is told about a configuration when it comes into force.
#pragma once

#include <string>

#include "control/config.h"

namespace control {

/// "backend NAME: HOST:PORT over TLS, as SUBJECT".
[[nodiscard]] std::string line_about(const tls::BackendSettings& backend);
/// What a backend must prove, in words.
[[nodiscard]] std::string identity_of(const tls::BackendSettings& backend);

}  // namespace control
