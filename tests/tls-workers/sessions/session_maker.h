// TLS sessions as a client keeps them, from handshakes that never leave memory.
#pragma once

#include "tests/tls-workers/certificates.h"
#include "tls-workers/transport/tickets.h"

namespace tests {

/// The session of a client that has accepted `identity`, whatever it is.
[[nodiscard]] transport::SslSession session_with(const Identity& identity);

}  // namespace tests
