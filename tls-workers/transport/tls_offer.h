// What we offer in TLS handshakes beside OpenSSL's defaults: ciphers, groups, versions. It may be
// made stricter, never weaker: whatever the settings say, security level 2 holds (112 bits of
// strength, no SHA-1 signatures), and the server is authenticated.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

#include "tls-workers/backends/backend.h"

namespace transport {

// What is wrong with such a setting, as a sentence without its whole text, naming the part that
// OpenSSL does not take; nothing if it can be used.
[[nodiscard]] std::optional<std::string> fault_of_ciphers(const std::string& list);
[[nodiscard]] std::optional<std::string> fault_of_ciphers_tls_13(const std::string& list);
[[nodiscard]] std::optional<std::string> fault_of_ecdhe_curves(const std::string& list);

/// Whether `context` has taken them all; if not, OpenSSL's error queue says why.
[[nodiscard]] bool set_offer(SSL_CTX* context, const backends::TlsSettings& settings);

}  // namespace transport
