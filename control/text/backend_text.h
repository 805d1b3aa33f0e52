// A backend in words, as log lines and `dotline status` have it.
#pragma once

#include <string>

#include "tls-workers/backends/backend.h"

namespace control {

/// "backend NAME: HOST:PORT over TLS, as SUBJECT".
[[nodiscard]] std::string line_about(const backends::BackendSettings& backend);
/// What a backend must prove, in words.
[[nodiscard]] std::string identity_of(const backends::BackendSettings& backend);

}  // namespace control
